//! Who saw whom last, and when: what the detector of lost regions looks at; and who could send, as each says itself. Fed
//! by lease calls, which every node sends to every other.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::id::NodeId;
use model::readiness::ReadyState;
use model::time::BootTime;
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
    report: Option<(BootTime, PeerReport)>,
}

/// What a node reports with a lease call.
pub(crate) struct PeerReport {
    /// How long ago it had last seen the others.
    pub(crate) last_seen: BTreeMap<NodeId, Duration>,
    /// Whether it could send.
    pub(crate) ready: ReadyState,
}

impl LastSeen {
    /// Takes note of any sign of a node.
    pub(crate) fn seen(&self, node: NodeId, now: BootTime) {
        self.lock().entry(node).or_default().last_seen = Some(now);
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

    /// Returns everything that is known.
    pub(crate) fn all(&self, now: BootTime) -> BTreeMap<NodeId, NeighbourNews> {
        let news = |known: &Known| NeighbourNews {
            last_seen: known.last_seen.map(|last_seen| now.since(last_seen)),
            reported: known.report.as_ref().map(|(at, _)| now.since(*at)),
            peers_last_seen: known.report.as_ref().map_or_else(BTreeMap::new, |(at, report)| {
                report.last_seen.iter().map(|(node, age)| (*node, age.saturating_add(now.since(*at)))).collect()
            }),
            ready: known.report.as_ref().map(|(_, report)| report.ready.clone()),
        };
        self.lock().iter().map(|(node, known)| (*node, news(known))).collect()
    }

    /// Forgets a node that was removed.
    pub(crate) fn forget(&self, node: NodeId) {
        self.lock().remove(&node);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Known>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
