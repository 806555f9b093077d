//! Spreads leaders: a leader outside the group's preferred region transfers it to that region's node, when it has led
//! quietly for a while and the node is live and caught up.

use std::sync::Arc;
use std::time::Duration;

use model::cluster::{placement, preferred_leader_region};
use model::id::NodeId;
use tokio::time::Instant;

use crate::leadership::transfer;
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::raft::type_config::LeaderId;

/// How long a leader leads before it transfers leadership.
pub const STABLE: Duration = Duration::from_secs(10);
/// How often the leaders are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Looks at a group until the node stops.
pub(crate) async fn run(node: Arc<Node>, group: Arc<Group>) {
    let mut since: Option<(LeaderId, Instant)> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        since = match (group.leading(), since) {
            (None, _) => None,
            (Some(leader), Some((known, since))) if known == leader => Some((known, since)),
            (Some(leader), _) => Some((leader, Instant::now())),
        };
        let stable = since.is_some_and(|(_, since)| since.elapsed() >= STABLE);
        let Some(to) = preferred(&node, &group).filter(|to| stable && *to != node.id) else { continue };
        if transfer::check(&node, &group, to).is_ok()
            && let Err(error) = transfer::transfer(&node, &group, to).await
        {
            tracing::debug!(group = group.id.0, to = to.0, %error, "leadership not transferred");
            since = None;
        }
    }
}

fn preferred(node: &Node, group: &Group) -> Option<NodeId> {
    let nodes = node.peers.nodes();
    placement(&nodes, group.id).get(&preferred_leader_region(&nodes, group.id)?).copied()
}
