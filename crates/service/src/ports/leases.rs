//! What a leader knows of the holders of send leases, for taking over their messages (rule R11).

use model::id::{Epoch, GroupId, RegionId};

/// The leases of the groups that this node leads.
pub trait Leases: Send + Sync {
    /// Says whether no node of the region can hold a lease of the group: W has passed since the last grant to any of
    /// them, the tenure is older than W, and the leader's evidence holds now.
    fn lapsed(&self, group: GroupId, region: &RegionId) -> bool;

    /// Says whether the region reported that it applied this plan and settled everything that it began before.
    fn drained(&self, group: GroupId, region: &RegionId, epoch: Epoch) -> bool;
}
