//! How current a replica is: whether it has everything that was acknowledged before now, and whether it ever had since
//! this node's start.

use std::sync::atomic::Ordering;
use std::time::Duration;

use model::id::GroupId;
use openraft::ReadPolicy;
use service::ports::LogError;

use crate::lease::tenure;
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::proposals::propose::propose;
use crate::proposals::tries::Wanted;
use crate::raft::type_config::LeaderId;

/// Waits until the replica here, if there is one, has everything that was acknowledged before this was called.
pub(crate) async fn linearize(node: &Node, group: GroupId, deadline: Duration) -> Result<(), LogError> {
    let confirmed = match node.group(group).and_then(|group| Some((group, group.leading()?))) {
        Some((hosted, leader)) => confirmed(node, hosted, &leader, deadline).await,
        None => false,
    };
    if !confirmed {
        // An entry without commands is committed after everything that was committed when this was called, and many
        // callers share one.
        propose(node, Wanted { group, fenced: false, deadline }, Vec::new()).await?;
    }
    if let Some(hosted) = node.group(group) {
        hosted.caught_up.store(true, Ordering::Release);
    }
    Ok(())
}

/// Waits until the leader here has applied what was committed when this was called, and says whether it led then: a
/// quorum answered heartbeats that were sent since. openraft confirms the same and is not believed alone: it may take an
/// answer for one to a later append, as `lease::group_lease::evidence` tells.
async fn confirmed(node: &Node, group: &Group, leader: &LeaderId, deadline: Duration) -> bool {
    let asked = node.now();
    let confirmed = group.raft.ensure_linearizable(ReadPolicy::ReadIndex);
    let applied = matches!(tokio::time::timeout(deadline, confirmed).await, Ok(Ok(_)));
    applied && tenure::followed(node, group, leader).is_some_and(|sent| sent >= asked)
}

/// Waits until the replica here was as current as the group once since the start: before that it may miss what was
/// acknowledged while the node was away.
pub(crate) async fn catch_up(node: &Node, group: GroupId, deadline: Duration) -> Result<(), LogError> {
    if node.group(group).is_some_and(|hosted| hosted.has_caught_up()) {
        return Ok(());
    }
    linearize(node, group, deadline).await
}
