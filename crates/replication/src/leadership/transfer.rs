//! Handing leadership over (rule R8): only here, only to a live, caught-up voter, and only after granting has ended for
//! the term. openraft stops heartbeats and proposals of a leader that transfers, so if the transfer fails, it has
//! stepped down, and the others elect when its lease with them has lapsed.

use std::sync::Arc;
use std::time::Duration;

use model::id::NodeId;
use openraft::Instant as _;
use openraft::async_runtime::WatchReceiver as _;
use tokio::time::Instant;
use wire::peer::TransferLeaderRequest;

use crate::lease::tenure;
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::raft::type_config::LeaderId;

/// How many entries a node may be behind and still count as caught up: it gets them with the transfer.
const LAG_MAX: u64 = 64;
/// How long a transfer that another node is asked for may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// Why leadership was not transferred.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// This node doesn't lead the group.
    #[error("this node does not lead the group")]
    NotLeading,
    /// The target isn't a voter of the group.
    #[error("node {0} is no voter of the group")]
    NotVoter(NodeId),
    /// The target didn't answer a recent heartbeat.
    #[error("node {0} has not acknowledged a heartbeat within the leader lease")]
    NotLive(NodeId),
    /// The target lacks entries.
    #[error("node {node} is {behind} entries behind")]
    Behind {
        /// The target.
        node: NodeId,
        /// How many entries it lacks.
        behind: u64,
    },
    /// Another change of the group is under way.
    #[error("another change of the group is under way")]
    Busy,
    /// The target didn't take over in time; the others elect a leader.
    #[error("node {0} did not take over, a new leader is being elected")]
    NotTaken(NodeId),
    /// The node that should take over could not be asked, or refused.
    #[error("{0}")]
    Refused(String),
}

/// Hands the leadership of a group that this node leads to another node, and waits until it leads.
pub(crate) async fn transfer(node: &Node, group: &Arc<Group>, to: NodeId) -> Result<(), TransferError> {
    let _one = group.changing.try_lock().map_err(|_| TransferError::Busy)?;
    let leader = group.leading().ok_or(TransferError::NotLeading)?;
    if to == node.id {
        return Ok(());
    }
    check(node, group, to)?;
    tracing::info!(group = group.id.0, to = to.0, "transferring leadership");
    metrics::counter!("signalbox_transfers_total").increment(1);
    // The tenure must be known, so that what ends is this one's granting.
    tenure::observe(node, group);
    group.lease.begin_transfer(leader, to);
    if group.raft.trigger().transfer_leader(to.0).await.is_err() {
        return Err(TransferError::NotLeading);
    }
    wait_taken(node, group, leader, to).await
}

async fn wait_taken(node: &Node, group: &Group, from: LeaderId, to: NodeId) -> Result<(), TransferError> {
    let mut server = group.raft.server_metrics();
    let due = Instant::now() + node.timing.vote_hold_off() * 2;
    loop {
        let now = server.borrow_watched().vote;
        if now.committed && now.leader_id > from {
            let taken = now.leader_id.node_id == to.0;
            return if taken { Ok(()) } else { Err(TransferError::NotTaken(to)) };
        }
        match tokio::time::timeout_at(due, server.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Err(TransferError::NotTaken(to)),
        }
    }
}

/// Checks that a node is a live voter that lacks few entries.
pub(crate) fn check(node: &Node, group: &Group, to: NodeId) -> Result<(), TransferError> {
    if !group.membership().voter_ids().any(|voter| voter == to.0) {
        return Err(TransferError::NotVoter(to));
    }
    let data = group.raft.data_metrics();
    let data = data.borrow_watched();
    let last_seen = data.heartbeat.as_ref().and_then(|last_seen| last_seen.get(&to.0).copied().flatten());
    if last_seen.is_none_or(|last_seen| last_seen.elapsed() >= node.timing.leader_lease()) {
        return Err(TransferError::NotLive(to));
    }
    let last = data.last_log.map_or(0, |log_id| log_id.index);
    let matched = data.replication.as_ref().and_then(|matched| matched.get(&to.0).copied().flatten());
    let behind = last.saturating_sub(matched.map_or(0, |log_id| log_id.index));
    if behind > LAG_MAX {
        return Err(TransferError::Behind { node: to, behind });
    }
    Ok(())
}

/// Asks whoever leads a group to hand it to `to`: the call `TransferLeader` without the leader's vote.
pub(crate) async fn ask(node: &Node, group: &Arc<Group>, to: NodeId) -> Result<(), TransferError> {
    if group.leading().is_some() {
        return transfer(node, group, to).await;
    }
    let leader = group.leader().ok_or(TransferError::NotLeading)?;
    if leader == to {
        return Ok(());
    }
    let mut client = node.peers.get(leader).map_err(|error| TransferError::Refused(error.to_string()))?.client;
    let request = TransferLeaderRequest { group: u32::from(group.id.0), from: None, to: to.0, last: None };
    match tokio::time::timeout(ASK_TIMEOUT, client.transfer_leader(request)).await {
        Ok(Ok(reply)) if reply.get_ref().refused.is_empty() => Ok(()),
        Ok(Ok(reply)) => Err(TransferError::Refused(reply.into_inner().refused)),
        Ok(Err(status)) => Err(TransferError::Refused(status.to_string())),
        Err(_) => Err(TransferError::NotTaken(to)),
    }
}
