//! The leader's side of the send lease, for one group in one tenure. Decides what is granted, what is acknowledged and
//! what may be taken over; holds no clock, appends nothing and sends nothing itself.
//!
//! Whoever holds a `Granter` drops it at the moment at which the node stops leading the term, before it votes again.

use std::collections::{BTreeMap, BTreeSet};

use model::{BootTime, Epoch, Incarnation, LogIndex, NodeId, RegionId};

use super::pending::PendingAcknowledgements;
use super::terms::{Grant, HolderId, Host, Renewal, Report, Tenure};
use crate::timing::LeaseTiming;

/// One tenure's knowledge of holders. Its size is bounded by the number of nodes that hosted a replica in the tenure.
#[derive(Debug, Clone)]
pub struct Granter {
    timing: LeaseTiming,
    tenure: Tenure,
    leader_lease: Option<BootTime>,
    transferring: bool,
    holders: BTreeMap<NodeId, Known>,
    takeovers: BTreeMap<RegionId, LogIndex>,
    /// How many takeovers on the ground of a lapse are under way, by region; more than none.
    taking_over: BTreeMap<RegionId, u32>,
    waiting: PendingAcknowledgements,
}

/// What is known of a node that may hold the lease, or held it in this tenure or before.
#[derive(Debug, Clone)]
struct Known {
    region: RegionId,
    /// Whether it is the one of its region that may be granted the lease (R14).
    holds: bool,
    incarnation: Option<Incarnation>,
    fenced: LogIndex,
    drained: Option<Epoch>,
    /// The last grant, or the beginning of the tenure when that is later: until then an earlier leader may have
    /// granted.
    granted: BootTime,
    retired: bool,
}

/// What a request for the lease gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The lease, to be sent at once.
    Grant(Grant),
    /// Nothing, though the report in the request counts unless the reason is [`Reason::EarlierIncarnation`].
    Refuse(Reason),
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The request comes from an incarnation that has ended.
    #[error("the request comes from an earlier incarnation of the node")]
    EarlierIncarnation,
    /// The last heartbeat that a quorum answered is too old (R1).
    #[error("no quorum answered a recent heartbeat, so another node may lead")]
    Unsure,
    /// A transfer of leadership began in this term (R8).
    #[error("leadership is being transferred")]
    Transferring,
    /// The node is being removed from the group.
    #[error("the node is being removed from the group")]
    Retired,
    /// The node is no voter of the group, or its region has another holder (R14).
    #[error("the node is not the one of its region that sends for the group")]
    NotHolder,
    /// The region's former holder may still hold the lease (R14).
    #[error("node {0} of the same region may still hold the lease")]
    HeldBy(NodeId),
    /// A takeover of the region is proposed, and what became of it is not known yet.
    #[error("the region's waiting messages are being moved to other regions")]
    TakingOver,
    /// An index has waited too long for this holder (R7). Lasting, this deserves an alarm.
    #[error("index {overdue} waits for this holder, which is fenced up to {fenced}")]
    Behind {
        /// How far the holder is fenced.
        fenced: LogIndex,
        /// How far it must be.
        overdue: LogIndex,
    },
}

/// Whether an index that forbids sending is acknowledged (R7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledgement {
    /// No holder begins a dispatch without having applied it, from now on.
    Yes,
    /// Not yet.
    Wait {
        /// When time alone will do; nothing when the index isn't committed or the leader isn't sure of leading.
        until: Option<BootTime>,
        /// The nodes that are waited for, in ascending order.
        holders: Vec<NodeId>,
    },
}

/// On what ground a region's waiting messages may be moved (R11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeoverBasis {
    /// The region applied the plan, and all that it began of what moves is settled.
    Drained,
    /// No node of the region that isn't drained holds the lease.
    Lapsed,
}

