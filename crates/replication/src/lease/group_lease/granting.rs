//! What this node grants, acknowledges and takes over while it leads the group.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{Epoch, Incarnation, LogIndex, NodeId, RegionId};
use model::time::BootTime;
use tokio::sync::watch;
use traffic::lease::{Acknowledgement, Decision, Granter, Host, Renewal, TakeoverBasis, Tenure};

use super::{GroupLease, Led, State};
use crate::lease::broken::LeaseBreak;
use crate::raft::type_config::LeaderId;

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

/// A takeover under way.
pub(crate) struct BegunTakeover {
    pub(crate) leader: LeaderId,
    pub(crate) region: RegionId,
    pub(crate) basis: TakeoverBasis,
}

impl GroupLease {
    /// Says whether a granter for this leadership is there, or must not be (R8).
    pub(crate) fn knows(&self, leader: &LeaderId) -> bool {
        let state = self.lock();
        state.barred.as_ref() == Some(leader) || state.led.as_ref().is_some_and(|led| led.leader == *leader)
    }

    /// Begins a tenure (R6).
    pub(crate) fn begin_tenure(&self, leadership: Leadership) {
        let Leadership { leader, mut tenure, members: Members { mut hosts, committed } } = leadership;
        if self.is_broken(LeaseBreak::NeedsNoTenureStart) {
            tenure.log_end = LogIndex(0);
        }
        if self.is_broken(LeaseBreak::NoTenureWait) {
            tenure.began = BootTime(0);
        }
        hosts.values_mut().for_each(|host| host.holds &= committed);
        let granter = Granter::new(self.timing, tenure, &hosts);
        let mut state = self.lock();
        if state.barred == Some(leader) || state.led.as_ref().is_some_and(|led| led.leader == leader) {
            return;
        }
        let acknowledged = watch::Sender::new(LogIndex(0));
        let holders = hosts.iter().filter(|(_, host)| host.holds).map(|(node, _)| *node).collect();
        let (hosts, usable_since) = (hosts.into_keys().collect(), BTreeMap::new());
        state.led = Some(Led { leader, granter, acknowledged, holders, hosts, usable_since });
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
        let sent = if self.is_broken(LeaseBreak::FreshEvidence) { now } else { sent };
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
        let commit = if self.is_broken(LeaseBreak::NeedsNoCommit) { LogIndex(0) } else { commit };
        let decision = state.led.as_mut()?.granter.request(now, renewal, commit);
        state.acknowledge(now);
        Some(decision)
    }

    /// Takes note of how old a holder says that its last usable lease is.
    pub(crate) fn lease_age(&self, now: BootTime, holder: NodeId, age: Duration) {
        if let Some(led) = &mut self.lock().led {
            let sent = BootTime(now.0.saturating_sub(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX)));
            led.usable_since.insert(holder, sent);
        }
    }

    /// Lists the holders that have been without a lease in this tenure for W or longer, because nothing was granted or,
    /// by their own word, no grant came; with how long that lasts. None when this node doesn't lead.
    pub(crate) fn without_lease(&self, now: BootTime) -> Option<(LeaderId, Vec<(NodeId, Duration)>)> {
        let state = self.lock();
        let led = state.led.as_ref()?;
        let mut since: BTreeMap<NodeId, BootTime> = led.granter.without_grant(now).into_iter().collect();
        for (holder, sent) in led.usable_since.iter().filter(|(holder, _)| led.holders.contains(*holder)) {
            since.entry(*holder).or_insert_with(|| led.granter.began().max(*sent));
        }
        let lasting = since.into_iter().map(|(holder, since)| (holder, now.since(since)));
        Some((led.leader, lasting.filter(|(_, lasts)| *lasts >= self.timing.lapse()).collect()))
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
        if self.is_broken(LeaseBreak::GrantsInTransfer) {
            return;
        }
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
        let index = if self.is_broken(LeaseBreak::NeedsNoTakeover) { LogIndex(0) } else { index };
        if let Some(led) = self.lock().led.as_mut().filter(|led| led.leader == begun.leader) {
            led.granter.takeover_appended(&begun.region, begun.basis, index);
        }
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
}

#[cfg(test)]
#[path = "granting_tests.rs"]
mod tests;
