//! Waiting until an entry that forbids sending is acknowledged (rule R7). Woken by reports of holders, by evidence of
//! leading, and by the time that the rule names.

use std::sync::Arc;
use std::time::Duration;

use model::time::BootTime;
use service::ports::{BoxFuture, Clock};
use tokio::time::Instant;
use traffic::lease::Acknowledgement;

use crate::group::Group;
use crate::proposer::{Done, Failed, ProposerParts, Submission};
use crate::type_config::LeaderId;

/// A submission whose entry is applied and not acknowledged yet.
pub(crate) struct Waiting {
    pub(crate) group: Arc<Group>,
    /// The leadership in which the entry was written.
    pub(crate) leader: LeaderId,
    /// When it was appended, or a little before.
    pub(crate) since: BootTime,
    pub(crate) submission: Submission,
    pub(crate) done: Done,
}

/// Waits for the acknowledgement and answers.
pub(crate) fn wait(parts: Arc<ProposerParts>, waiting: Waiting) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let acknowledged = acknowledged(&waiting, &*parts.clock).await;
        let Waiting { submission, done, .. } = waiting;
        submission.answer(acknowledged.map(|()| done));
    })
}

async fn acknowledged(waiting: &Waiting, clock: &dyn Clock) -> Result<(), Failed> {
    let Waiting { group, leader, since, submission, done } = waiting;
    let mut noted = false;
    loop {
        let changed = group.lease.changed();
        tokio::pin!(changed);
        changed.as_mut().enable();
        noted = noted || group.lease.waiting(leader, done.index, *since);
        let now = clock.boot_time();
        let sleep = match group.lease.acknowledged(leader, now, done.index) {
            Some(Acknowledgement::Yes) => {
                metrics::histogram!("signalbox_fence_seconds").record(now.since(*since).as_secs_f64());
                return Ok(());
            }
            Some(Acknowledgement::Wait { until: Some(until), .. }) => until.since(now) + Duration::from_millis(1),
            Some(Acknowledgement::Wait { until: None, .. }) => group.lease.timing().heartbeat(),
            // The tenure begins a moment after the election.
            None if group.leading() == Some(*leader) => group.lease.timing().heartbeat(),
            None => return Err(Failed::Unknown("leadership was lost before every holder was fenced".to_owned())),
        };
        let due = submission.wish.due;
        if Instant::now() >= due {
            return Err(Failed::Unknown("the deadline passed before every holder was fenced".to_owned()));
        }
        tokio::select! {
            () = &mut changed => {}
            () = tokio::time::sleep_until(due.min(Instant::now() + sleep)) => {}
        }
    }
}
