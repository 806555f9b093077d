//! Who saw whom last, and when: what the detector of lost regions looks at; and who could send, as each says itself. Fed
//! by lease calls, which every node sends to every other.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::id::NodeId;
use model::readiness::ReadyState;
use model::time::BootTime;
use model::version::Build;
use traffic::loss::Starved;
use traffic::readiness::NeighbourNews;

/// The table. Bounded by the number of nodes.
#[derive(Default)]
pub(crate) struct LastSeen {
    others: Mutex<BTreeMap<NodeId, Known>>,
    /// What this node says of itself; nothing before it looked at itself.
    own: Mutex<Option<ReadyState>>,
}

#[derive(Default)]
struct Known {
    last_seen: Option<BootTime>,
    last_answered: Option<BootTime>,
    report: Option<(BootTime, PeerReport)>,
}

/// What a node reports with a lease call.
pub(crate) struct PeerReport {
    /// How long ago it had last seen the others.
    pub(crate) last_seen: BTreeMap<NodeId, Duration>,
    /// How long ago calls had last gone both ways between the others and it.
    pub(crate) both_ways: BTreeMap<NodeId, Duration>,
    /// Whether it could send.
    pub(crate) ready: ReadyState,
    /// Holders that it, or a leader that it heard, says are starved.
    pub(crate) starved: Vec<Starved>,
    /// Its program.
    pub(crate) build: Build,
}

impl LastSeen {
    /// Takes note that a node answered a call.
    pub(crate) fn answered(&self, node: NodeId, now: BootTime) {
        let mut table = self.lock();
        let known = table.entry(node).or_default();
        (known.last_seen, known.last_answered) = (Some(now), Some(now));
    }

    /// Takes a node's own report.
    pub(crate) fn report(&self, node: NodeId, now: BootTime, report: PeerReport) {
        let mut table = self.lock();
        let known = table.entry(node).or_default();
        known.last_seen = Some(now);
        known.report = Some((now, report));
    }

    /// Takes note of whether this node could send.
    pub(crate) fn set_own(&self, ready: ReadyState) {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = Some(ready.bounded());
    }

    /// Returns what this node says of itself.
    pub(crate) fn own(&self) -> ReadyState {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner).clone();
        own.unwrap_or_else(|| ReadyState::Unable("the node has just started".to_owned()))
    }

    /// Returns how long ago this node last saw each other.
    pub(crate) fn ages(&self, now: BootTime) -> BTreeMap<NodeId, Duration> {
        self.lock().iter().filter_map(|(node, known)| Some((*node, now.since(known.last_seen?)))).collect()
    }

    /// Returns how long ago calls last went both ways between each other and this node.
    pub(crate) fn both_ways_ages(&self, now: BootTime) -> BTreeMap<NodeId, Duration> {
        self.lock().iter().filter_map(|(node, known)| Some((*node, known.both_ways(now)?))).collect()
    }

    /// Returns everything that is known.
    pub(crate) fn all(&self, now: BootTime) -> BTreeMap<NodeId, NeighbourNews> {
        self.lock().iter().map(|(node, known)| (*node, known.news(now))).collect()
    }

    /// Returns the programs of those that reported, and how long ago they did.
    pub(crate) fn builds(&self, now: BootTime) -> BTreeMap<NodeId, (Build, Duration)> {
        let table = self.lock();
        let reports = table.iter().filter_map(|(node, known)| Some((*node, known.report.as_ref()?)));
        reports.map(|(node, (at, report))| (node, (report.build.clone(), now.since(*at)))).collect()
    }

    /// Says whether calls went both ways between a node and this one in the last `window`.
    pub(crate) fn is_connected(&self, node: NodeId, now: BootTime, window: Duration) -> bool {
        self.lock().get(&node).and_then(|known| known.both_ways(now)).is_some_and(|age| age < window)
    }

    /// Returns what was said of starved holders in reports that are younger than `window`.
    pub(crate) fn starved(&self, now: BootTime, window: Duration) -> Vec<Starved> {
        self.words(now, window, |_, _| true)
    }

    /// Returns the same as far as the leaders said it themselves.
    pub(crate) fn starved_first_hand(&self, now: BootTime, window: Duration) -> Vec<Starved> {
        self.words(now, window, |by, word| word.leader == by)
    }

    fn words(&self, now: BootTime, window: Duration, counts: impl Fn(NodeId, &Starved) -> bool) -> Vec<Starved> {
        let table = self.lock();
        let reports = table.iter().filter_map(|(by, known)| Some((*by, known.report.as_ref()?)));
        let fresh = reports.filter(|(_, (at, _))| now.since(*at) < window);
        let words = fresh.flat_map(|(by, (_, report))| report.starved.iter().map(move |word| (by, *word)));
        words.filter(|(by, word)| counts(*by, word)).map(|(_, word)| word).collect()
    }

    /// Forgets a node that was removed.
    pub(crate) fn forget(&self, node: NodeId) {
        self.lock().remove(&node);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Known>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The age of what is older: the last answer to a call of this node, and the last call of the other one.
    fn both_ways(&self, now: BootTime) -> Option<Duration> {
        let (called, _) = self.report.as_ref()?;
        Some(now.since(self.last_answered?).max(now.since(*called)))
    }

    fn news(&self, now: BootTime) -> NeighbourNews {
        let peers = |of: fn(&PeerReport) -> &BTreeMap<NodeId, Duration>| {
            self.report.as_ref().map_or_else(BTreeMap::new, |(at, report)| {
                of(report).iter().map(|(node, age)| (*node, age.saturating_add(now.since(*at)))).collect()
            })
        };
        NeighbourNews {
            last_seen: self.last_seen.map(|last_seen| now.since(last_seen)),
            both_ways: self.both_ways(now),
            reported: self.report.as_ref().map(|(at, _)| now.since(*at)),
            peers_last_seen: peers(|report| &report.last_seen),
            peers_both_ways: peers(|report| &report.both_ways),
            ready: self.report.as_ref().map(|(_, report)| report.ready.clone()),
        }
    }
}
