//! What a leader knows of the holders of send leases, for taking over their messages (rule R11).

use model::id::{Epoch, GroupId, NodeId, RegionId};

/// The leases of the groups that this node leads.
pub trait Leases: Send + Sync {
    /// Says whether the region's waiting messages may be moved under this plan: each of its nodes reported that it
    /// applied the plan and settled everything that it began before, or can hold no lease of the group: W has passed
    /// since the last grant to it, the tenure is older than W, and the leader's evidence holds now.
    fn may_move(&self, group: GroupId, region: &RegionId, epoch: Epoch) -> bool;

    /// Says whether a node was removed from the cluster, or wasn't heard for long, is no member of the group, and can hold
    /// no lease of it any more: nothing that it claimed begins from now on.
    fn is_gone(&self, group: GroupId, node: NodeId) -> bool;
}
