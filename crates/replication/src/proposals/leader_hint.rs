//! Whom a node asks that has proposals and doesn't lead. Pure: no lock, no IO.

use model::id::{NodeId, Term};

/// A node that is believed to lead, and its term where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leader {
    pub(crate) node: NodeId,
    pub(crate) term: Option<Term>,
}

/// What the asked nodes said of one group's leader.
#[derive(Debug, Default)]
pub(crate) struct LeaderHint {
    told: Option<Leader>,
    /// How many times a node was asked in vain.
    missed: usize,
}

impl LeaderHint {
    /// Names the node to ask: who was said to lead or is known to, whichever is of the later term; else one of `others`
    /// after the other.
    pub(crate) fn choose(&self, known: Option<Leader>, others: &[NodeId]) -> Option<Leader> {
        let newest = self.told.into_iter().chain(known).max_by_key(|leader| leader.term);
        newest.or_else(|| {
            let node = *others.get(self.missed.checked_rem(others.len())?)?;
            Some(Leader { node, term: None })
        })
    }

    /// Takes note of who was said to lead, by a node that should know.
    pub(crate) fn told(&mut self, leader: Leader) {
        self.told = Some(leader);
    }

    /// Takes note that a node was asked in vain: it could not be reached, or knows of no leader.
    pub(crate) fn missed(&mut self, asked: NodeId) {
        self.missed = self.missed.wrapping_add(1);
        self.told = self.told.filter(|told| told.node != asked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(node: u64, term: u64) -> Leader {
        Leader { node: NodeId(node), term: Some(Term(term)) }
    }

    #[test]
    fn the_later_term_is_believed() {
        let mut leader_hint = LeaderHint::default();
        assert_eq!(leader_hint.choose(Some(leader(1, 4)), &[]), Some(leader(1, 4)));
        leader_hint.told(leader(2, 5));
        assert_eq!(leader_hint.choose(Some(leader(1, 4)), &[]), Some(leader(2, 5)));
        assert_eq!(leader_hint.choose(Some(leader(3, 6)), &[]), Some(leader(3, 6)));
        assert_eq!(leader_hint.choose(None, &[NodeId(9)]), Some(leader(2, 5)), "for as long as it answers");
        leader_hint.missed(NodeId(2));
        assert_eq!(leader_hint.choose(Some(leader(1, 4)), &[]), Some(leader(1, 4)));
        assert_eq!(leader_hint.choose(None, &[]), None);
    }

    #[test]
    fn without_a_word_the_others_are_asked_in_turn() {
        let mut leader_hint = LeaderHint::default();
        let others = [NodeId(1), NodeId(2)];
        let mut asked = Vec::new();
        for _ in 0..3 {
            let next = leader_hint.choose(None, &others).expect("there are others");
            leader_hint.missed(next.node);
            asked.push((next.node, next.term));
        }
        assert_eq!(asked, [(NodeId(1), None), (NodeId(2), None), (NodeId(1), None)]);
    }
}
