//! The send lease of one group on one node (docs/lease.md): its holder with the critical section of R10, its granter
//! while the node leads, and its voter, behind one lock. The rules are `traffic`'s; what happens when is decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::id::{Epoch, Incarnation, LogIndex, NodeId, RegionId};
use model::time::BootTime;
use service::ports::NoPermit;
use tokio::sync::watch;
use traffic::LeaseTiming;
use traffic::lease::{
    Acknowledgement, Decision, Grant, Granter, Holder, HolderId, Host, Renewal, TakeoverBasis, Tenure, Voter,
};

use crate::lease::critical_section::CriticalSection;
use crate::raft::type_config::{LeaderId, Vote};

/// One group's lease, as this node takes part in it.
pub(crate) struct GroupLease {
    timing: LeaseTiming,
    state: Mutex<State>,
}

struct State {
    /// Nothing on a witness, which never sends.
    holder: Option<Holder>,
    section: CriticalSection,
    voter: Voter,
    led: Option<Led>,
    /// The leadership for which nothing may be granted any more, because a transfer of it began (R8), or for now,
    /// because this node is asked to vote for another.
    barred: Option<LeaderId>,
    /// Whether a transfer is the reason.
    transferred: bool,
    /// The last transfer that a leader told of: who led, and who is to take over.
    transfer: Option<(LeaderId, NodeId)>,
    /// The index of an applied entry that forbids sending and isn't reported as fenced yet.
    forbids: Option<LogIndex>,
}

struct Led {
    leader: LeaderId,
    granter: Granter,
    /// Up to where what forbids sending is acknowledged; it never goes back, because what was acknowledged once stays
    /// so.
    acknowledged: watch::Sender<LogIndex>,
    /// The voters that the granter was told of. Telling it again would end a retirement.
    hosts: BTreeSet<NodeId>,
    /// Those of them that may be granted the lease (R14).
    holders: BTreeSet<NodeId>,
}

/// What a node must know to lead a group as far as the lease goes.
pub(crate) struct Leadership {
    pub(crate) leader: LeaderId,
    pub(crate) tenure: Tenure,
    pub(crate) members: Members,
}

/// The voters of serving regions, and whether the membership that says so is committed.
pub(crate) struct Members {
    pub(crate) hosts: BTreeMap<NodeId, Host>,
    pub(crate) committed: bool,
}

/// What a candidate asks a voter.
pub(crate) struct VoteAsked {
    pub(crate) candidate: LeaderId,
    /// Whether it says that it was told to take over.
    pub(crate) transfer: bool,
    /// The vote that the voter holds.
    pub(crate) held: Vote,
}

/// A takeover under way.
pub(crate) struct BegunTakeover {
    pub(crate) leader: LeaderId,
    pub(crate) region: RegionId,
    pub(crate) basis: TakeoverBasis,
}

/// What this node says of itself in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnReport {
    pub(crate) fenced: LogIndex,
    pub(crate) applied: LogIndex,
    pub(crate) drained: Option<Epoch>,
}

impl GroupLease {
    /// Begins with the node's start; `holder` is given on nodes of serving regions.
    pub(crate) fn new(timing: LeaseTiming, holder: Option<HolderId>, started: BootTime) -> GroupLease {
        let state = State {
            holder: holder.map(|id| Holder::new(id, &timing)),
            section: CriticalSection::default(),
            voter: Voter::new(timing, started),
            led: None,
            barred: None,
            transferred: false,
            transfer: None,
            forbids: None,
        };
        GroupLease { timing, state: Mutex::new(state) }
    }

    /// Returns the durations that the lease goes by.
    pub(crate) fn timing(&self) -> &LeaseTiming {
        &self.timing
    }

    // --- The holder.

    /// Enters the critical section: returns the number to leave it with.
    pub(crate) fn enter(&self, now: BootTime) -> Result<u64, NoPermit> {
        use traffic::lease::NoPermit as Reason;
        let mut state = self.lock();
        let holder = state.holder.as_ref().ok_or(NoPermit::NoLease)?;
        match holder.permit(now) {
            Ok(_) => Ok(state.section.enter()),
            Err(Reason::NeverGranted) => Err(NoPermit::NoLease),
            Err(Reason::Lapsed { ago }) => Err(NoPermit::Lapsed { ago }),
            Err(Reason::Behind { .. }) => Err(NoPermit::CatchingUp),
        }
    }

    /// Leaves the critical section. Says whether a fence report is due.
    pub(crate) fn leave(&self, number: u64) -> bool {
        let mut state = self.lock();
        state.section.leave(number);
        state.fence()
    }

