//! The ports `ClusterControl` and `Leases`: how the cluster stands, and who its members are.

use std::time::Duration;

use model::cluster::NodeInfo;
use model::id::{Epoch, GroupId, LogIndex, NodeId, RegionId, Term};
use service::ports::{BoxFuture, ClusterControl, ClusterError, ClusterStatus, GroupStatus, Leases, TimeLeap};
use traffic::cluster_time::NotBlocked;

use crate::Replication;
use crate::leadership::transfer;
use crate::members::alarms::{alarms, signs};
use crate::members::membership;
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::raft::codec;

impl ClusterControl for Replication {
    fn status(&self) -> ClusterStatus {
        let node = self.node();
        let groups: Vec<GroupStatus> = node.hosted().map(|group| group_status(node, group)).collect();
        ClusterStatus {
            node: node.id,
            region: node.info.region.clone(),
            nodes: node.peers.nodes().into_values().collect(),
            last_seen: node.last_seen.ages(node.now()),
            round_trips: node.round_trips.shortest(node.now()),
            builds: self.builds().into_iter().map(|(id, (build, _))| (id, build)).collect(),
            alarms: alarms(&signs(node, &groups)),
            groups,
        }
    }

    fn add_node(&self, info: NodeInfo) -> BoxFuture<'_, Result<(), ClusterError>> {
        Box::pin(membership::add(self.node(), info))
    }

    fn promote_node(&self, id: NodeId) -> BoxFuture<'_, Result<(), ClusterError>> {
        Box::pin(membership::promote(self.node(), id))
    }

    fn remove_node(&self, id: NodeId) -> BoxFuture<'_, Result<(), ClusterError>> {
        Box::pin(membership::remove(self.node(), id))
    }

    fn transfer_leader(&self, group: GroupId, to: NodeId) -> BoxFuture<'_, Result<(), ClusterError>> {
        Box::pin(async move {
            let failed = |detail: String| ClusterError::Group { group, detail };
            let hosted =
                self.node().group(group).ok_or_else(|| failed("this node holds no replica of it".to_owned()))?;
            transfer::ask(self.node(), hosted, to).await.map_err(|error| failed(error.to_string()))
        })
    }

    fn time_leap(&self) -> Option<TimeLeap> {
        let status = self.node().time.status();
        let ahead_ms = status.leap?.ahead_ms;
        Some(TimeLeap { time: status.time?, clocks: status.median?, ahead_ms })
    }

    fn accept_time(&self) -> Result<TimeLeap, ClusterError> {
        let leap = self.time_leap().ok_or(ClusterError::NoLeap)?;
        self.node().time.accept().map_err(|NotBlocked| ClusterError::NoLeap)?;
        tracing::warn!(ahead_ms = leap.ahead_ms, "cluster time set to the wall clocks of most regions by an operator");
        Ok(leap)
    }
}

/// How long a node that a configuration names isn't heard before its claims in groups that it is no member of are ended.
const GONE_AFTER: Duration = Duration::from_secs(60);

impl Leases for Replication {
    fn may_move(&self, group: GroupId, region: &RegionId, epoch: Epoch) -> bool {
        let now = self.node().now();
        self.node().group(group).is_some_and(|group| group.lease.takeover_basis(now, region, epoch).is_some())
    }

    /// By the leader's own membership, which is never behind: who holds a lease of the group is in it. One that isn't, and
    /// lives, is a node of the cluster still, and deals with its claims itself; a configuration that names it says nothing.
    fn is_gone(&self, group: GroupId, node: NodeId) -> bool {
        let (own, now) = (self.node(), self.node().now());
        let Some(group) = own.group(group).filter(|group| group.membership().get_node(&node.0).is_none()) else {
            return false;
        };
        let unheard = own.last_seen.ages(now).get(&node).copied().unwrap_or_else(|| now.since(own.started));
        let removed = !self.nodes().contains_key(&node) || unheard >= GONE_AFTER;
        removed && group.lease.is_retired(now, node)
    }
}

fn group_status(node: &Node, group: &Group) -> GroupStatus {
    let membership = group.membership();
    let valid_until = group.lease.valid_until();
    GroupStatus {
        group: group.id,
        leader: group.leader(),
        term: Term(group.vote().leader_id.term),
        last: LogIndex(codec::index_of(group.last_log_id().as_ref())),
        committed: group.committed(),
        applied: group.announcer.last(),
        replicated: group.replicated(),
        voters: membership.voter_ids().map(NodeId).collect(),
        learners: membership.learner_ids().map(NodeId).collect(),
        version: group.version.now(),
        lease_left: valid_until.map(|until| until.since(node.now())).filter(|left| *left > Duration::ZERO),
    }
}
