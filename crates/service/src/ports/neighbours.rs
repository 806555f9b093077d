//! What a node knows of the others without asking a log: who saw whom last, who leads, and who could send.

use std::collections::BTreeMap;

use model::cluster::Nodes;
use model::id::{GroupId, NodeId};
pub use traffic::readiness::NeighbourNews;
use traffic::readiness::RegionReadiness;

/// The other nodes, seen from one.
pub trait Neighbours: Send + Sync {
    /// Says whether this node leads the group now, as far as it knows.
    fn leads(&self, group: GroupId) -> bool;

    /// Returns the nodes of the cluster as known now: members come and go.
    fn nodes(&self) -> Nodes;

    /// Tells what is known of each other node.
    fn news(&self) -> BTreeMap<NodeId, NeighbourNews>;

    /// Says which regions could send now, as far as this node knows.
    fn readiness(&self) -> RegionReadiness;
}
