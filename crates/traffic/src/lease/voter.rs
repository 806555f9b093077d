//! When a node may vote in a group (R2, and the last sentence of R1). Everything that asks for a vote or a pre-vote
//! goes through here, except a transfer of leadership, which R8 covers.

use std::time::Duration;

use model::BootTime;

use crate::timing::LeaseTiming;

/// One node's votes in one group, since the node's start.
#[derive(Debug, Clone)]
pub struct Voter {
    timing: LeaseTiming,
    held_off_since: BootTime,
    leader_lease: Option<BootTime>,
}

impl Voter {
    /// Begins with the node's start: it may have answered a heartbeat just before, so it refuses for V.
    pub fn new(timing: LeaseTiming, started: BootTime) -> Voter {
        Voter { timing, held_off_since: started, leader_lease: None }
    }

    /// Takes note that a heartbeat of a leader whose term is current was received, before it is answered.
    pub fn heartbeat(&mut self, received: BootTime) {
        self.held_off_since = self.held_off_since.max(received);
    }

    /// Takes note, on a node that leads, that a quorum answered the heartbeat that it sent at `sent`. The same goes to
    /// the [`Granter`](super::Granter); this one first.
    pub fn quorum_acked(&mut self, sent: BootTime) {
        self.leader_lease = self.leader_lease.max(Some(sent));
    }

    /// Says whether the node must refuse votes and pre-votes now, those for itself included.
    pub fn refuses(&self, now: BootTime) -> bool {
        now.since(self.held_off_since) < self.timing.vote_hold_off()
            || self.leader_lease.is_some_and(|sent| now.since(sent) < self.timing.leader_lease())
    }

    /// Says whether the node heard a leader, or as the leader a quorum, in the last `window`. Its start counts as
    /// hearing one.
    pub fn in_contact(&self, now: BootTime, window: Duration) -> bool {
        let last = self.leader_lease.map_or(self.held_off_since, |sent| sent.max(self.held_off_since));
        now.since(last) < window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> BootTime {
        BootTime(milliseconds * 1_000_000)
    }

    #[test]
    fn a_voter_refuses_after_its_start_and_after_heartbeats() {
        let timing = LeaseTiming::for_round_trip(Duration::from_millis(80)).unwrap();
        let mut voter = Voter::new(timing, at(1_000));
        assert!(voter.refuses(at(1_499)));
        assert!(!voter.refuses(at(1_500)));
        voter.heartbeat(at(2_000));
        voter.heartbeat(at(1_900));
        assert!(voter.refuses(at(2_499)));
        assert!(!voter.refuses(at(2_500)));
    }

    #[test]
    fn contact_is_a_leader_or_a_quorum() {
        let timing = LeaseTiming::for_round_trip(Duration::from_millis(80)).unwrap();
        let window = Duration::from_secs(2);
        let mut voter = Voter::new(timing, at(1_000));
        assert!(voter.in_contact(at(2_999), window) && !voter.in_contact(at(3_000), window));
        voter.heartbeat(at(3_000));
        assert!(voter.in_contact(at(4_999), window) && !voter.in_contact(at(5_000), window));
        voter.quorum_acked(at(6_000));
        voter.heartbeat(at(5_500));
        assert!(voter.in_contact(at(7_999), window) && !voter.in_contact(at(8_000), window));
    }

    #[test]
    fn a_leader_refuses_while_it_may_grant() {
        let timing = LeaseTiming::for_round_trip(Duration::from_millis(80)).unwrap();
        let mut voter = Voter::new(timing, at(0));
        voter.quorum_acked(at(5_000));
        voter.quorum_acked(at(4_000));
        assert!(voter.refuses(at(5_399)));
        assert!(!voter.refuses(at(5_400)));
    }
}
