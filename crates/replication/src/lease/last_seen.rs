//! Who saw whom last, and when: what the detector of lost regions looks at. Fed by lease calls, which every node sends
//! to every other.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::id::NodeId;
use model::time::BootTime;

/// What is known of one other node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerNews {
    /// How long ago this node last saw it; nothing when it never did.
    pub last_seen: Option<Duration>,
    /// How long ago it last reported whom it saw; nothing when it never did.
    pub reported: Option<Duration>,
    /// How long ago that node had last seen the others, by its last report, and with the report's age added.
    pub peers_last_seen: BTreeMap<NodeId, Duration>,
}

/// The table. Bounded by the number of nodes.
#[derive(Default)]
pub(crate) struct LastSeen(Mutex<BTreeMap<NodeId, Known>>);

#[derive(Default)]
struct Known {
    last_seen: Option<BootTime>,
    report: Option<(BootTime, BTreeMap<NodeId, Duration>)>,
}

impl LastSeen {
    /// Takes note of any sign of a node.
    pub(crate) fn seen(&self, node: NodeId, now: BootTime) {
        self.lock().entry(node).or_default().last_seen = Some(now);
    }

    /// Takes a node's own report of whom it saw.
    pub(crate) fn report(&self, node: NodeId, now: BootTime, last_seen: BTreeMap<NodeId, Duration>) {
        let mut table = self.lock();
        let known = table.entry(node).or_default();
        known.last_seen = Some(now);
        known.report = Some((now, last_seen));
    }

    /// Returns how long ago this node last saw each other.
    pub(crate) fn ages(&self, now: BootTime) -> BTreeMap<NodeId, Duration> {
        self.lock().iter().filter_map(|(node, known)| Some((*node, now.since(known.last_seen?)))).collect()
    }

    /// Returns everything that is known.
    pub(crate) fn all(&self, now: BootTime) -> BTreeMap<NodeId, PeerNews> {
        let news = |known: &Known| PeerNews {
            last_seen: known.last_seen.map(|last_seen| now.since(last_seen)),
            reported: known.report.as_ref().map(|(at, _)| now.since(*at)),
            peers_last_seen: known.report.as_ref().map_or_else(BTreeMap::new, |(at, last_seen)| {
                last_seen.iter().map(|(node, age)| (*node, age.saturating_add(now.since(*at)))).collect()
            }),
        };
        self.lock().iter().map(|(node, known)| (*node, news(known))).collect()
    }

    /// Forgets a node that was removed.
    pub(crate) fn forget(&self, node: NodeId) {
        self.lock().remove(&node);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
