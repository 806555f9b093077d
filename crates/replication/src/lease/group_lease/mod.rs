//! The send lease of one group on one node (docs/lease.md): its holder with the critical section of R10, its granter
//! while the node leads (`granting`, with its `evidence`), and its voter (`votes`), behind one lock. The rules are
//! `traffic`'s; what happens when is decided here.

mod answers;
pub(crate) mod evidence;
pub(crate) mod granting;
pub(crate) mod votes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::id::{Epoch, LogIndex, NodeId};
use model::time::BootTime;
use service::ports::NoPermit;
use tokio::sync::watch;
use traffic::LeaseTiming;
use traffic::lease::{Grant, Granter, Holder, HolderId, Voter};

use crate::lease::broken::LeaseBreak;
use crate::lease::critical_section::CriticalSection;
use crate::raft::type_config::LeaderId;
use answers::Answers;

/// One group's lease, as this node takes part in it.
pub(crate) struct GroupLease {
    timing: LeaseTiming,
    broken: Option<LeaseBreak>,
    state: Mutex<State>,
}

struct State {
    /// Nothing on a witness, which never sends.
    holder: Option<Holder>,
    section: CriticalSection,
    voter: Voter,
    led: Option<Led>,
    answers: Answers,
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
    /// When each holder that asked sent the request of its last usable lease, by its own word.
    usable_since: BTreeMap<NodeId, BootTime>,
}

/// What this node says of itself in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnReport {
    pub(crate) fenced: LogIndex,
    pub(crate) applied: LogIndex,
    pub(crate) drained: Option<Epoch>,
    /// How long ago the request was sent whose grant was the last usable one; nothing when there was none.
    pub(crate) lease_age: Option<Duration>,
}

impl GroupLease {
    /// Begins with the node's start; `holder` is given on nodes of serving regions. A node breaks nothing.
    pub(crate) fn new(
        timing: LeaseTiming,
        holder: Option<HolderId>,
        started: BootTime,
        broken: Option<LeaseBreak>,
    ) -> GroupLease {
        let started = if broken == Some(LeaseBreak::VotesAtStart) { BootTime(0) } else { started };
        let state = State {
            holder: holder.map(|id| Holder::new(id, &timing)),
            section: CriticalSection::default(),
            voter: Voter::new(timing, started),
            led: None,
            answers: Answers::default(),
            barred: None,
            transferred: false,
            transfer: None,
            forbids: None,
        };
        GroupLease { timing, broken, state: Mutex::new(state) }
    }

    /// Returns the durations that the lease goes by.
    pub(crate) fn timing(&self) -> &LeaseTiming {
        &self.timing
    }

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
    pub(crate) fn report(&self, now: BootTime) -> Option<OwnReport> {
        let state = self.lock();
        let holder = state.holder.as_ref()?;
        let report = holder.report();
        let lease_age = holder.valid_until().map(|until| (now + self.timing.lease()).since(until));
        let applied = state.section.last_applied();
        Some(OwnReport { fenced: report.fenced, applied, drained: report.drained, lease_age })
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

    fn is_broken(&self, link: LeaseBreak) -> bool {
        self.broken == Some(link)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
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
