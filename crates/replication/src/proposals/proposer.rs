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
use model::id::{Incarnation, NodeId, Term};
use tokio::sync::{mpsc, oneshot};

use crate::proposals::applicable::check;
use crate::proposals::attempts::NotAdmitted;
use crate::proposals::done::Done;
use crate::proposals::pace::Pace;
use crate::proposals::room::{FENCED_LEN_MAX, QUEUE_LEN_MAX, Room};
use crate::proposals::submission::{Failed, Origin, ProposerParts, Submission, Wish};
use crate::proposals::work_off;

/// When to try again after a refusal for a full queue.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Where proposals of one group are handed in.
#[derive(Clone)]
pub(crate) struct Proposer {
    parts: Arc<ProposerParts>,
    queue: mpsc::Sender<Submission>,
    room: Room,
    pace: Arc<Pace>,
}

impl Proposer {
    /// Makes the queue and the task that works it off.
    pub(crate) fn new(parts: ProposerParts) -> (Proposer, impl Future<Output = ()> + Send + 'static) {
        let (queue, submissions) = mpsc::channel(QUEUE_LEN_MAX + FENCED_LEN_MAX);
        let room = Room::new(parts.queue_bytes);
        let pace = Arc::new(Pace::default());
        let parts = Arc::new(parts);
        (Proposer { parts: parts.clone(), queue, room, pace: pace.clone() }, work_off::run(parts, submissions, pace))
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
            check(&self.parts.group, &proposals)?;
        }
        let bytes = proposals.iter().map(|bytes| wire::entry::proposal_len(bytes.len())).sum::<usize>();
        // A group without anything under way is let in however slow it was: only work shows that it has recovered. What
        // waits for fences shows nothing.
        if wish.refusable && self.pace.is_slow() && !self.room.is_free_of_plain() {
            metrics::counter!("signalbox_proposals_refused_total").increment(1);
            return Err(Failed::Overloaded(RETRY_AFTER));
        }
        let room = if wish.fenced { self.room.take_fenced(bytes) } else { self.room.take_plain(bytes) };
        let room = room.ok_or(Failed::Overloaded(RETRY_AFTER))?;
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
