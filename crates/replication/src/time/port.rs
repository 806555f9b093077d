//! The port `GroupTime`, and how this node stands with the cluster's time.

use model::id::GroupId;
use model::time::Timestamp;
use service::ports::GroupTime;
use traffic::cluster_time::TimeStatus;

use crate::Replication;

impl GroupTime for Replication {
    fn now(&self, group: GroupId) -> Option<Timestamp> {
        // Of a group that has no replica here, nothing was applied: its time is the cluster's.
        self.node().replica(group)?.time.now()
    }
}

impl Replication {
    /// Returns how this node stands with the cluster's time.
    pub fn time(&self) -> TimeStatus {
        self.node().time.status()
    }
}
