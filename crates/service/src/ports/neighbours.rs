//! What a node knows of the others without asking a log: who saw whom last, who leads, and who could send.

use std::collections::BTreeMap;
use std::time::Duration;

use model::cluster::Nodes;
use model::id::{GroupId, NodeId};
use model::version::Build;
use traffic::loss::Starved;
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

    /// Tells which holders are without a lease because the line to their partition's leader is cut: what this node says
    /// itself and what others said lately, in no order and maybe twice.
    fn starved(&self) -> Vec<Starved>;

    /// Returns the programs of all nodes that reported theirs, this one's among them, and how long ago each did.
    fn builds(&self) -> BTreeMap<NodeId, (Build, Duration)>;

    /// Says which regions could send now, as far as this node knows.
    fn readiness(&self) -> RegionReadiness;
}
