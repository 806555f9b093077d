//! One group's time on this node: what its entries are stamped with, and what waits go by.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::time::Timestamp;
use traffic::cluster_time::GroupClock;

use crate::time::cluster::ClusterTime;

/// A group's time.
pub(crate) struct GroupTime {
    cluster: Arc<ClusterTime>,
    group: Mutex<GroupClock>,
}

impl GroupTime {
    /// Begins with the largest stamp of the group's replica.
    pub(crate) fn new(cluster: Arc<ClusterTime>, last: Timestamp) -> GroupTime {
        let group = Mutex::new(GroupClock::new(last, cluster.boot_time()));
        GroupTime { cluster, group }
    }

    /// Returns the group's time; nothing while it isn't known.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        let now = self.cluster.boot_time();
        let cluster = self.cluster.at(now)?;
        Some(self.lock().now(cluster, now))
    }

    /// Returns the stamp for an entry that is about to be written; nothing while the time isn't known, and then this
    /// node can't lead yet. Stamps never go back.
    pub(crate) fn stamp(&self) -> Option<Timestamp> {
        let now = self.cluster.boot_time();
        let cluster = self.cluster.wanted(now)?;
        let mut group = self.lock();
        let stamp = group.now(cluster, now);
        group.stamped(stamp, now);
        Some(stamp)
    }

    /// Takes note of the largest stamp of what was applied, or came with a snapshot.
    pub(crate) fn applied(&self, stamp: Timestamp) {
        let now = self.cluster.boot_time();
        self.lock().stamped(stamp, now);
    }

    fn lock(&self) -> MutexGuard<'_, GroupClock> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
