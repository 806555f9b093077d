//! The evidence that this node still leads (R1): which members answered its heartbeats, and when those were sent, by the
//! lease's own clock.
//!
//! openraft's word isn't taken for it. It counts an answer for every append that ends no later than the answer says the
//! logs agree, also for one without entries that was made after the answer was on its way: a leader that stood still
//! for seconds, and then reads the answers that came meanwhile, would take them for fresh.

use std::collections::BTreeSet;

use model::id::NodeId;
use model::time::BootTime;

use super::GroupLease;
use crate::raft::type_config::LeaderId;

impl GroupLease {
    /// Takes note that a member follows a leader of this node: it answered a heartbeat that was sent then.
    pub(crate) fn follows(&self, leader: LeaderId, member: NodeId, sent: BootTime) {
        self.lock().answers.note(leader, member, sent);
    }

    /// Returns when the last heartbeat was sent that a quorum of every one of these configurations answered to this
    /// node, `own`, which itself follows now; nothing when there was none in this leadership.
    pub(crate) fn quorum_followed(
        &self,
        leader: &LeaderId,
        own: (NodeId, BootTime),
        configs: &[BTreeSet<u64>],
    ) -> Option<BootTime> {
        self.lock().answers.quorum(leader, own, configs)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use traffic::LeaseTiming;

    use super::*;

    const OWN: NodeId = NodeId(1);
    const LEADER: LeaderId = LeaderId { term: 3, node_id: 1 };
    const NOW: BootTime = BootTime(1_000);

    fn lease(answers: &[(u64, u64)]) -> GroupLease {
        let timing = LeaseTiming::for_round_trip(Duration::from_millis(80)).unwrap();
        let lease = GroupLease::new(timing, None, BootTime(0), None);
        answers.iter().for_each(|(member, sent)| lease.follows(LEADER, NodeId(*member), BootTime(*sent)));
        lease
    }

    fn followed(lease: &GroupLease, configs: &[&[u64]]) -> Option<u64> {
        let configs: Vec<BTreeSet<u64>> = configs.iter().map(|config| config.iter().copied().collect()).collect();
        lease.quorum_followed(&LEADER, (OWN, NOW), &configs).map(|sent| sent.0)
    }

    #[test]
    fn a_quorum_of_every_configuration_must_answer() {
        let lease = lease(&[(2, 10), (3, 20), (4, 5), (2, 30), (2, 15)]);
        assert_eq!(followed(&lease, &[&[1, 2, 3]]), Some(30), "an earlier answer that comes late changes nothing");
        assert_eq!(followed(&lease, &[&[2, 3, 4]]), Some(20), "a leader that has no vote doesn't count");
        assert_eq!(followed(&lease, &[&[1, 2, 3], &[1, 4, 5]]), Some(5));
        assert_eq!(followed(&lease, &[&[1, 5, 6]]), None);
        assert_eq!(followed(&lease, &[&[1, 2, 3], &[1, 5, 6]]), None);
        assert_eq!(followed(&lease, &[&[1]]), Some(NOW.0));
        assert_eq!(followed(&lease, &[]), None);
    }

    #[test]
    fn answers_to_another_leadership_say_nothing() {
        let lease = lease(&[(2, 10), (3, 20)]);
        let later = LeaderId { term: 4, node_id: 1 };
        let configs = [BTreeSet::from([1, 2, 3])];
        assert_eq!(lease.quorum_followed(&later, (OWN, NOW), &configs), None);
        lease.follows(later, NodeId(2), BootTime(40));
        assert_eq!(lease.quorum_followed(&later, (OWN, NOW), &configs), Some(BootTime(40)));
        assert_eq!(lease.quorum_followed(&LEADER, (OWN, NOW), &configs), None);
    }
}
