//! Whether a node may be added: what the operator says of it against what is known, then against what the node itself
//! says at its address. Nothing is changed before both agree, so that a typing error leaves no trace, and a process that
//! is a member already never counts twice.

use std::time::Duration;

use model::cluster::{NodeInfo, RegionKind, check_against};
use model::id::RegionId;
use model::version::{Build, Versions};
use service::ports::ClusterError;
use tonic::Code;
use wire::peer::{IdentifyReply, IdentifyRequest};

use crate::node::shared::Node;

/// How long the node may take to say who it is.
const IDENTIFY: Duration = Duration::from_secs(5);

/// Checks a node that is to be added; one that is a learner already may be added again.
pub(crate) async fn check(node: &Node, info: &NodeInfo) -> Result<(), ClusterError> {
    let nodes = node.peers.nodes();
    check_against(&nodes, info).map_err(|conflict| ClusterError::Refused(conflict.to_string()))?;
    let is_voter = node.hosted().any(|group| group.membership().voter_ids().any(|voter| voter == info.id.0));
    if info.id == node.id || is_voter {
        return Err(ClusterError::Refused(format!("node {} is a member already", info.id)));
    }
    let regions = node.peers.regions();
    if !regions.contains(&info.region) {
        let known = regions.iter().map(RegionId::as_str).collect::<Vec<_>>().join(", ");
        let region = &info.region;
        return Err(ClusterError::Refused(format!("there is no region {region}: the cluster's regions are {known}")));
    }
    let said = identify(node, info).await?;
    compare(node, info, &said)
}

/// Asks the node at the address who it is.
async fn identify(node: &Node, info: &NodeInfo) -> Result<IdentifyReply, ClusterError> {
    let place = format!("node {} at {}", info.id, info.peer);
    let mut client = node.peers.calls(info).map_err(|error| ClusterError::Refused(error.to_string()))?;
    match tokio::time::timeout(IDENTIFY, client.identify(IdentifyRequest {})).await {
        Ok(Ok(reply)) => Ok(reply.into_inner()),
        Ok(Err(status)) if matches!(status.code(), Code::FailedPrecondition | Code::Unauthenticated) => {
            Err(ClusterError::Refused(format!("{place} is not that node: {}", status.message())))
        }
        Ok(Err(status)) => {
            let reason = status.message();
            Err(ClusterError::Refused(format!("{place} doesn't answer ({reason}): start it first")))
        }
        Err(_) => Err(ClusterError::Refused(format!("{place} didn't answer in {IDENTIFY:?}: start it first"))),
    }
}

/// Compares what a node says of itself with what is said of it.
fn compare(node: &Node, info: &NodeInfo, said: &IdentifyReply) -> Result<(), ClusterError> {
    let refused = |detail: String| Err(ClusterError::Refused(format!("node {} says that it {detail}", info.id)));
    let partitions = node.groups.len() - 1;
    let knows_it = node.hosted().any(|group| group.membership().get_node(&info.id.0).is_some());
    let kind = if said.serving { RegionKind::Serving } else { RegionKind::Witness };
    if said.region != info.region.as_str() {
        return refused(format!("is in region {}", said.region));
    }
    if kind != info.kind {
        return refused(format!("is {kind}: give its kind as its configuration has it"));
    }
    if said.partitions as usize != partitions {
        return refused(format!("has {} partitions, the cluster has {partitions}", said.partitions));
    }
    if said.has_data && !knows_it {
        return refused(
            "has data already: it may belong to an earlier cluster; stop it and remove its data folder".to_owned(),
        );
    }
    let build = Build::new(&said.build, Versions::new(said.oldest_version, said.newest_version));
    let unknown = node.hosted().map(|group| group.version.now()).find(|version| !build.versions.know(*version));
    if let Some(version) = unknown {
        return refused(format!(
            "runs {build}, which knows apply version {}; the cluster is at {version}: install its release there",
            build.versions
        ));
    }
    Ok(())
}
