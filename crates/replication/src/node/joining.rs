//! A group's way from its opening to full part: it waits, comes back after a loss of its disk, and is made if it is
//! new.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::cluster::{Nodes, placement};
use model::time::BootTime;

use crate::leadership::candidacy::Leaderless;
use crate::members::rejoin;
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::raft::type_config::Member;

/// A group on its way to full part.
pub(super) struct Joining {
    pub(super) node: Arc<Node>,
    pub(super) group: Arc<Group>,
    pub(super) nodes: Arc<Nodes>,
    /// Whether this node makes the group if it is new.
    pub(super) makes: bool,
}

impl Joining {
    /// Waits for V, because R2 holds for this node's own vote too; joins; makes the group if it is new; and lets this
    /// node stand for election.
    pub(super) async fn run(self, started: BootTime) {
        let refusal = self.group.lease.votes_after();
        loop {
            let passed = self.node.now().since(started);
            if passed >= refusal {
                break;
            }
            tokio::time::sleep(refusal - passed).await;
        }
        let new = rejoin::run(&self.node, &self.group, &self.nodes).await;
        if new && self.makes && self.group.log.is_pristine() {
            self.make().await;
        }
        self.group.joined.store(true, Ordering::Relaxed);
        Leaderless::default().decide(&self.node, &self.group);
    }

    /// Makes the group with the nodes that it is placed on.
    async fn make(&self) {
        let members: BTreeMap<u64, Member> = placement(&self.nodes, self.group.id)
            .into_values()
            .filter_map(|id| Some((id.0, Member(self.nodes.get(&id)?.clone()))))
            .collect();
        match self.group.raft.initialize(members).await {
            Ok(()) => tracing::info!(group = self.group.id.0, "group bootstrapped"),
            Err(error) => tracing::warn!(group = self.group.id.0, %error, "group not bootstrapped"),
        }
    }
}
