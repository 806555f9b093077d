//! Finding out that replicas of a group differ, by the hash chains of their states after the same entries. Every node
//! tells the others its latest hash with its lease calls, and compares theirs with its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::id::{LogIndex, NodeId};

/// The hash after every entry is compared whose index is a multiple of this.
const ROUND_ENTRIES: u64 = 64;
/// How many hashes are kept. A replica that is behind by more rounds is compared once it has caught up.
const ROUNDS_KEPT: usize = 64;

/// The hash chain of a state after an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Round {
    pub(crate) index: LogIndex,
    pub(crate) hash: u64,
}

impl Round {
    /// Returns the round that ends with an entry, if one does.
    pub(crate) fn ending(index: LogIndex, hash: u64) -> Option<Round> {
        index.0.is_multiple_of(ROUND_ENTRIES).then_some(Round { index, hash })
    }
}

/// One group's recent hashes, and who has others.
#[derive(Default)]
pub(crate) struct Hashes(Mutex<State>);

#[derive(Default)]
struct State {
    /// In ascending order of their indexes.
    rounds: VecDeque<Round>,
    /// The first index at which a node was found to differ.
    differing: BTreeMap<NodeId, LogIndex>,
}

/// What a comparison found out that was not known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The other replica differs.
    Differs,
    /// It agrees again.
    Agrees,
}

impl Hashes {
    /// Takes the rounds of entries that were applied, in ascending order.
    pub(crate) fn applied(&self, rounds: impl IntoIterator<Item = Round>) {
        let mut state = self.lock();
        for round in rounds {
            if state.rounds.len() == ROUNDS_KEPT {
                state.rounds.pop_front();
            }
            state.rounds.push_back(round);
        }
    }

    /// Forgets everything, because a snapshot replaced the state.
    pub(crate) fn replaced(&self) {
        *self.lock() = State::default();
    }

    /// Returns the latest round.
    pub(crate) fn latest(&self) -> Option<Round> {
        self.lock().rounds.back().copied()
    }

    /// Compares another node's hash with this one's, if this one is known; returns what is new about it.
    pub(crate) fn compare(&self, other: NodeId, theirs: Round) -> Option<Found> {
        let mut state = self.lock();
        let own = state.rounds.iter().find(|own| own.index == theirs.index)?;
        match (own.hash == theirs.hash, state.differing.get(&other)) {
            (false, None) => {
                state.differing.insert(other, theirs.index);
                Some(Found::Differs)
            }
            (true, Some(since)) if theirs.index > *since => {
                state.differing.remove(&other);
                Some(Found::Agrees)
            }
            _ => None,
        }
    }

    /// Returns the nodes whose replicas differ from this one, and the index at which that was found.
    pub(crate) fn differing(&self) -> BTreeMap<NodeId, LogIndex> {
        self.lock().differing.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: NodeId = NodeId(2);

    fn round(number: u64, hash: u64) -> Round {
        Round::ending(LogIndex(number * ROUND_ENTRIES), hash).unwrap()
    }

    #[test]
    fn only_hashes_after_the_same_entry_are_compared() {
        let hashes = Hashes::default();
        assert_eq!(Round::ending(LogIndex(ROUND_ENTRIES + 1), 1), None);
        assert_eq!(hashes.compare(OTHER, round(1, 7)), None);
        hashes.applied([round(1, 7), round(2, 8)]);
        assert_eq!(hashes.latest(), Some(round(2, 8)));
        assert_eq!(hashes.compare(OTHER, round(1, 7)), None);
        assert_eq!(hashes.compare(OTHER, round(3, 99)), None);
        assert!(hashes.differing().is_empty());
    }

    #[test]
    fn a_difference_is_told_once_and_lasts_until_a_later_hash_agrees() {
        let hashes = Hashes::default();
        hashes.applied([round(1, 7), round(2, 8), round(3, 9)]);
        assert_eq!(hashes.compare(OTHER, round(2, 99)), Some(Found::Differs));
        assert_eq!(hashes.compare(OTHER, round(3, 98)), None);
        assert_eq!(hashes.compare(OTHER, round(1, 7)), None, "older news");
        assert_eq!(hashes.differing(), BTreeMap::from([(OTHER, round(2, 0).index)]));
        assert_eq!(hashes.compare(OTHER, round(3, 9)), Some(Found::Agrees));
        assert!(hashes.differing().is_empty());
    }

    #[test]
    fn few_hashes_are_kept() {
        let hashes = Hashes::default();
        hashes.applied((1..1_000).map(|number| round(number, 1)));
        assert_eq!(hashes.lock().rounds.len(), ROUNDS_KEPT);
        assert_eq!(hashes.compare(OTHER, round(999, 2)), Some(Found::Differs));
        hashes.replaced();
        assert!(hashes.latest().is_none() && hashes.differing().is_empty());
    }
}
