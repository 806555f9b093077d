//! Which forwarded batches a leader still begins. Pure: no clock, no lock, no IO.
//!
//! A node that forwarded a batch and doesn't know what became of it (the connection was lost, the deadline passed)
//! looks for it in the log behind a barrier, and tries again what isn't there (`propose`). The first copy may still be on
//! its way, for as long as the network or a stopped process holds it; begun after the barrier, it would be applied beside
//! the second one, and undo what was acknowledged since. So:
//!
//! - a batch says which term it is meant for, and is begun in no other one;
//! - it says its sender's *generation*, which rises whenever that gives up a batch, before it proposes anything more.
//!   Within a term the leader begins nothing of a generation, or incarnation, below the highest that it knows of.
//!
//! Whatever was admitted before is queued before, and so is earlier in the log than the barrier. A batch that nobody
//! gave up may be overtaken by a newer generation too: it is answered as not begun, and its sender tries it again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use model::id::{Incarnation, NodeId, Term};

/// The most nodes that forward to one leader in one term.
const SENDERS_MAX: usize = 1_024;

/// Which try of which node a forwarded batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) node: NodeId,
    pub(crate) incarnation: Incarnation,
    /// The term that it is meant for, if its sender knows it.
    pub(crate) term: Option<Term>,
    pub(crate) generation: u64,
}

/// Why a batch isn't begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// It is meant for another term than the one in which this node leads, if it does.
    OtherTerm,
    /// Its sender gave up something since, maybe this.
    Overtaken,
    /// Too many nodes forward.
    TooManySenders,
}

/// The generation of a node that forwards.
#[derive(Debug, Default)]
pub(crate) struct Generation(AtomicU64);

impl Generation {
    /// Returns the generation of what is sent now.
    pub(crate) fn current(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Gives up what was sent in a generation. Many batches of one lost connection begin one generation.
    pub(crate) fn give_up(&self, generation: u64) {
        self.0.fetch_max(generation.saturating_add(1), Ordering::SeqCst);
    }
}

/// What a leader has heard, in one term, of the nodes that forward to it.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    term: Term,
    /// The latest incarnation and generation of each node.
    latest: BTreeMap<NodeId, (Incarnation, u64)>,
}

impl Senders {
    /// Returns the latest incarnation of a node that forwarded in this term.
    pub(crate) fn incarnation(&self, node: NodeId) -> Option<Incarnation> {
        Some(self.latest.get(&node)?.0)
    }

    /// Decides whether a batch may be queued, given the term in which this node leads. The caller queues it before it
    /// asks about the next one.
    pub(crate) fn admit(&mut self, leads: Option<Term>, attempt: &Attempt) -> Result<(), NotAdmitted> {
        let term = leads.filter(|term| attempt.term == Some(*term) && *term >= self.term);
        let term = term.ok_or(NotAdmitted::OtherTerm)?;
        if term > self.term {
            *self = Senders { term, latest: BTreeMap::new() };
        }
        if self.latest.len() >= SENDERS_MAX && !self.latest.contains_key(&attempt.node) {
            return Err(NotAdmitted::TooManySenders);
        }
        let this = (attempt.incarnation, attempt.generation);
        let latest = self.latest.entry(attempt.node).or_insert(this);
        if this < *latest {
            return Err(NotAdmitted::Overtaken);
        }
        *latest = this;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(incarnation: u64, generation: u64) -> Attempt {
        Attempt { node: NodeId(1), incarnation: Incarnation(incarnation), term: Some(Term(5)), generation }
    }

    const LEADS: Option<Term> = Some(Term(5));

    #[test]
    fn what_was_given_up_is_refused_once_the_next_try_has_come() {
        let mut senders = Senders::default();
        assert_eq!(senders.admit(LEADS, &attempt(1, 0)), Ok(()));
        assert_eq!(senders.admit(LEADS, &attempt(1, 1)), Ok(()));
        assert_eq!(senders.admit(LEADS, &attempt(1, 0)), Err(NotAdmitted::Overtaken));
        assert_eq!(senders.admit(LEADS, &attempt(1, 1)), Ok(()), "others of its generation are not");
        assert_eq!(senders.admit(LEADS, &attempt(2, 0)), Ok(()), "a new incarnation begins anew");
        assert_eq!(senders.admit(LEADS, &attempt(1, 9)), Err(NotAdmitted::Overtaken));
        let other = Attempt { node: NodeId(2), ..attempt(1, 0) };
        assert_eq!(senders.admit(LEADS, &other), Ok(()), "another node is judged by its own tries");
    }

    #[test]
    fn what_is_meant_for_another_term_is_refused() {
        let mut senders = Senders::default();
        for term in [None, Some(Term(4)), Some(Term(6))] {
            let meant = Attempt { term, ..attempt(1, 0) };
            assert_eq!(senders.admit(LEADS, &meant), Err(NotAdmitted::OtherTerm));
        }
        assert_eq!(senders.admit(None, &attempt(1, 0)), Err(NotAdmitted::OtherTerm));
        assert_eq!(senders.admit(LEADS, &attempt(1, 3)), Ok(()));
        let next = Attempt { term: Some(Term(6)), ..attempt(1, 2) };
        assert_eq!(senders.admit(Some(Term(6)), &next), Ok(()), "the term alone keeps old ones out");
        assert_eq!(senders.admit(LEADS, &attempt(1, 3)), Err(NotAdmitted::OtherTerm), "a term never comes back");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut senders = Senders::default();
        for node in 0..SENDERS_MAX as u64 {
            assert_eq!(senders.admit(LEADS, &Attempt { node: NodeId(node), ..attempt(1, 0) }), Ok(()));
        }
        let more = Attempt { node: NodeId(u64::MAX), ..attempt(1, 0) };
        assert_eq!(senders.admit(LEADS, &more), Err(NotAdmitted::TooManySenders));
        assert_eq!(senders.admit(LEADS, &attempt(1, 1)), Ok(()));
    }
}
