//! The time that replicated state goes by. No node's wall clock decides about it (docs/design/time.md).

use model::id::GroupId;
use model::time::Timestamp;

/// The groups' times, as a node knows them.
pub trait GroupTime: Send + Sync {
    /// Returns a group's time now: what it would be stamped with, or a little less where this node doesn't lead. It
    /// goes on with the node's own clock. Nothing while it isn't known, as for a moment after a start.
    fn now(&self, group: GroupId) -> Option<Timestamp>;
}
