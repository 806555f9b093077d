//! The right to begin a dispatch (rules R9 and R10).

use std::time::Duration;

use model::id::GroupId;
use registry::tables::View;

/// Why no dispatch may begin now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPermit {
    /// This node holds no lease of the group.
    #[error("no lease is held")]
    NoLease,
    /// A lease was granted, and what it needs is not applied yet.
    #[error("the lease is not usable before the replica has caught up")]
    CatchingUp,
    /// The lease ran out.
    #[error("the lease lapsed {ago:?} ago")]
    Lapsed {
        /// How long ago.
        ago: Duration,
    },
}

/// A short critical section under a valid, usable lease. What is checked in its view and begun before it is dropped is
/// covered by the lease; it must not be kept longer than the critical-section limit G (50 ms), and an overrun is
/// counted. It owns what it needs, so that it can be kept until the first bytes have left, on whatever task writes them.
pub trait Permit: Send {
    /// Returns the group's state as applied now.
    fn view(&self) -> &dyn View;
}

/// Where senders ask for the right to begin dispatches.
pub trait SendPermits: Send + Sync {
    /// Enters the critical section of a group.
    ///
    /// # Errors
    /// When this node has no usable, valid lease of the group now.
    fn enter(&self, group: GroupId) -> Result<Box<dyn Permit>, NoPermit>;

    /// Tells the leader's side that every dispatch of the group that this node began is settled as far as the given
    /// plan's epoch goes (rule R11's *drained*); reported with the next lease request.
    fn report_drained(&self, group: GroupId, epoch: model::id::Epoch);
}
