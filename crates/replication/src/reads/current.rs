//! How current a replica is: whether it has everything that was acknowledged before now, and whether it ever had since
//! this node's start.

use std::sync::atomic::Ordering;
use std::time::Duration;

use model::id::GroupId;
use openraft::ReadPolicy;
use service::ports::LogError;

use crate::node::shared::Node;
use crate::proposals::propose::{Wanted, propose};

/// Waits until the replica here, if there is one, has everything that was acknowledged before this was called.
pub(crate) async fn linearize(node: &Node, group: GroupId, deadline: Duration) -> Result<(), LogError> {
    let leading = node.group(group).filter(|group| group.leading().is_some());
    let confirmed = match leading {
        Some(hosted) => {
            let confirmed = hosted.raft.ensure_linearizable(ReadPolicy::ReadIndex);
            matches!(tokio::time::timeout(deadline, confirmed).await, Ok(Ok(_)))
        }
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

/// Waits until the replica here was as current as the group once since the start: before that it may miss what was
/// acknowledged while the node was away.
pub(crate) async fn catch_up(node: &Node, group: GroupId, deadline: Duration) -> Result<(), LogError> {
    if node.group(group).is_some_and(|hosted| hosted.caught_up.load(Ordering::Acquire)) {
        return Ok(());
    }
    linearize(node, group, deadline).await
}
