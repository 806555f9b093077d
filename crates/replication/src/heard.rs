//! Who heard from whom, and when: what the detector of lost regions looks at. Fed by lease calls, which every node sends
//! to every other.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::id::NodeId;
use model::time::BootTime;

/// What is known of one other node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerNews {
    /// How long ago this node heard from it; nothing when it never did.
    pub heard: Option<Duration>,
    /// How long ago it last told whom it heard; nothing when it never did.
    pub reported: Option<Duration>,
    /// How long ago that node had heard from the others, by its last report, and with the report's age added.
    pub it_heard: BTreeMap<NodeId, Duration>,
}

/// The table. Bounded by the number of nodes.
#[derive(Default)]
pub(crate) struct Heard(Mutex<BTreeMap<NodeId, Known>>);

#[derive(Default)]
struct Known {
    heard: Option<BootTime>,
    report: Option<(BootTime, BTreeMap<NodeId, Duration>)>,
}

impl Heard {
    /// Takes note of any sign of a node.
    pub(crate) fn heard(&self, node: NodeId, now: BootTime) {
        self.lock().entry(node).or_default().heard = Some(now);
    }

    /// Takes a node's own report of whom it heard.
    pub(crate) fn report(&self, node: NodeId, now: BootTime, heard: BTreeMap<NodeId, Duration>) {
        let mut table = self.lock();
        let known = table.entry(node).or_default();
        known.heard = Some(now);
        known.report = Some((now, heard));
    }

    /// Returns how long ago this node heard from each other.
    pub(crate) fn ages(&self, now: BootTime) -> BTreeMap<NodeId, Duration> {
        self.lock().iter().filter_map(|(node, known)| Some((*node, now.since(known.heard?)))).collect()
    }

    /// Returns everything that is known.
    pub(crate) fn all(&self, now: BootTime) -> BTreeMap<NodeId, PeerNews> {
        let news = |known: &Known| PeerNews {
            heard: known.heard.map(|heard| now.since(heard)),
            reported: known.report.as_ref().map(|(at, _)| now.since(*at)),
            it_heard: known.report.as_ref().map_or_else(BTreeMap::new, |(at, heard)| {
                heard.iter().map(|(node, age)| (*node, age.saturating_add(now.since(*at)))).collect()
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
