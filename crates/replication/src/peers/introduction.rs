//! What every call between nodes says of itself: which cluster it is of, who calls, and whom it is for. The other end
//! checks it before it looks at anything else (`server::callers`), so that a node of another cluster at a known address,
//! or another node of this one, is never taken for the member that was meant.

use model::id::{ClusterId, NodeId, RegionId};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use wire::peer::peer_client::PeerClient;

/// The cluster, as [`ClusterId`] prints it.
pub(crate) const CLUSTER: &str = "signalbox-cluster";
/// The number of the calling node.
pub(crate) const NODE: &str = "signalbox-node";
/// The region of the calling node.
pub(crate) const REGION: &str = "signalbox-region";
/// The number of the node that is called.
pub(crate) const TO: &str = "signalbox-to";

/// Calls to one other node.
pub(crate) type PeerCalls = PeerClient<InterceptedService<Channel, Introduce>>;

/// Who this node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Introduction {
    pub(crate) cluster: ClusterId,
    pub(crate) node: NodeId,
    pub(crate) region: RegionId,
}

impl Introduction {
    /// Returns what introduces this node on calls to another one.
    pub(crate) fn to(&self, other: NodeId) -> Introduce {
        let text = |value: String| value.parse().expect("numbers, digits and region names are visible ASCII");
        Introduce {
            cluster: text(self.cluster.to_string()),
            node: text(self.node.to_string()),
            region: text(self.region.to_string()),
            to: text(other.to_string()),
        }
    }
}

/// Puts the introduction on each call.
#[derive(Debug, Clone)]
pub(crate) struct Introduce {
    cluster: MetadataValue<Ascii>,
    node: MetadataValue<Ascii>,
    region: MetadataValue<Ascii>,
    to: MetadataValue<Ascii>,
}

impl Interceptor for Introduce {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert(CLUSTER, self.cluster.clone());
        metadata.insert(NODE, self.node.clone());
        metadata.insert(REGION, self.region.clone());
        metadata.insert(TO, self.to.clone());
        Ok(request)
    }
}

/// Says why two nodes don't take each other for members, if that is why a call failed: one of them said so, or the
/// certificates don't fit.
pub(crate) fn refusal(status: &Status) -> Option<String> {
    if matches!(status.code(), Code::FailedPrecondition | Code::Unauthenticated) {
        return Some(status.message().to_owned());
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(status);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(tls) = tls.or_else(|| error.downcast_ref::<rustls::Error>()) {
            return Some(tls.to_string());
        }
        cause = error.source();
    }
    None
}
