//! What a node knows of the others without asking a log: who saw whom last, and who leads.

use std::collections::BTreeMap;
use std::time::Duration;

use model::cluster::Nodes;
use model::id::{GroupId, NodeId};

/// What is known of one other node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NeighbourNews {
    /// How long ago this node last saw it; nothing when it never did.
    pub last_seen: Option<Duration>,
    /// How long ago it last reported whom it saw; nothing when it never did.
    pub reported: Option<Duration>,
    /// How long ago it had last seen the others, by that report, with the report's age added.
    pub peers_last_seen: BTreeMap<NodeId, Duration>,
}

/// The other nodes, seen from one.
pub trait Neighbours: Send + Sync {
    /// Says whether this node leads the group now, as far as it knows.
    fn leads(&self, group: GroupId) -> bool;

    /// Returns the nodes of the cluster as known now: members come and go.
    fn nodes(&self) -> Nodes;

    /// Tells what is known of each other node.
    fn news(&self) -> BTreeMap<NodeId, NeighbourNews>;
}
