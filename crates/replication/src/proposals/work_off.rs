//! The task that works a group's queue off: how many batches are under way, and when the next one goes.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use service::ports::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::lease::fence;
use crate::proposals::batch::Batch;
use crate::proposals::fenced::FencedCalls;
use crate::proposals::pace::Pace;
use crate::proposals::send_off::{SentOff, send_off};
use crate::proposals::submission::{ProposerParts, Submission};
use crate::raft::type_config::LeaderId;

/// The most entries or forwarded batches of one group that are under way, without those that wait for fences.
const UNDER_WAY_MAX: usize = 32;

/// A batch that was sent off.
type UnderWay = BoxFuture<'static, BatchEnd>;

/// What a batch that was sent off left, and how long it took.
struct BatchEnd {
    sent: SentOff,
    took: Duration,
}

/// Works the queue off until nobody can hand in any more.
pub(super) async fn run(parts: Arc<ProposerParts>, mut queue: mpsc::Receiver<Submission>, pace: Arc<Pace>) {
    let mut under_way: FuturesUnordered<UnderWay> = FuturesUnordered::new();
    let mut fencing: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    let mut fenced = FencedCalls::default();
    let mut batch = Batch::default();
    // The first submission that didn't fit into the batch.
    let mut next: Option<Submission> = None;
    loop {
        batch.fill(&mut next, &mut queue);
        let goes = next.is_some() || under_way.is_empty() || batch.due(&pace) <= Instant::now();
        if !batch.is_empty() && under_way.len() < UNDER_WAY_MAX && goes {
            let leads = parts.group.leading();
            let mut batch = std::mem::take(&mut batch);
            if leads.is_none() {
                fenced.extend(batch.take_fenced());
            }
            under_way.extend((!batch.is_empty()).then(|| begin(&parts, leads, batch)));
        }
        fenced.send_off(&parts);
        tokio::select! {
            biased;
            Some(done) = under_way.next(), if !under_way.is_empty() => {
                if done.sent.answered {
                    pace.took(done.took);
                }
                fencing.extend(done.sent.fencing.into_iter().map(|waiting| fence::wait(parts.clone(), waiting)));
            }
            Some(()) = fencing.next(), if !fencing.is_empty() => {}
            () = fenced.changed() => {}
            () = tokio::time::sleep_until(batch.due(&pace)), if !batch.is_empty() && under_way.len() < UNDER_WAY_MAX => {}
            submission = queue.recv(), if next.is_none() => match submission {
                Some(submission) => next = Some(submission),
                None => return,
            },
        }
    }
}

fn begin(parts: &Arc<ProposerParts>, leads: Option<LeaderId>, batch: Batch) -> UnderWay {
    let parts = parts.clone();
    Box::pin(async move {
        let begun = Instant::now();
        let sent = send_off(parts, leads, batch).await;
        BatchEnd { sent, took: begun.elapsed() }
    })
}
