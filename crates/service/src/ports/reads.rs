//! Reading this node's replicas, or the region's when the group lives on another node of it.

use std::sync::Arc;
use std::time::Duration;

use model::id::{GroupId, LogIndex};
use registry::tables::View;

use super::{BoxFuture, LogError};

/// Why a replica can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadsError {
    /// This node holds no replica of the group.
    #[error("this node holds no replica of group {0}")]
    NotHere(GroupId),
    /// The awaited state was not reached in time.
    #[error("group {group} did not reach the awaited state in {waited:?}")]
    TooLate {
        /// The group.
        group: GroupId,
        /// How long it was waited for.
        waited: Duration,
    },
}

/// The replicas that this node reads from.
pub trait Reads: Send + Sync {
    /// Returns a consistent view of the group's state as applied now: every read through it sees the same entries.
    ///
    /// # Errors
    /// When this node holds no replica of the group.
    fn view(&self, group: GroupId) -> Result<Arc<dyn View + Send + Sync>, ReadsError>;

    /// Returns the last applied index of the group's replica here; 0 when nothing was applied or none is here.
    fn applied(&self, group: GroupId) -> LogIndex;

    /// Waits until the replica has applied something after `index`, at most `deadline`; returns what is applied then.
    fn applied_after(
        &self,
        group: GroupId,
        index: LogIndex,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<LogIndex, ReadsError>>;

    /// Makes this node's replica of the group current: confirms with the leader, at most `deadline`, and waits until
    /// what was committed when this was called is applied here. A read that follows is linearizable.
    fn linearize(&self, group: GroupId, deadline: Duration) -> BoxFuture<'_, Result<(), LogError>>;
}