impl Granter {
    /// Begins a tenure (R6): every holder counts as granted at its beginning. `hosts` are the nodes of serving regions
    /// that vote by any membership in force since the tenure began; nodes that [`retire`](Self::retire) let go before
    /// earlier are not among them.
    pub fn new(timing: LeaseTiming, tenure: Tenure, hosts: &BTreeMap<NodeId, Host>) -> Granter {
        let mut granter = Granter {
            timing,
            tenure,
            leader_lease: None,
            transferring: false,
            holders: BTreeMap::new(),
            takeovers: BTreeMap::new(),
            taking_over: BTreeMap::new(),
            waiting: PendingAcknowledgements::new(timing.patience()),
        };
        for (node, host) in hosts {
            granter.host(*node, host.clone());
        }
        granter
    }

    /// Adds a node that votes, before it can be granted the lease. A node that is known already stays as it is, but for
    /// its retirement, which ends.
    pub fn host(&mut self, node: NodeId, host: Host) {
        let Host { region, holds } = host;
        let granted = self.tenure.began;
        let (fenced, retired) = (LogIndex(0), false);
        let fresh = Known { region, holds, incarnation: None, fenced, drained: None, granted, retired };
        self.holders.entry(node).or_insert(fresh).retired = false;
    }

    /// Takes who may be granted the lease from now on, one node of a region at most: the others that are known get
    /// nothing more (R14). What they hold already ends by itself.
    pub fn entitle(&mut self, holders: &BTreeSet<NodeId>) {
        for (node, known) in &mut self.holders {
            known.holds = holders.contains(node);
        }
    }

    /// Grants nothing more to a node that is to leave the group. Its removal may be proposed once
    /// [`is_retired`](Self::is_retired) says so: the next leader will not know of it.
    pub fn retire(&mut self, node: NodeId) {
        if let Some(known) = self.holders.get_mut(&node) {
            known.retired = true;
        }
    }

    /// Ends the retirement of a node that stays in the group after all.
    pub fn reinstate(&mut self, node: NodeId) {
        if let Some(known) = self.holders.get_mut(&node) {
            known.retired = false;
        }
    }

    /// Says whether a node got nothing since it was retired and holds no lease any more. Nodes that never hosted a
    /// replica count as such once every lease of an earlier tenure has lapsed.
    pub fn is_retired(&self, now: BootTime, node: NodeId) -> bool {
        let (granted, retired) = match self.holders.get(&node) {
            Some(known) => (known.granted, known.retired),
            None => (self.tenure.began, true),
        };
        retired && self.may_conclude(now) && self.has_lapsed(now, granted)
    }

    /// Takes note that a quorum answered the heartbeat sent at `sent`. Heartbeats of an earlier tenure don't count.
    pub fn quorum_acked(&mut self, sent: BootTime) {
        if sent >= self.tenure.began {
            self.leader_lease = self.leader_lease.max(Some(sent));
        }
    }

    /// Says whether no other node can lead now, unless leadership was transferred (R1).
    fn is_sure(&self, now: BootTime) -> bool {
        self.leader_lease.is_some_and(|sent| now.since(sent) < self.timing.leader_lease())
    }

    /// Takes a report that asks for nothing. Says whether it counts: not if it comes from an earlier incarnation, or
    /// from a node that never was a voter in this tenure.
    pub fn report(&mut self, report: Report) -> bool {
        let Report { holder: HolderId { node, incarnation, .. }, fenced, drained } = report;
        let Some(known) = self.holders.get_mut(&node) else { return false };
        if known.incarnation > Some(incarnation) {
            return false;
        }
        if known.incarnation < Some(incarnation) {
            // The node restarted: the earlier incarnation sends no more, and this one got nothing in this tenure.
            *known =
                Known { incarnation: Some(incarnation), fenced, drained, granted: self.tenure.began, ..known.clone() };
        } else {
            known.fenced = known.fenced.max(fenced);
            known.drained = known.drained.max(drained);
        }
        true
    }

    /// Returns the latest incarnation of a node that reported in this tenure.
    pub fn incarnation(&self, node: NodeId) -> Option<Incarnation> {
        self.holders.get(&node)?.incarnation
    }

