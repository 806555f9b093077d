//! Forwarded submissions that wait for fences at the leader. One that waits for a holder which can't be reached takes
//! seconds, whatever the group does meanwhile, so that they take no place among the batches that are under way and say
//! nothing of the group's pace. On the leader the same goes for what waits after it was applied (`lease::fence`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use service::ports::BoxFuture;
use tokio::time::Instant;

use crate::lease::fence;
use crate::proposals::batch::Batch;
use crate::proposals::send_off::send_off;
use crate::proposals::submission::{ProposerParts, Submission};

/// The most forwarded batches of one group that wait for fences. All of them are calls to one node, which serves a
/// bounded number at a time.
const CALLS_MAX: usize = 16;
/// How long a batch waits for more for each call that is under way. So the calls come ever slower the longer the fences
/// take, and the last one isn't begun before all of these waits, 2 s: longer than it takes until a silent holder's
/// lease has lapsed (D/2 and W, at most 1.6 s).
const MERGE_STEP: Duration = Duration::from_millis(15);

/// See the module's text. Bounded by the room of what is to be fenced.
#[derive(Default)]
pub(super) struct FencedCalls {
    waiting: VecDeque<Submission>,
    /// When the first of those that wait came.
    since: Option<Instant>,
    calls: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl FencedCalls {
    /// Adds submissions to be forwarded.
    pub(super) fn extend(&mut self, submissions: Vec<Submission>) {
        if !submissions.is_empty() {
            self.since.get_or_insert_with(Instant::now);
            self.waiting.extend(submissions);
        }
    }

    /// Sends off what may be sent off now.
    pub(super) fn send_off(&mut self, parts: &Arc<ProposerParts>) {
        while self.due().is_some_and(|due| due <= Instant::now()) {
            let mut batch = Batch::default();
            while let Some(submission) = self.waiting.pop_front() {
                if let Some(submission) = batch.add(submission) {
                    self.waiting.push_front(submission);
                    break;
                }
            }
            self.since = (!self.waiting.is_empty()).then(Instant::now);
            self.calls.push(Box::pin(call(parts.clone(), batch)));
        }
    }

    /// Ready when something may be sent off, or a call has ended.
    pub(super) async fn changed(&mut self) {
        let due = self.due();
        tokio::select! {
            Some(()) = self.calls.next(), if !self.calls.is_empty() => {}
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            else => std::future::pending().await,
        }
    }

    /// Returns when the next batch may be sent off; nothing while a call must end first, or nothing waits.
    fn due(&self) -> Option<Instant> {
        let under_way = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        let since = self.since.filter(|_| self.calls.len() < CALLS_MAX)?;
        Some(since + MERGE_STEP * under_way)
    }
}

/// Forwards a batch, or writes it if this node leads by now; ready when all of it is answered.
async fn call(parts: Arc<ProposerParts>, batch: Batch) {
    let leads = parts.group.leading();
    let sent = send_off(parts.clone(), leads, batch).await;
    join_all(sent.fencing.into_iter().map(|waiting| fence::wait(parts.clone(), waiting))).await;
}