    /// Takes note that everything up to `index` is applied; `forbids` says that something since the last call forbids
    /// sending. Says whether a fence report is due.
    pub(crate) fn applied(&self, index: LogIndex, forbids: bool) -> bool {
        let mut state = self.lock();
        if forbids {
            state.forbids = Some(index);
        }
        state.section.applied(index);
        if let Some(holder) = &mut state.holder {
            holder.applied(index);
        }
        state.fence()
    }

    /// Takes note of the plan for which this node is drained.
    pub(crate) fn drained(&self, epoch: Epoch) {
        if let Some(holder) = &mut self.lock().holder {
            holder.drained(Some(epoch));
        }
    }

    /// Returns what this node reports; nothing on a witness.
    pub(crate) fn report(&self) -> Option<OwnReport> {
        let state = self.lock();
        let report = state.holder.as_ref()?.report();
        Some(OwnReport { fenced: report.fenced, applied: state.section.last_applied(), drained: report.drained })
    }

    /// Takes a grant.
    pub(crate) fn granted(&self, now: BootTime, grant: Grant) {
        if let Some(holder) = &mut self.lock().holder {
            holder.granted(now, grant);
        }
    }

    /// Returns when the usable lease ends; nothing when there was none in this incarnation.
    pub(crate) fn valid_until(&self) -> Option<BootTime> {
        self.lock().holder.as_ref().and_then(Holder::valid_until)
    }

    // --- The voter.

