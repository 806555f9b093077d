//! One group's queue of proposals: merges them into entries, on the leader writes these, elsewhere hands them to the
//! leader. Every answer goes back to the one who asked.
//!
//! What arrives while nothing is under way goes at once. Else it waits for more, at most a share of the time that
//! recent batches took ([`Pace`]): an entry costs every node the same whatever is in it, so that under load few large
//! entries do far more than many small ones, and nobody waits much longer for them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use model::command::PROPOSAL_BYTES_MAX;
use model::id::{Incarnation, NodeId, Term};
use service::ports::BoxFuture;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use crate::lease::fence;
use crate::proposals::applicable::{applicable, check};
use crate::proposals::attempts::NotAdmitted;
use crate::proposals::forward;
use crate::proposals::pace::Pace;
use crate::proposals::submission::{Done, Failed, Origin, ProposerParts, Submission, Wish};
use crate::proposals::write;

/// The largest entry, in bytes of encoded proposals.
pub const ENTRY_BYTES_MAX: usize = PROPOSAL_BYTES_MAX;
/// The most submissions of one group that are queued or under way on one node.
pub const QUEUE_LEN_MAX: usize = 16_384;
/// The most bytes of proposals of one group that are queued or under way on one node.
pub const QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most entries or forwarded batches of one group that are under way.
const UNDER_WAY_MAX: usize = 32;
/// When to try again after a refusal for a full queue.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Where proposals of one group are handed in.
#[derive(Clone)]
pub(crate) struct Proposer {
    parts: Arc<ProposerParts>,
    queue: mpsc::Sender<Submission>,
    room: Arc<Semaphore>,
    pace: Arc<Pace>,
}

impl Proposer {
    /// Makes the queue and the task that works it off.
    pub(crate) fn new(parts: ProposerParts) -> (Proposer, impl Future<Output = ()> + Send + 'static) {
        let (queue, submissions) = mpsc::channel(QUEUE_LEN_MAX);
        let room = Arc::new(Semaphore::new(QUEUE_BYTES_MAX));
        let pace = Arc::new(Pace::default());
        let parts = Arc::new(parts);
        (Proposer { parts: parts.clone(), queue, room, pace: pace.clone() }, run(parts, submissions, pace))
    }

    /// Hands proposals in and waits for what becomes of them. Nothing enters the log that can't be applied, wherever it
    /// comes from: an entry that a replica can't apply stops it for good. The leader checks, once.
    pub(crate) async fn submit(&self, proposals: Vec<Bytes>, wish: Wish) -> Result<Done, Failed> {
        if wish.origin == Origin::Here && self.parts.group.is_silent() {
            return Err(Failed::NotLeader(None));
        }
        // Here rather than when it is written: callers do it side by side. What was handed in before the leadership came
        // is checked then.
        let checked = wish.origin != Origin::Here || self.parts.group.leading().is_some();
        if checked {
            check(&proposals)?;
        }
        let bytes = proposals.iter().map(|bytes| wire::entry::proposal_len(bytes.len())).sum::<usize>().max(1);
        // A group without anything under way is let in however slow it was: only work shows that it has recovered.
        if wish.refusable && self.pace.is_slow() && self.room.available_permits() < QUEUE_BYTES_MAX {
            metrics::counter!("signalbox_proposals_refused_total").increment(1);
            return Err(Failed::Overloaded(RETRY_AFTER));
        }
        let permits = u32::try_from(bytes).map_err(|_| Failed::Overloaded(RETRY_AFTER))?;
        let room = self.room.clone().try_acquire_many_owned(permits).map_err(|_| Failed::Overloaded(RETRY_AFTER))?;
        let (answer, answered) = oneshot::channel();
        let begun = Arc::new(AtomicBool::new(false));
        let submission = Submission { proposals, wish, checked, answer, begun: begun.clone(), _room: room };
        self.enqueue(submission)?;
        match tokio::time::timeout_at(wish.due, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Failed::Unknown("the node is stopping".to_owned())),
            Err(_) if begun.load(Ordering::Acquire) => {
                if wish.origin == Origin::Here {
                    // Its caller will come back, with this or with something else.
                    self.parts.generation.give_up(self.parts.generation.current());
                }
                Err(Failed::Unknown("the deadline passed".to_owned()))
            }
            Err(_) => Err(Failed::NotLeader(None)),
        }
    }

    /// Returns the latest incarnation of a node that forwarded to this one in the present term.
    pub(crate) fn incarnation(&self, node: NodeId) -> Option<Incarnation> {
        self.parts.senders.lock().unwrap_or_else(PoisonError::into_inner).incarnation(node)
    }

    /// Queues a submission, if it is no old copy.
    fn enqueue(&self, submission: Submission) -> Result<(), Failed> {
        let Origin::Forwarded(attempt) = submission.wish.origin else { return self.push(submission) };
        // Until it is queued: another try of the same node that is let in later must also be queued later.
        let mut senders = self.parts.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let leads = self.parts.group.leading().map(|leader| Term(leader.term));
        let admitted = senders.admit(leads, &attempt);
        admitted.map_err(|reason| {
            let group = self.parts.group.id.0;
            tracing::debug!(group, node = attempt.node.0, ?reason, "forwarded batch refused");
            match reason {
                NotAdmitted::TooManySenders => Failed::Overloaded(RETRY_AFTER),
                NotAdmitted::Overtaken | NotAdmitted::OtherTerm => {
                    Failed::NotLeader(self.parts.group.believed_leader())
                }
            }
        })?;
        self.push(submission)
    }

    fn push(&self, submission: Submission) -> Result<(), Failed> {
        self.queue.try_send(submission).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Failed::Overloaded(RETRY_AFTER),
            mpsc::error::TrySendError::Closed(_) => Failed::Stopping,
        })
    }
}

