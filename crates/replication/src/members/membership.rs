//! Changing a group's members. Only its leader can, so a change begins by taking the leadership over to this node; the
//! balance duty gives it back later. Every step may be repeated.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::cluster::{NodeInfo, Nodes, placement};
use model::id::{GroupId, NodeId};
use openraft::ChangeMembers;
use openraft::async_runtime::WatchReceiver as _;
use service::ports::ClusterError;
use tokio::time::Instant;

use crate::leadership::transfer;
use crate::lease::tenure;
use crate::members::candidate;
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::raft::type_config::Member;

/// How long a learner may take to catch up, its snapshot included.
const CATCH_UP: Duration = Duration::from_secs(600);
/// How long a change of the members may take to be committed.
const CHANGE: Duration = Duration::from_secs(30);
/// How long the leadership may take to come here.
const LEADERSHIP: Duration = Duration::from_secs(10);
/// How often a change is tried in which the leadership went elsewhere.
const ATTEMPTS_MAX: usize = 5;
/// How many entries a learner may lack and still count as caught up.
const LAG_MAX: u64 = 64;
/// How often what is waited for is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Adds a node as a learner to the groups that are placed on it, and waits until it has caught up in all. Nothing is
/// kept of a node that is refused.
pub(crate) async fn add(node: &Node, info: NodeInfo) -> Result<(), ClusterError> {
    candidate::check(node, &info).await?;
    node.peers.learn(&info);
    let nodes = node.peers.nodes();
    for group in placed(node, &nodes, info.id) {
        let group = hosted(node, group)?;
        let mut attempts = 1;
        while let Err(error) = add_learner(node, group, &info).await {
            if attempts == ATTEMPTS_MAX || group.leading().is_some() {
                return Err(error);
            }
            attempts += 1;
        }
    }
    Ok(())
}

/// Adds a learner to a group and waits until it has caught up. Fails when the leadership goes elsewhere meanwhile.
async fn add_learner(node: &Node, group: &Arc<Group>, info: &NodeInfo) -> Result<(), ClusterError> {
    lead(node, group).await?;
    let adding = group.raft.add_learner(info.id.0, Member(info.clone()), false);
    changed(group, tokio::time::timeout(CHANGE, adding).await)?;
    caught_up(group, info.id).await
}

/// Makes a node a voter in the groups that are placed on it, in the place of its region's present voter.
pub(crate) async fn promote(node: &Arc<Node>, id: NodeId) -> Result<(), ClusterError> {
    let nodes = members(node);
    let info = nodes.get(&id).ok_or(ClusterError::UnknownNode(id))?;
    for group in placed(node, &nodes, id) {
        let group = hosted(node, group)?;
        let membership = group.membership();
        let replaced = membership.voter_ids().find(|voter| {
            *voter != id.0 && membership.get_node(voter).is_some_and(|member| member.0.region == info.region)
        });
        replace(node, group, replaced.map(NodeId), Some(id)).await?;
    }
    Ok(())
}

/// Removes a node from all groups; where its region has another node, that one takes its place.
pub(crate) async fn remove(node: &Arc<Node>, id: NodeId) -> Result<(), ClusterError> {
    if id == node.id {
        return Err(ClusterError::Refused("a node can't remove itself: ask another one".to_owned()));
    }
    let nodes = members(node);
    let mut rest = nodes.clone();
    let info = rest.remove(&id).ok_or(ClusterError::UnknownNode(id))?;
    for group in node.hosted() {
        if group.membership().get_node(&id.0).is_none() {
            continue;
        }
        let heir = placement(&rest, group.id).get(&info.region).and_then(|heir| rest.get(heir)).cloned();
        if let Some(heir) = &heir {
            add_learner(node, group, heir).await?;
        }
        replace(node, group, Some(id), heir.map(|heir| heir.id)).await?;
    }
    // Where its region has several nodes, each of the others has a replica of a part of the groups only.
    if let Some(elsewhere) = placed(node, &nodes, id).into_iter().find(|group| node.group(*group).is_none()) {
        hosted(node, elsewhere)?;
    }
    forget(node, id, true);
    Ok(())
}

/// Returns the nodes, with the members of the groups here.
fn members(node: &Node) -> Nodes {
    learn(node);
    node.peers.nodes()
}

/// Takes note of the members of the groups here: the configuration of a node that was started again may not name one
/// that was added since, and that one may lead.
pub(crate) fn learn(node: &Node) {
    for group in node.hosted() {
        let metrics = group.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        metrics.membership_config.nodes().for_each(|(_, member)| node.peers.learn_if_unknown(&member.0));
    }
}

/// Forgets a node of which another one says that it was removed, once that shows in every group here. Says whether it is
/// forgotten; a node doesn't forget itself, and need not be told again.
pub(crate) fn told_of_removal(node: &Node, id: NodeId) -> bool {
    let member = node.hosted().any(|group| group.membership().get_node(&id.0).is_some());
    if id != node.id && !member && !node.peers.was_removed(id) {
        tracing::info!(node = id.0, "removed node forgotten");
        forget(node, id, false);
    }
    !member || id == node.id
}

/// Says whether a node was removed. One that shows as a member here was added again since, by way of another node.
pub(crate) fn was_removed(node: &Node, id: NodeId) -> bool {
    if !node.peers.was_removed(id) {
        return false;
    }
    let member = node.hosted().find_map(|group| group.membership().get_node(&id.0).map(|member| member.0.clone()));
    if let Some(info) = &member {
        node.peers.learn(info);
    }
    member.is_none()
}