    /// Takes note, before it is answered, that a heartbeat of a current leader was received.
    pub(crate) fn heartbeat(&self, received: BootTime) {
        self.lock().voter.heartbeat(received);
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
        if !transfer && state.voter.refuses(now) {
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
        self.lock().voter.refuses(now)
    }

    // --- The granter.

    /// Says whether a granter for this leadership is there, or must not be (R8).
    pub(crate) fn knows(&self, leader: &LeaderId) -> bool {
        let state = self.lock();
        state.barred.as_ref() == Some(leader) || state.led.as_ref().is_some_and(|led| led.leader == *leader)
    }

    /// Begins a tenure (R6).
    pub(crate) fn begin_tenure(&self, leadership: Leadership) {
        let Leadership { leader, tenure, members: Members { mut hosts, committed } } = leadership;
        hosts.values_mut().for_each(|host| host.holds &= committed);
        let granter = Granter::new(self.timing, tenure, &hosts);
        let mut state = self.lock();
        if state.barred == Some(leader) || state.led.as_ref().is_some_and(|led| led.leader == leader) {
            return;
        }
        let acknowledged = watch::Sender::new(LogIndex(0));
        let holders = hosts.iter().filter(|(_, host)| host.holds).map(|(node, _)| *node).collect();
        state.led = Some(Led { leader, granter, acknowledged, holders, hosts: hosts.into_keys().collect() });
    }

    /// Ends the tenure, if there is one.
    pub(crate) fn end_tenure(&self) {
        self.lock().led = None;
    }

    /// Takes the voters as they are now; those that joined during the tenure are added. While the membership may still
    /// be lost, nobody holds by it who didn't hold before.
    pub(crate) fn host(&self, members: Members) {
        let Some(led) = &mut self.lock().led else { return };
        let Members { hosts, committed } = members;
        let known = std::mem::replace(&mut led.hosts, hosts.keys().copied().collect());
        let holders = hosts.iter().filter(|(node, host)| host.holds && (committed || led.holders.contains(*node)));
        led.holders = holders.map(|(node, _)| *node).collect();
        let joined = hosts.into_iter().filter(|(node, _)| !known.contains(node));
        joined.for_each(|(node, host)| led.granter.host(node, host));
        led.granter.entitle(&led.holders);
    }

    /// Takes note, at `now`, that a quorum answered the heartbeat sent at `sent`, in the given leadership.
    pub(crate) fn quorum_acked(&self, leader: &LeaderId, now: BootTime, sent: BootTime) {
        let mut state = self.lock();
        state.voter.quorum_acked(sent);
        if let Some(led) = state.led.as_mut().filter(|led| led.leader == *leader) {
            led.granter.quorum_acked(sent);
        }
        state.acknowledge(now);
    }

    /// Answers a request for the lease; nothing when this node doesn't lead.
    pub(crate) fn request(&self, now: BootTime, renewal: Renewal, commit: LogIndex) -> Option<Decision> {
        let mut state = self.lock();
        // What is acknowledged is applied here, under this lock: R4 needs no less.
        let commit = commit.max(state.section.last_applied());
        let decision = state.led.as_mut()?.granter.request(now, renewal, commit);
        state.acknowledge(now);
        Some(decision)
    }

    /// Returns the latest incarnation of a node that asked this leader for the lease.
    pub(crate) fn incarnation(&self, node: NodeId) -> Option<Incarnation> {
        self.lock().led.as_ref()?.granter.incarnation(node)
    }

    /// Takes note that an index waits for acknowledgement, since it was appended. Says whether the given leadership is
    /// this node's tenure.
    pub(crate) fn waiting(&self, leader: &LeaderId, index: LogIndex, since: BootTime) -> bool {
        let mut state = self.lock();
        let Some(led) = state.led.as_mut().filter(|led| led.leader == *leader) else { return false };
        led.granter.waiting(index, since);
        true
    }

    /// Returns up to where what forbids sending is acknowledged (R7), to be watched until the tenure ends; nothing when
    /// this node doesn't lead in the given leadership.
    pub(crate) fn watch_acknowledged(&self, leader: &LeaderId, now: BootTime) -> Option<watch::Receiver<LogIndex>> {
        let mut state = self.lock();
        state.acknowledge(now);
        let led = state.led.as_ref().filter(|led| led.leader == *leader)?;
        Some(led.acknowledged.subscribe())
    }

    /// Returns when time alone will acknowledge an index, if the holders that are missing stay away.
    pub(crate) fn acknowledged_by(&self, leader: &LeaderId, now: BootTime, index: LogIndex) -> Option<BootTime> {
        let mut state = self.lock();
        let commit = state.section.last_applied();
        let led = state.led.as_mut().filter(|led| led.leader == *leader)?;
        match led.granter.acknowledged(now, index, commit) {
            Acknowledgement::Yes => Some(now),
            Acknowledgement::Wait { until, .. } => until,
        }
    }

    /// Begins a transfer of leadership: nothing is granted any more in this leadership (R8).
    pub(crate) fn begin_transfer(&self, leader: LeaderId, to: NodeId) {
        let mut state = self.lock();
        state.transfer = Some((leader, to));
        state.bar(leader, true);
        if let Some(led) = &mut state.led {
            led.granter.begin_transfer();
        }
    }

    /// Gives nothing more to a node that is to leave the group.
    pub(crate) fn retire(&self, node: NodeId) {
        if let Some(led) = &mut self.lock().led {
            led.granter.retire(node);
        }
    }

    /// Gives to a node again whose removal was not proposed, or was refused.
    pub(crate) fn reinstate(&self, node: NodeId) {
        if let Some(led) = &mut self.lock().led {
            led.granter.reinstate(node);
        }
    }

    /// Says whether a retired node holds no lease any more; false when this node doesn't lead.
    pub(crate) fn is_retired(&self, now: BootTime, node: NodeId) -> bool {
        self.lock().led.as_ref().is_some_and(|led| led.granter.is_retired(now, node))
    }

    /// Says on what ground a region's messages may be moved now, if on any; never when this node doesn't lead.
    pub(crate) fn takeover_basis(&self, now: BootTime, region: &RegionId, epoch: Epoch) -> Option<TakeoverBasis> {
        self.lock().led.as_ref()?.granter.takeover_basis(now, region, epoch)
    }

    /// Begins a takeover of a region, if its messages may be moved now; [`takeover_appended`](Self::takeover_appended)
    /// ends it.
    pub(crate) fn begin_takeover(&self, now: BootTime, region: &RegionId, epoch: Epoch) -> Option<BegunTakeover> {
        let mut state = self.lock();
        let led = state.led.as_mut()?;
        let basis = led.granter.begin_takeover(now, region, epoch)?;
        Some(BegunTakeover { leader: led.leader, region: region.clone(), basis })
    }

    /// Takes note that a takeover was appended at `index`.
    pub(crate) fn takeover_appended(&self, begun: &BegunTakeover, index: LogIndex) {
        if let Some(led) = self.lock().led.as_mut().filter(|led| led.leader == begun.leader) {
            led.granter.takeover_appended(&begun.region, begun.basis, index);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Brings up to date what is acknowledged. What is applied here is committed.
    fn acknowledge(&mut self, now: BootTime) {
        let commit = self.section.last_applied();
        if let Some(led) = &mut self.led {
            let up_to = led.granter.acknowledge(now, commit);
            led.acknowledged.send_if_modified(|known| {
                let more = up_to > *known;
                *known = up_to.max(*known);
                more
            });
        }
    }

    /// Says whether a candidate is who the leader that this node knows told to take over, in the next term. Without that
    /// a mark on its request says nothing: it may be old, or of an election that came to nothing.
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
    fn bar(&mut self, leader: LeaderId, transfer: bool) {
        let for_good = self.transferred && self.barred == Some(leader);
        self.barred = Some(leader);
        self.transferred = transfer || for_good;
    }

    /// Moves the fence as far as it goes. Says whether it now covers what forbids sending.
    fn fence(&mut self) -> bool {
        let fenced = self.section.fenced();
        let Some(holder) = &mut self.holder else { return false };
        holder.fenced(fenced);
        let due = self.forbids.is_some_and(|index| index <= fenced);
        if due {
            self.forbids = None;
        }
        due
    }
}