/// Submissions that go into one entry.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) submissions: Vec<Submission>,
    bytes: usize,
    begun: Option<Instant>,
}

impl Batch {
    fn add(&mut self, submission: Submission) {
        self.begun.get_or_insert_with(Instant::now);
        self.bytes += submission.bytes();
        self.submissions.push(submission);
    }

    fn is_empty(&self) -> bool {
        self.submissions.is_empty()
    }

    fn due(&self, pace: &Pace) -> Instant {
        self.begun.map_or_else(Instant::now, |begun| begun + pace.wait())
    }
}

/// What a batch that was sent off left, and how long it took.
struct BatchEnd {
    fencing: Vec<fence::FenceWait>,
    took: Duration,
}

async fn run(parts: Arc<ProposerParts>, mut queue: mpsc::Receiver<Submission>, pace: Arc<Pace>) {
    let mut under_way: FuturesUnordered<BoxFuture<'static, BatchEnd>> = FuturesUnordered::new();
    let mut fencing: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    let mut batch = Batch::default();
    // The first submission that didn't fit into the batch.
    let mut next: Option<Submission> = None;
    loop {
        fill(&mut batch, &mut next, &mut queue);
        let full = next.is_some();
        let idle = under_way.is_empty();
        if !batch.is_empty() && under_way.len() < UNDER_WAY_MAX && (full || idle || batch.due(&pace) <= Instant::now())
        {
            under_way.push(Box::pin(send_off(parts.clone(), std::mem::take(&mut batch))));
        }
        tokio::select! {
            biased;
            Some(done) = under_way.next(), if !under_way.is_empty() => {
                pace.took(done.took);
                fencing.extend(done.fencing.into_iter().map(|waiting| fence::wait(parts.clone(), waiting)));
            }
            Some(()) = fencing.next(), if !fencing.is_empty() => {}
            () = tokio::time::sleep_until(batch.due(&pace)), if !batch.is_empty() && under_way.len() < UNDER_WAY_MAX => {}
            submission = queue.recv(), if next.is_none() => match submission {
                Some(submission) => next = Some(submission),
                None => return,
            },
        }
    }
}

/// Takes what is queued into the batch, until one doesn't fit.
fn fill(batch: &mut Batch, next: &mut Option<Submission>, queue: &mut mpsc::Receiver<Submission>) {
    while let Some(submission) = next.take().or_else(|| queue.try_recv().ok()) {
        if !batch.is_empty() && batch.bytes + submission.bytes() > ENTRY_BYTES_MAX {
            *next = Some(submission);
            return;
        }
        batch.add(submission);
    }
}

/// Writes a batch, or forwards it; returns what waits for the fence.
async fn send_off(parts: Arc<ProposerParts>, batch: Batch) -> BatchEnd {
    let begun = Instant::now();
    let fencing = write_or_forward(parts, batch).await;
    BatchEnd { fencing, took: begun.elapsed() }
}

async fn write_or_forward(parts: Arc<ProposerParts>, batch: Batch) -> Vec<fence::FenceWait> {
    let (live, late): (Vec<_>, Vec<_>) = batch.submissions.into_iter().partition(|submission| {
        submission.begun.store(true, Ordering::Release);
        Instant::now() < submission.wish.due
    });
    late.into_iter().for_each(|submission| submission.answer(Err(Failed::NotLeader(None))));
    if live.is_empty() {
        return Vec::new();
    }
    let Some(leader) = parts.group.leading() else {
        forward::forward(&parts, live).await;
        return Vec::new();
    };
    let leads = Term(leader.term);
    let (live, old): (Vec<_>, Vec<_>) = live.into_iter().partition(|submission| submission.wish.origin.allows(leads));
    old.into_iter().for_each(|submission| submission.answer(Err(Failed::NotLeader(parts.group.believed_leader()))));
    let live = applicable(live);
    if live.is_empty() {
        return Vec::new();
    }
    write::write(write::Leading { group: &parts.group, leader }, &*parts.clock, live).await
}
