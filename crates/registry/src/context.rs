//! Where and when an entry is applied: all that applying sees beside the tables.

use model::id::GroupId;
use model::time::Timestamp;
use model::version::Versions;

/// Where and when an entry is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplyContext {
    /// The group whose log holds the entry.
    pub group: GroupId,
    /// How many partitions the cluster has; fixed when the cluster was made.
    pub partitions: u16,
    /// What this build can apply; [`VERSIONS`](crate::VERSIONS) but in simulations of older builds.
    pub known: Versions,
    /// The leader's stamp of the entry. A stamp before the group's clock counts as the clock.
    pub stamp: Timestamp,
}
