//! When this node votes (R2), and whom it takes for the heir of a transfer (R8).

use std::time::Duration;

use model::id::NodeId;
use model::time::BootTime;

use super::{GroupLease, State};
use crate::lease::broken::LeaseBreak;
use crate::raft::type_config::{LeaderId, Vote};

/// A node that heard neither a leader nor a quorum of a group for this long, or whose leader says so of it, is taken
/// for cut off: far longer than the heartbeats of any configured round trip are apart.
pub const CONTACT_MAX: Duration = Duration::from_secs(3);

/// What a candidate asks a voter.
pub(crate) struct VoteAsked {
    pub(crate) candidate: LeaderId,
    /// Whether it says that it was told to take over.
    pub(crate) transfer: bool,
    /// The vote that the voter holds.
    pub(crate) held: Vote,
}

impl GroupLease {
    /// Returns how long after its start this node votes, for itself too.
    pub(crate) fn votes_after(&self) -> Duration {
        if self.is_broken(LeaseBreak::VotesAtStart) { Duration::ZERO } else { self.timing.vote_hold_off() }
    }

    /// Takes note, before it is answered, that a heartbeat of a current leader was received.
    pub(crate) fn heartbeat(&self, received: BootTime) {
        if !self.is_broken(LeaseBreak::UnnotedHeartbeats) {
            self.lock().voter.heartbeat(received);
        }
    }

    /// Takes note that the leader in `from` told `to` to take over: it grants nothing any more (R8).
    pub(crate) fn transfer_begun(&self, from: LeaderId, to: NodeId) {
        self.lock().transfer = Some((from, to));
    }

    /// Says whether a vote must be refused now. If not, this node's tenure ends here, before it votes: its granter is
    /// dropped, and none begins in the same leadership until [`voted`](Self::voted) says that it goes on.
    pub(crate) fn refuses_vote(&self, now: BootTime, asked: &VoteAsked) -> bool {
        let mut state = self.lock();
        let transfer = asked.transfer && state.transfers_to(asked);
        if !transfer && !self.is_broken(LeaseBreak::GrantedVotes) && state.voter.refuses(now) {
            return true;
        }
        if let Some(led) = state.led.take() {
            state.bar(led.leader, transfer);
        }
        false
    }

    /// Takes note of the vote that this node holds after it was asked for one; nothing when that isn't known.
    pub(crate) fn voted(&self, vote: Option<&Vote>) {
        let mut state = self.lock();
        let still_leads = vote.is_some_and(|vote| vote.committed && state.barred == Some(vote.leader_id));
        if still_leads && !state.transferred {
            state.barred = None;
        }
    }

    /// Says whether this node heard the group's leader, or as its leader a quorum, in the last `window`.
    pub(crate) fn in_contact(&self, now: BootTime, window: Duration) -> bool {
        self.lock().voter.in_contact(now, window)
    }

    /// Says whether a pre-vote must be refused now.
    pub(crate) fn refuses_pre_vote(&self, now: BootTime) -> bool {
        !self.is_broken(LeaseBreak::GrantedVotes) && self.lock().voter.refuses(now)
    }
}

impl State {
    /// Says whether a candidate is who the leader that this node knows told to take over, in the next term. Without
    /// that a mark on its request says nothing: it may be old, or of an election that came to nothing.
    fn transfers_to(&self, asked: &VoteAsked) -> bool {
        let VoteAsked { candidate, held, .. } = asked;
        self.transfer.is_some_and(|(from, to)| {
            held.committed
                && held.leader_id == from
                && candidate.node_id == to.0
                && from.term.checked_add(1) == Some(candidate.term)
        })
    }

    /// Bars a leadership from granting; for good when a transfer is the reason.
    pub(super) fn bar(&mut self, leader: LeaderId, transfer: bool) {
        let for_good = self.transferred && self.barred == Some(leader);
        self.barred = Some(leader);
        self.transferred = transfer || for_good;
    }
}
