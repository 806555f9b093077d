//! The port by which a node tells the others what it counted, and hears them.

use std::sync::Arc;

use model::id::GroupId;
use service::ports::CountExchange;
use traffic::observed::{NodeSecond, ReplicaProgress, Reporter};

use crate::node::group::Group;
use crate::node::replication::Replication;

impl CountExchange for Replication {
    fn tell(&self, second: NodeSecond) {
        self.node().seconds.tell(second);
    }

    fn heard(&self) -> Vec<(Reporter, NodeSecond)> {
        self.node().seconds.heard()
    }

    fn replicas(&self) -> Vec<ReplicaProgress> {
        let node = self.node();
        let partitions = node.hosted().filter(|group| group.id != GroupId::CONTROL);
        let progress = |group: &Arc<Group>| ReplicaProgress {
            group: group.id,
            committed: group.committed(),
            applied: group.announcer.last(),
        };
        partitions.map(progress).collect()
    }
}
