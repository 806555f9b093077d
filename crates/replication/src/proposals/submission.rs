//! What is handed in at a group's queue of proposals, how it wants to be treated, and what may become of it.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use model::id::{Incarnation, Term};
use service::ports::Clock;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::node::group::Group;
use crate::peers::channels::Peers;
use crate::proposals::attempts::{Attempt, Generation, Senders};
use crate::proposals::done::Done;
use crate::proposals::leader_hint::{Leader, LeaderHint};
use crate::proposals::room::Share;

/// Why a submission has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failed {
    /// Nothing was done: no leader was reached. Who leads instead, if it is known.
    NotLeader(Option<Leader>),
    /// Nothing was done: a proposal can't be applied. What is wrong with it.
    Invalid(String),
    /// Nothing was done: a queue is full.
    Overloaded(Duration),
    /// It is done, and it isn't known whether every holder is fenced.
    Unfenced(Done),
    /// It may or may not be done.
    Unknown(String),
    /// Nothing was done: the node is stopping.
    Stopping,
    /// The group can't go on on this node.
    Broken(String),
}

/// How a submission wants to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Wait until every holder is fenced.
    pub(crate) fenced: bool,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// It is new work: refused while the group is slow.
    pub(crate) refusable: bool,
    /// When its caller gives up.
    pub(crate) due: Instant,
}

/// Where a submission comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A caller on this node: forwarded where this node doesn't lead.
    Here,
    /// Another node, which forwarded it: begun in the term that it is meant for, and never forwarded again.
    Forwarded(Attempt),
}

impl Origin {
    /// Says whether it may be begun in a term.
    pub(super) fn allows(&self, leads: Term) -> bool {
        match self {
            Origin::Forwarded(attempt) => attempt.term == Some(leads),
            Origin::Here => true,
        }
    }
}

/// Proposals of one caller.
pub(crate) struct Submission {
    pub(crate) proposals: Vec<Bytes>,
    pub(crate) wish: Wish,
    /// Whether its proposals are known to be ones that every replica can apply.
    pub(super) checked: bool,
    pub(crate) answer: oneshot::Sender<Result<Done, Failed>>,
    /// Set when something is done about it, so that its caller knows what a timeout means.
    pub(super) begun: Arc<AtomicBool>,
    /// Its share of the queue, given back when it is answered.
    pub(super) _room: Share,
}

impl Submission {
    pub(crate) fn bytes(&self) -> usize {
        self.proposals.iter().map(|bytes| wire::entry::proposal_len(bytes.len())).sum()
    }

    /// Answers; a caller that gave up needs none.
    pub(crate) fn answer(self, result: Result<Done, Failed>) {
        let _ = self.answer.send(result);
    }
}

/// What a queue works with.
pub(crate) struct ProposerParts {
    pub(crate) group: Arc<Group>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) clock: Arc<dyn Clock>,
    /// This start of the node.
    pub(crate) incarnation: Incarnation,
    /// How much may be queued or under way, without what is to be fenced.
    pub(crate) queue_bytes: usize,
    /// Whom to forward to.
    pub(crate) leader_hint: Mutex<LeaderHint>,
    /// The generation of what is forwarded.
    pub(crate) generation: Generation,
    /// What other nodes forwarded to this one. Held while something of them is queued.
    pub(crate) senders: Mutex<Senders>,
}

impl ProposerParts {
    /// Returns what was said of the leader.
    pub(crate) fn leader_hint(&self) -> MutexGuard<'_, LeaderHint> {
        self.leader_hint.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
