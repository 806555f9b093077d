//! Faults of ours that can be built into a run, so that the checks can be seen to fail. None of them is reachable
//! outside the simulation.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::command::Proposal;
use model::id::{Epoch, GroupId, NodeId, RegionId};
use node::NodePorts;
use registry::tables::View;
use replication::{LeaseBreak, Replication};
use service::ports::{Applied, BoxFuture, Leases, LogError, NoPermit, Permit, Reads as _, ReplicatedLog, SendPermits};

/// What is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Break {
    /// A sync answers before anything is durable; what was written becomes durable much later.
    NoSync,
    /// The provider is handed every message twice.
    Twice,
    /// Dispatches begin without a lease.
    NoLease,
    /// The provider's driver doesn't ask when the message leaves.
    NoBegin,
    /// Changes that forbid sending are acknowledged before anybody is fenced.
    NoFence,
    /// Every start of a node calls itself the same incarnation, so that claims of earlier ones look like its own.
    SameIncarnation,
    /// Nobody takes over what waits in a lost region.
    NoTakeover,
    /// No node hears the others' clocks: entries are stamped by the leader's wall clock.
    WallStamps,
    /// Every boot of a machine calls itself the same, so that the time is taken up where an earlier boot left it, and a
    /// journal without its end is trusted.
    SameBoot,
    /// No start of a node finds the journal of begun dispatches.
    NoJournal,
    /// It is not noted what begins.
    NoNote,
    /// A leader that misses members keeps its leadership.
    NoHandOver,
    /// The clock by which leases are counted stands while the machine sleeps.
    StandsAsleep,
    /// The version is raised without asking what the nodes' builds know.
    Unasked,
    /// A disk that is full says nothing of it.
    SilentFull,
    /// What is due is left lying for seconds before it is dispatched.
    Lingers,
    /// What is done is answered as refused for being too much, now and then.
    Denies,
    /// A link of the argument for the lease (docs/lease.md, "Why this suffices").
    Lease(LeaseBreak),
}

/// Every break with its name.
pub const BREAKS: [(Break, &str); 26] = [
    (Break::NoSync, "no_sync"),
    (Break::Twice, "twice"),
    (Break::NoLease, "no_lease"),
    (Break::NoBegin, "no_begin"),
    (Break::NoFence, "no_fence"),
    (Break::SameIncarnation, "same_incarnation"),
    (Break::NoTakeover, "no_takeover"),
    (Break::WallStamps, "wall_stamps"),
    (Break::SameBoot, "same_boot"),
    (Break::NoJournal, "no_journal"),
    (Break::NoNote, "no_note"),
    (Break::NoHandOver, "no_hand_over"),
    (Break::StandsAsleep, "stands_asleep"),
    (Break::Unasked, "unasked"),
    (Break::SilentFull, "silent_full"),
    (Break::Lingers, "lingers"),
    (Break::Denies, "denies"),
    (Break::Lease(LeaseBreak::FreshEvidence), "fresh_evidence"),
    (Break::Lease(LeaseBreak::UnnotedHeartbeats), "unnoted_heartbeats"),
    (Break::Lease(LeaseBreak::GrantedVotes), "granted_votes"),
    (Break::Lease(LeaseBreak::VotesAtStart), "votes_at_start"),
    (Break::Lease(LeaseBreak::NeedsNoCommit), "needs_no_commit"),
    (Break::Lease(LeaseBreak::NeedsNoTakeover), "needs_no_takeover"),
    (Break::Lease(LeaseBreak::NeedsNoTenureStart), "needs_no_tenure_start"),
    (Break::Lease(LeaseBreak::NoTenureWait), "no_tenure_wait"),
    (Break::Lease(LeaseBreak::GrantsInTransfer), "grants_in_transfer"),
];

/// Says that a text names no break.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no break {0:?}")]
pub struct UnknownBreak(String);

impl Break {
    /// Puts broken ports in the place of a node's own. Breaks of the disk, the provider, the incarnation, the
    /// clocks and the leaderships are built in where those are made.
    pub fn replace(self, replication: &Replication, ports: &mut NodePorts) {
        match self {
            Break::NoFence => ports.log = Arc::new(Unfenced(replication.clone())),
            Break::NoLease => ports.permits = Arc::new(Unleased(replication.clone())),
            Break::Denies => ports.log = Arc::new(Denying { log: replication.clone(), done: AtomicU64::new(0) }),
            Break::NoTakeover => ports.leases = Arc::new(NeverOver(replication.clone())),
            Break::NoSync | Break::Twice | Break::NoBegin | Break::SameIncarnation | Break::Lingers => {}
            Break::WallStamps | Break::SameBoot | Break::NoJournal | Break::NoNote => {}
            Break::NoHandOver | Break::StandsAsleep | Break::SilentFull | Break::Unasked | Break::Lease(_) => {}
        }
    }

    /// Returns what of the lease this breaks, if anything.
    pub fn of_the_lease(self) -> Option<LeaseBreak> {
        match self {
            Break::Lease(link) => Some(link),
            _ => None,
        }
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = BREAKS.iter().find(|(known, _)| known == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for Break {
    type Err = UnknownBreak;

    fn from_str(text: &str) -> Result<Break, UnknownBreak> {
        BREAKS
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(found, _)| *found)
            .ok_or_else(|| UnknownBreak(text.to_owned()))
    }
}

/// A log that acknowledges without waiting for fences.
struct Unfenced(Replication);

impl ReplicatedLog for Unfenced {
    fn propose(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>> {
        self.0.propose(group, proposals, deadline)
    }

    fn propose_fenced(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>> {
        self.0.propose(group, proposals, deadline)
    }
}

/// A log that says of some of what it did that there was no room for it.
struct Denying {
    log: Replication,
    done: AtomicU64,
}

/// Of how many answers one is wrong.
const DENIED_ONE_IN: u64 = 50;

impl Denying {
    fn deny(&self, group: GroupId, answer: Result<Applied, LogError>) -> Result<Applied, LogError> {
        let partition = group != GroupId::CONTROL;
        match partition
            && answer.is_ok()
            && self.done.fetch_add(1, Ordering::Relaxed) % DENIED_ONE_IN == DENIED_ONE_IN - 1
        {
            true => Err(LogError::Overloaded { retry_after: Duration::ZERO }),
            false => answer,
        }
    }
}

impl ReplicatedLog for Denying {
    fn propose(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>> {
        Box::pin(async move { self.deny(group, self.log.propose(group, proposals, deadline).await) })
    }

    fn propose_fenced(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>> {
        self.log.propose_fenced(group, proposals, deadline)
    }
}

/// Permits for everybody.
struct Unleased(Replication);

struct ViewOnly(Arc<dyn View + Send + Sync>);

impl Permit for ViewOnly {
    fn view(&self) -> &dyn View {
        &*self.0
    }
}

impl SendPermits for Unleased {
    fn enter(&self, group: GroupId) -> Result<Box<dyn Permit>, NoPermit> {
        let view = self.0.view(group).map_err(|_| NoPermit::NoLease)?;
        Ok(Box::new(ViewOnly(view)))
    }

    fn report_drained(&self, group: GroupId, epoch: Epoch) {
        self.0.report_drained(group, epoch);
    }
}

/// Leases that never lapse, of regions that are never drained.
struct NeverOver(Replication);

impl Leases for NeverOver {
    fn may_move(&self, _group: GroupId, _region: &RegionId, _epoch: Epoch) -> bool {
        false
    }

    fn is_gone(&self, group: GroupId, node: NodeId) -> bool {
        self.0.is_gone(group, node)
    }
}