    /// Answers a request for the lease that arrived before `now`, with the commit index read after it arrived.
    pub fn request(&mut self, now: BootTime, renewal: Renewal, commit: LogIndex) -> Decision {
        let Renewal { report, sent } = renewal;
        let HolderId { node, incarnation, region } = report.holder.clone();
        if !self.holders.contains_key(&node) {
            return Decision::Refuse(Reason::NotHolder);
        }
        if !self.report(report) {
            return Decision::Refuse(Reason::EarlierIncarnation);
        }
        if let Some(reason) = self.refusal(now, node) {
            return Decision::Refuse(reason);
        }
        if let Some(known) = self.holders.get_mut(&node) {
            known.granted = known.granted.max(now);
        }
        debug_assert!(self.invariant_holders_count_from_the_tenure());
        let takeover = self.takeovers.get(&region).copied().unwrap_or_default();
        let need = commit.max(self.tenure.log_end).max(takeover);
        Decision::Grant(Grant { incarnation, sent, term: self.tenure.term, need })
    }

    /// Ends granting for the rest of the term, before the transfer's first message is sent (R8). Also ends what rests
    /// on nobody else leading: acknowledging and taking over by lapse. There is no way back: a leader whose transfer
    /// fails steps down.
    pub fn begin_transfer(&mut self) {
        self.transferring = true;
    }

    /// Takes note that an index that forbids sending waits for acknowledgement, since it was appended.
    pub fn waiting(&mut self, index: LogIndex, since: BootTime) {
        self.waiting.add(index, since);
    }

    /// Says whether an index is acknowledged (R7): it is committed, and each possible holder reported that it is fenced
    /// up to it, or holds no lease. `commit` is the leader's commit index.
    pub fn acknowledged(&mut self, now: BootTime, index: LogIndex, commit: LogIndex) -> Acknowledgement {
        let missing: Vec<NodeId> = self.missing(now, index).map(|(node, _)| node).collect();
        if index <= commit && missing.is_empty() {
            self.waiting.acknowledged(index);
            return Acknowledgement::Yes;
        }
        let lapses = self.missing(now, index).map(|(_, known)| known.granted + self.timing.lapse()).max();
        let until = lapses.filter(|_| index <= commit && self.may_conclude(now));
        Acknowledgement::Wait { until, holders: missing }
    }

    /// Returns the highest index of which [`acknowledged`](Self::acknowledged) would say yes.
    pub fn acknowledged_up_to(&self, now: BootTime, commit: LogIndex) -> LogIndex {
        let sure = self.may_conclude(now);
        let holding = self.holders.values().filter(|known| !(sure && self.has_lapsed(now, known.granted)));
        holding.map(|known| known.fenced).min().map_or(commit, |fenced| fenced.min(commit))
    }

    /// Returns the same, and takes note that nothing up to there waits any more.
    pub fn acknowledge(&mut self, now: BootTime, commit: LogIndex) -> LogIndex {
        let up_to = self.acknowledged_up_to(now, commit);
        self.waiting.acknowledged(up_to);
        up_to
    }

    /// Says on what ground a `Takeover{region, epoch}` may be proposed now, if on any: each node of the region counts by
    /// itself, by what it reported or by its lapse (R11).
    pub fn takeover_basis(&self, now: BootTime, region: &RegionId, epoch: Epoch) -> Option<TakeoverBasis> {
        let noisy = || self.of_region(region).filter(|known| known.drained != Some(epoch));
        if noisy().next().is_none() && self.of_region(region).next().is_some() {
            return Some(TakeoverBasis::Drained);
        }
        let lapsed = noisy().all(|known| self.has_lapsed(now, known.granted));
        (lapsed && self.has_lapsed(now, self.tenure.began) && self.may_conclude(now)).then_some(TakeoverBasis::Lapsed)
    }

