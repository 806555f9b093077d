//! Waiting until an entry that forbids sending is acknowledged (rule R7). Woken when more is acknowledged, because of
//! reports of holders or of evidence of leading, and by the time that the rule names.

use std::sync::Arc;
use std::time::Duration;

use model::id::LogIndex;
use model::time::BootTime;
use service::ports::{BoxFuture, Clock};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::node::group::Group;
use crate::proposals::done::Done;
use crate::proposals::submission::{Failed, ProposerParts, Submission};
use crate::raft::type_config::LeaderId;

/// A submission whose entry is applied and not acknowledged yet.
pub(crate) struct FenceWait {
    pub(crate) group: Arc<Group>,
    /// The leadership in which the entry was written.
    pub(crate) leader: LeaderId,
    /// When it was appended, or a little before.
    pub(crate) since: BootTime,
    pub(crate) submission: Submission,
    pub(crate) done: Done,
}

/// Waits for the acknowledgement and answers.
pub(crate) fn wait(parts: Arc<ProposerParts>, waiting: FenceWait) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let acknowledged = acknowledged(&waiting, &*parts.clock).await;
        let FenceWait { submission, done, .. } = waiting;
        submission.answer(if acknowledged { Ok(done) } else { Err(Failed::Unfenced(done)) });
    })
}

/// Says whether the entry is acknowledged; if not, the leadership was lost before it was, or its caller gave up.
async fn acknowledged(waiting: &FenceWait, clock: &dyn Clock) -> bool {
    let FenceWait { group, leader, since, submission, done } = waiting;
    let due = submission.wish.due;
    let mut noted = false;
    loop {
        noted = noted || group.lease.waiting(leader, done.index, *since);
        let now = clock.boot_time();
        let reached = group.lease.watch_acknowledged(leader, now);
        if reached.is_none() && group.leading() != Some(*leader) {
            return false;
        }
        // Without a time to wait for, this looks again now and then: a tenure begins a moment after the election.
        let by = group.lease.acknowledged_by(leader, now, done.index);
        let sleep = by.map_or(group.lease.timing().heartbeat(), |by| by.since(now) + Duration::from_millis(1));
        tokio::select! {
            biased;
            fenced = fenced(reached, done.index) => {
                if fenced {
                    let took = clock.boot_time().since(*since);
                    metrics::histogram!("signalbox_fence_seconds").record(took.as_secs_f64());
                    return true;
                }
                noted = false;
            }
            () = tokio::time::sleep_until(due.min(Instant::now() + sleep)) => {
                if Instant::now() >= due {
                    return false;
                }
            }
        }
    }
}

/// Says that the index is acknowledged, once it is, or that the tenure ended before. Without a tenure it never says
/// anything.
async fn fenced(reached: Option<watch::Receiver<LogIndex>>, index: LogIndex) -> bool {
    match reached {
        Some(mut reached) => reached.wait_for(|up_to| *up_to >= index).await.is_ok(),
        None => std::future::pending().await,
    }
}
