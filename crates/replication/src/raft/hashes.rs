//! Finding out that replicas of a group differ, by the hash chains of their states after the same entries. Every node
//! tells the others its hashes with its lease calls, and compares theirs with its own: the one after the entry applied
//! last, which two idle replicas have of the same entry, and the one of the last round, which busy ones have.
//!
//! What must always hold: a replica that differs from all others is corrupt and stops its node; one that differs from
//! some, while none agrees with it, is in doubt and serves nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
    /// After the entry applied last.
    current: Option<Round>,
    /// The first index at which a node was found to differ.
    differing: BTreeMap<NodeId, LogIndex>,
    /// The last index at which a node was found to agree.
    agreeing: BTreeMap<NodeId, LogIndex>,
}

/// What the comparisons say of this node's replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It differs from none, or another one agrees with it.
    Fine,
    /// It differs from another one, and none agrees with it.
    Doubtful,
    /// It differs from all others, and there are several.
    Corrupt,
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
    /// Takes the rounds of entries that were applied, in ascending order, and the hash after the last entry.
    pub(crate) fn applied(&self, rounds: impl IntoIterator<Item = Round>, current: Round) {
        let mut state = self.lock();
        state.current = Some(current);
        for round in rounds {
            if state.rounds.len() == ROUNDS_KEPT {
                state.rounds.pop_front();
            }
            state.rounds.push_back(round);
        }
    }

    /// Forgets everything, because the state was opened or a snapshot replaced it, and begins with its hash.
    pub(crate) fn replaced(&self, current: Round) {
        *self.lock() = State { current: Some(current), ..State::default() };
    }

    /// Returns the latest round, and the hash after the entry applied last.
    pub(crate) fn latest(&self) -> Vec<Round> {
        let state = self.lock();
        state.rounds.back().copied().into_iter().chain(state.current).collect()
    }

    /// Says whether one of the other members agreed since the state was opened or replaced; yes when there is none.
    pub(crate) fn is_confirmed(&self, others: &BTreeSet<NodeId>) -> bool {
        let state = self.lock();
        others.is_empty() || others.iter().any(|node| state.agreeing.contains_key(node))
    }

    /// Judges this node's replica, given the other members of the group.
    pub(crate) fn verdict(&self, others: &BTreeSet<NodeId>) -> Verdict {
        let state = self.lock();
        let differing = state.differing.iter().filter(|(node, _)| others.contains(node));
        let Some(first) = differing.clone().map(|(_, index)| *index).min() else { return Verdict::Fine };
        let agrees = |(node, index): (&NodeId, &LogIndex)| {
            *index >= first && others.contains(node) && !state.differing.contains_key(node)
        };
        if state.agreeing.iter().any(agrees) {
            Verdict::Fine
        } else if others.len() > 1 && differing.count() == others.len() {
            Verdict::Corrupt
        } else {
            Verdict::Doubtful
        }
    }

    /// Compares another node's hash with this one's, if this one is known; returns what is new about it.
    pub(crate) fn compare(&self, other: NodeId, theirs: Round) -> Option<Found> {
        let mut state = self.lock();
        let own = state.rounds.iter().chain(&state.current).find(|own| own.index == theirs.index)?.hash;
        if own == theirs.hash {
            let agreed = state.agreeing.entry(other).or_default();
            *agreed = theirs.index.max(*agreed);
        }
        match (own == theirs.hash, state.differing.get(&other)) {
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

    fn at(index: u64, hash: u64) -> Round {
        Round { index: LogIndex(index), hash }
    }

    #[test]
    fn idle_replicas_are_compared_after_their_last_entry() {
        let hashes = Hashes::default();
        hashes.replaced(at(10, 1));
        assert_eq!(hashes.compare(OTHER, at(10, 2)), Some(Found::Differs));
        assert_eq!(hashes.compare(OTHER, at(11, 3)), None);
        hashes.applied([], at(11, 3));
        assert_eq!(hashes.compare(OTHER, at(11, 3)), Some(Found::Agrees));
    }

    #[test]
    fn the_one_that_differs_from_all_others_is_the_corrupt_one() {
        let third = NodeId(3);
        let both = BTreeSet::from([OTHER, third]);
        let judged = |others: &BTreeSet<NodeId>, news: &[(NodeId, u64)]| {
            let hashes = Hashes::default();
            hashes.replaced(at(10, 1));
            for (node, hash) in news {
                hashes.compare(*node, at(10, *hash));
            }
            hashes.verdict(others)
        };
        assert_eq!(judged(&both, &[]), Verdict::Fine);
        let hashes = Hashes::default();
        hashes.replaced(at(10, 1));
        assert!(!hashes.is_confirmed(&both) && hashes.is_confirmed(&BTreeSet::new()));
        hashes.compare(OTHER, at(10, 2));
        assert!(!hashes.is_confirmed(&both), "it differs");
        hashes.compare(third, at(10, 1));
        assert!(hashes.is_confirmed(&both));
        hashes.replaced(at(11, 3));
        assert!(!hashes.is_confirmed(&both), "a snapshot took its place");
        assert_eq!(judged(&both, &[(OTHER, 1), (third, 1)]), Verdict::Fine);
        assert_eq!(judged(&both, &[(OTHER, 2)]), Verdict::Doubtful);
        assert_eq!(judged(&both, &[(OTHER, 2), (third, 1)]), Verdict::Fine);
        assert_eq!(judged(&both, &[(OTHER, 2), (third, 2)]), Verdict::Corrupt);
        assert_eq!(judged(&BTreeSet::from([OTHER]), &[(OTHER, 2)]), Verdict::Doubtful, "one against one");
        assert_eq!(judged(&BTreeSet::from([third]), &[(OTHER, 2)]), Verdict::Fine, "no member any more");
    }

    #[test]
    fn only_hashes_after_the_same_entry_are_compared() {
        let hashes = Hashes::default();
        assert_eq!(Round::ending(LogIndex(ROUND_ENTRIES + 1), 1), None);
        assert_eq!(hashes.compare(OTHER, round(1, 7)), None);
        hashes.applied([round(1, 7), round(2, 8)], at(130, 5));
        assert_eq!(hashes.latest(), [round(2, 8), at(130, 5)]);
        assert_eq!(hashes.compare(OTHER, round(1, 7)), None);
        assert_eq!(hashes.compare(OTHER, round(3, 99)), None);
        assert!(hashes.differing().is_empty());
    }

    #[test]
    fn a_difference_is_told_once_and_lasts_until_a_later_hash_agrees() {
        let hashes = Hashes::default();
        hashes.applied([round(1, 7), round(2, 8), round(3, 9)], round(3, 9));
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
        hashes.applied((1..1_000).map(|number| round(number, 1)), round(999, 1));
        assert_eq!(hashes.lock().rounds.len(), ROUNDS_KEPT);
        assert_eq!(hashes.compare(OTHER, round(999, 2)), Some(Found::Differs));
        hashes.replaced(at(7, 7));
        assert!(hashes.latest() == [at(7, 7)] && hashes.differing().is_empty());
    }
}