    /// Says the same, and begins the takeover. On the ground of a lapse the region gets no lease from here on until
    /// [`takeover_appended`](Self::takeover_appended) was called for every such takeover. What became of one may never
    /// be known in this tenure: then the region stays without until its end.
    pub fn begin_takeover(&mut self, now: BootTime, region: &RegionId, epoch: Epoch) -> Option<TakeoverBasis> {
        let basis = self.takeover_basis(now, region, epoch)?;
        if basis == TakeoverBasis::Lapsed {
            *self.taking_over.entry(region.clone()).or_default() += 1;
        }
        Some(basis)
    }

    /// Takes note that a takeover of the region, which began on this ground, was appended at `index`: grants to the
    /// region need as much from here on (R4).
    pub fn takeover_appended(&mut self, region: &RegionId, basis: TakeoverBasis, index: LogIndex) {
        let last = self.takeovers.entry(region.clone()).or_default();
        *last = index.max(*last);
        if basis == TakeoverBasis::Lapsed
            && let Some(under_way) = self.taking_over.get_mut(region)
        {
            *under_way = under_way.saturating_sub(1);
            self.taking_over.retain(|_, under_way| *under_way > 0);
        }
    }

    /// Lists the nodes that should hold the lease and were granted nothing for W, and since when: so long certainly in
    /// this tenure. None while this leader is not sure to lead.
    pub fn without_grant(&self, now: BootTime) -> Vec<(NodeId, BootTime)> {
        let sure = self.may_conclude(now);
        let due = self.holders.iter().filter(|(_, known)| sure && known.holds && !known.retired);
        let lapsed = due.filter(|(_, known)| self.has_lapsed(now, known.granted));
        lapsed.map(|(node, known)| (*node, known.granted)).collect()
    }

    /// Returns when the tenure began.
    pub fn began(&self) -> BootTime {
        self.tenure.began
    }

    /// Checks that every holder counts as granted since the tenure began at least (R6).
    pub fn invariant_holders_count_from_the_tenure(&self) -> bool {
        self.holders.values().all(|known| known.granted >= self.tenure.began)
    }

    fn refusal(&self, now: BootTime, node: NodeId) -> Option<Reason> {
        let known = self.holders.get(&node)?;
        if self.transferring {
            return Some(Reason::Transferring);
        }
        if !self.is_sure(now) {
            return Some(Reason::Unsure);
        }
        if known.retired {
            return Some(Reason::Retired);
        }
        if !known.holds {
            return Some(Reason::NotHolder);
        }
        let others = self.holders.iter().filter(|(other, held)| **other != node && held.region == known.region);
        if let Some((other, _)) = others.into_iter().find(|(_, held)| !self.has_lapsed(now, held.granted)) {
            return Some(Reason::HeldBy(*other));
        }
        if self.taking_over.contains_key(&known.region) {
            return Some(Reason::TakingOver);
        }
        let overdue = self.waiting.overdue(now).filter(|overdue| known.fenced < *overdue)?;
        Some(Reason::Behind { fenced: known.fenced, overdue })
    }

    /// Says whether this leader may conclude from the time since its grants that a lease lapsed: nobody else can have
    /// granted meanwhile. A transferred leadership voids the evidence, because its votes are not refused.
    fn may_conclude(&self, now: BootTime) -> bool {
        self.is_sure(now) && !self.transferring
    }

    fn has_lapsed(&self, now: BootTime, granted: BootTime) -> bool {
        now.since(granted) >= self.timing.lapse()
    }

    fn missing(&self, now: BootTime, index: LogIndex) -> impl Iterator<Item = (NodeId, &Known)> {
        let sure = self.may_conclude(now);
        self.holders.iter().map(|(node, known)| (*node, known)).filter(move |(_, known)| {
            let lapsed = sure && self.has_lapsed(now, known.granted);
            known.fenced < index && !lapsed
        })
    }

    fn of_region(&self, region: &RegionId) -> impl Iterator<Item = &Known> {
        self.holders.values().filter(move |known| known.region == *region)
    }
}

#[cfg(test)]
#[path = "granter_tests.rs"]
mod tests;
