//! Who may speak to this node: in goes what a call says of itself and what its connection proved, out comes the caller.
//!
//! What must always hold: no message is decoded for a caller of another cluster, for a call that is meant for another
//! node, or for one whose certificate names somebody else; and nobody votes, leads, proposes or holds leases in another
//! node's name.

use std::sync::Arc;

use model::id::{ClusterId, NodeId, RegionId};
use tonic::metadata::MetadataMap;
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::peers::introduction::{CLUSTER, Introduction, NODE, REGION, TO};
use crate::peers::transport::PeerProof;

/// A node of this cluster that calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) node: NodeId,
    pub(crate) region: RegionId,
}

impl Caller {
    /// Returns who makes a call that was let in.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Arc<Caller>, Status> {
        let caller = request.extensions().get::<Arc<Caller>>().cloned();
        caller.ok_or_else(|| Status::internal("the call was not checked"))
    }

    /// Refuses a message in another node's name.
    pub(crate) fn is(&self, node: u64) -> Result<(), Status> {
        if self.node.0 == node {
            return Ok(());
        }
        Err(Status::permission_denied(format!("node {} speaks in the name of node {node}", self.node)))
    }
}

/// Lets calls in.
#[derive(Debug, Clone)]
pub(crate) struct CallerCheck {
    cluster: ClusterId,
    own: NodeId,
    cluster_text: String,
}

impl CallerCheck {
    pub(crate) fn new(own: &Introduction) -> CallerCheck {
        CallerCheck { cluster: own.cluster, own: own.node, cluster_text: own.cluster.to_string() }
    }

    fn check(&self, metadata: &MetadataMap) -> Result<Caller, Status> {
        let missing = |key: &str| Status::failed_precondition(format!("the call has no valid {key}"));
        let text =
            |key: &'static str| metadata.get(key).and_then(|value| value.to_str().ok()).ok_or_else(|| missing(key));
        let cluster = text(CLUSTER)?;
        if cluster != self.cluster_text {
            let own = self.cluster;
            return Err(Status::failed_precondition(format!(
                "this is a node of cluster {own}, the call is for {cluster}"
            )));
        }
        let number = |key| text(key)?.parse().map(NodeId).map_err(|_| missing(key));
        let to = number(TO)?;
        if to != self.own {
            return Err(Status::failed_precondition(format!("this is node {}, the call is for node {to}", self.own)));
        }
        let node = number(NODE)?;
        if node == self.own {
            return Err(Status::failed_precondition(format!("this is node {node} itself: two nodes have one number")));
        }
        Ok(Caller { node, region: RegionId::new(text(REGION)?).map_err(|_| missing(REGION))? })
    }
}

impl Interceptor for CallerCheck {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let caller = self.check(request.metadata())?;
        let proof = request.extensions().get::<PeerProof>();
        let proved = proof.is_some_and(|proof| proof.is_of(self.cluster, caller.node, &caller.region));
        if !proved {
            let Caller { node, region } = caller;
            return Err(Status::unauthenticated(format!("the certificate is not one of node {node} in {region}")));
        }
        request.extensions_mut().insert(Arc::new(caller));
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Introduction {
        Introduction { cluster: ClusterId(7), node: NodeId(1), region: RegionId::new("a").unwrap() }
    }

    /// What the node 1 of cluster 7 says to a call of `from` that is meant for `to`.
    fn call(from: &Introduction, to: u64, proof: Option<PeerProof>) -> Result<Caller, Status> {
        let mut request = from.to(NodeId(to)).call(Request::new(())).unwrap();
        if let Some(proof) = proof {
            request.extensions_mut().insert(proof);
        }
        let request = CallerCheck::new(&own()).call(request)?;
        Caller::of(&request).map(|caller| (*caller).clone())
    }

    #[test]
    fn a_member_is_let_in_and_speaks_for_itself_alone() {
        let other = Introduction { node: NodeId(2), ..own() };
        let caller = call(&other, 1, Some(PeerProof::Unproved)).unwrap();
        assert_eq!(caller, Caller { node: NodeId(2), region: other.region });
        caller.is(2).unwrap();
        assert_eq!(caller.is(3).unwrap_err().code(), tonic::Code::PermissionDenied);
    }

    #[test]
    fn strangers_and_lost_calls_are_refused() {
        let other = Introduction { node: NodeId(2), ..own() };
        let stranger = Introduction { cluster: ClusterId(8), ..other.clone() };
        let namesake = Introduction { node: NodeId(1), ..own() };
        for (from, to) in [(&stranger, 1), (&other, 3), (&namesake, 1)] {
            let refused = call(from, to, Some(PeerProof::Unproved)).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::FailedPrecondition, "{refused}");
        }
        assert_eq!(call(&other, 1, None).unwrap_err().code(), tonic::Code::Unauthenticated);
        let silent = CallerCheck::new(&own()).call(Request::new(())).unwrap_err();
        assert_eq!(silent.code(), tonic::Code::FailedPrecondition);
    }
}