fn forget(node: &Node, id: NodeId, here: bool) {
    node.peers.forget(id, here);
    node.last_seen.forget(id);
    node.seconds.forget(id);
    node.round_trips.forget(id);
}

/// Exchanges voters, in a task of its own: what the granter is told must be taken back when the change fails, also when
/// nobody waits any more.
async fn replace(
    node: &Arc<Node>,
    group: &Arc<Group>,
    leaves: Option<NodeId>,
    joins: Option<NodeId>,
) -> Result<(), ClusterError> {
    if leaves == Some(node.id) {
        return Err(ClusterError::Refused("this node would leave a group: ask another one".to_owned()));
    }
    lead(node, group).await?;
    let exchange = Exchange { node: node.clone(), group: group.clone(), leaves, joins };
    changed(group, tokio::time::timeout(CHANGE, tokio::spawn(exchange.run())).await)?
}

/// An exchange of voters in a group that this node leads.
struct Exchange {
    node: Arc<Node>,
    group: Arc<Group>,
    leaves: Option<NodeId>,
    joins: Option<NodeId>,
}

impl Exchange {
    /// Makes the change. The one that leaves gets no lease any more, and its last one has lapsed, before the change is
    /// proposed: the next leader will not know of it. When the change is known to have failed, it gets leases again.
    async fn run(self) -> Result<(), ClusterError> {
        let Exchange { node, group, leaves, joins } = self;
        let _one = group.changing.lock().await;
        let voters: BTreeSet<u64> = group.membership().voter_ids().collect();
        let mut after = voters.clone();
        after.extend(joins.map(|id| id.0));
        if let Some(leaves) = leaves {
            after.remove(&leaves.0);
        }
        if after.is_empty() {
            return Err(ClusterError::Refused(format!("group {} would be left without voters", group.id)));
        }
        let made = async {
            if let Some(leaves) = leaves {
                retire(&node, &group, leaves).await?;
            }
            // Learners leave in a change of their own.
            let learner = leaves.filter(|leaves| !voters.contains(&leaves.0));
            if after != voters {
                let changing = group.raft.change_membership(after, false).await;
                changing.map_err(|error| failed(&group, error.to_string()))?;
            }
            if let Some(learner) = learner {
                let gone = ChangeMembers::RemoveNodes(BTreeSet::from([learner.0]));
                let changing = group.raft.change_membership(gone, false).await;
                changing.map_err(|error| failed(&group, error.to_string()))?;
            }
            Ok(())
        };
        let made = made.await;
        if let (Err(error), Some(leaves)) = (&made, leaves) {
            tracing::warn!(group = group.id.0, node = leaves.0, %error, "voter not replaced");
            group.lease.reinstate(leaves);
        }
        made
    }
}

async fn retire(node: &Node, group: &Group, leaves: NodeId) -> Result<(), ClusterError> {
    let due = Instant::now() + node.timing.lapse() * 4;
    // A leadership that only just came has no tenure yet, and so nobody to tell.
    tenure::observe(node, group);
    group.lease.retire(leaves);
    while !group.lease.is_retired(node.now(), leaves) {
        if Instant::now() >= due || group.leading().is_none() {
            return Err(failed(group, format!("node {leaves} still holds a lease, or leadership was lost")));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Brings a group's leadership to this node.
async fn lead(node: &Node, group: &Arc<Group>) -> Result<(), ClusterError> {
    let due = Instant::now() + LEADERSHIP;
    while group.leading().is_none() {
        if Instant::now() >= due {
            return Err(failed(group, "its leadership could not be brought to this node".to_owned()));
        }
        if let Err(error) = transfer::ask(node, group, node.id).await {
            tracing::debug!(group = group.id.0, %error, "leadership not taken over");
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

async fn caught_up(group: &Group, id: NodeId) -> Result<(), ClusterError> {
    let due = Instant::now() + CATCH_UP;
    loop {
        {
            let data = group.raft.data_metrics();
            let data = data.borrow_watched();
            let matched = data.replication.as_ref().and_then(|matched| matched.get(&id.0).copied().flatten());
            let last = data.last_log.map_or(0, |log_id| log_id.index);
            if matched.is_some_and(|matched| last.saturating_sub(matched.index) <= LAG_MAX) {
                return Ok(());
            }
        }
        if Instant::now() >= due || group.leading().is_none() {
            return Err(failed(group, format!("node {id} did not catch up, or leadership was lost")));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Lists the groups that are placed on a node.
fn placed(node: &Node, nodes: &Nodes, id: NodeId) -> Vec<GroupId> {
    let on_it = |group: &GroupId| placement(nodes, *group).values().any(|placed| *placed == id);
    node.proposers.keys().copied().filter(on_it).collect()
}

fn hosted(node: &Node, group: GroupId) -> Result<&Arc<Group>, ClusterError> {
    let detail = || format!("node {} holds no replica of it: ask a node that does", node.id);
    node.group(group).ok_or_else(|| ClusterError::Group { group, detail: detail() })
}

fn failed(group: &Group, detail: String) -> ClusterError {
    ClusterError::Group { group: group.id, detail }
}

fn changed<T, E: std::fmt::Display>(
    group: &Group,
    result: Result<Result<T, E>, tokio::time::error::Elapsed>,
) -> Result<T, ClusterError> {
    match result {
        Ok(Ok(made)) => Ok(made),
        Ok(Err(error)) => Err(failed(group, error.to_string())),
        Err(_) => Err(failed(group, "the change was not committed in time".to_owned())),
    }
}
