//! Which members answered the heartbeats of one leadership, and when those were sent.

use std::collections::{BTreeMap, BTreeSet};

use model::id::NodeId;
use model::time::BootTime;

use crate::raft::type_config::LeaderId;

/// The answers to the heartbeats of one leadership.
#[derive(Debug, Default)]
pub(super) struct Answers {
    leader: Option<LeaderId>,
    /// When the last heartbeat was sent that each member answered.
    sent: BTreeMap<NodeId, BootTime>,
}

impl Answers {
    /// Returns when the last heartbeat of a leadership was sent that a quorum of every one of these configurations
    /// answered; the leader's node, `own`, itself follows `now`.
    pub(super) fn quorum(
        &self,
        leader: &LeaderId,
        (own, now): (NodeId, BootTime),
        configs: &[BTreeSet<u64>],
    ) -> Option<BootTime> {
        let answers = Some(self).filter(|answers| answers.leader == Some(*leader));
        let sent = |member: NodeId| if member == own { Some(now) } else { answers?.sent.get(&member).copied() };
        configs.iter().map(|config| quorum(config.iter().map(|id| sent(NodeId(*id))).collect())).min().flatten()
    }

    pub(super) fn note(&mut self, leader: LeaderId, member: NodeId, sent: BootTime) {
        if self.leader != Some(leader) {
            *self = Answers { leader: Some(leader), sent: BTreeMap::new() };
        }
        let last = self.sent.entry(member).or_insert(sent);
        *last = sent.max(*last);
    }
}

/// Returns the latest time that a majority reached; nothing when a majority did not reach any.
fn quorum(mut sent: Vec<Option<BootTime>>) -> Option<BootTime> {
    sent.sort_unstable_by(|one, other| other.cmp(one));
    sent.get(sent.len() / 2).copied().flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_majority_answered_what_was_sent_then_or_later(sent in prop::collection::vec(prop::option::of(0..9_u64), 1..8)) {
            let times: Vec<Option<BootTime>> = sent.iter().map(|sent| sent.map(BootTime)).collect();
            let reached = |time: u64| sent.iter().flatten().filter(|sent| **sent >= time).count() * 2 > sent.len();
            prop_assert_eq!(quorum(times), (0..9).rev().find(|time| reached(*time)).map(BootTime));
        }
    }
}
