//! Reading this node's replicas, or another node's where a group has none here.

use std::sync::Arc;
use std::time::Duration;

use model::id::{GroupId, LogIndex};
use registry::tables::View;

use super::{BoxFuture, LogError};

/// Why a replica can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the values are")]
pub enum ReadsError {
    /// This node holds no replica of the group.
    #[error("this node holds no replica of group {0}")]
    NotHere(GroupId),
    /// No node with a replica of the group answered.
    #[error("no node with a replica of group {group} answered: {detail}")]
    NotReached {
        group: GroupId,
        /// What went wrong last.
        detail: String,
    },
    /// The awaited state was not reached in time.
    #[error("group {group} did not reach the awaited state in {waited:?}")]
    TooLate { group: GroupId, waited: Duration },
}

/// Looks at a group's state. It may be called several times for one read, with parts of the state missing in all calls
/// but the last, whose result counts: so it must depend on nothing but what it sees.
pub type Look<'a> = dyn FnMut(&dyn View) + Send + 'a;

/// The replicas that this node reads from.
pub trait Reads: Send + Sync {
    /// Returns a consistent view of the group's state as applied now: every read through it sees the same entries.
    ///
    /// # Errors
    /// When this node holds no replica of the group.
    fn view(&self, group: GroupId) -> Result<Arc<dyn View + Send + Sync>, ReadsError>;

    /// Looks at one moment of the group's state: this node's replica, or, when it holds none, that of another node, its
    /// own region's if it can. Sees what this node proposed and was answered for, and waits for a replica that has not
    /// caught up since its node started. Returns an index that is applied in it.
    ///
    /// # Errors
    /// When no replica can be read within `deadline`.
    fn look<'a>(
        &'a self,
        group: GroupId,
        _deadline: Duration,
        look: &'a mut Look<'_>,
    ) -> BoxFuture<'a, Result<LogIndex, ReadsError>> {
        Box::pin(async move {
            let applied = self.applied(group);
            look(&*self.view(group)?);
            Ok(applied)
        })
    }

    /// Returns the last applied index of the group's replica here; 0 when nothing was applied or none is here.
    fn applied(&self, group: GroupId) -> LogIndex;

    /// Waits until the replica that [`look`](Reads::look) looks at has applied something after `index`, at most
    /// `deadline`; returns what is applied then.
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
