//! A node that is about to stop dispatches what it leads, so that no group waits for an election. From then on it seeks
//! and takes no leadership; it goes on to store, vote and forward until it stops.
//!
//! Its send leases are not given back: they end by themselves W after the last renewal, and until then an opt-out waits
//! for this node as it would for any holder that is silent (R7).

use std::sync::Arc;
use std::time::Duration;

use model::cluster::{RegionKind, preferred_leader_region};
use model::id::NodeId;
use tokio::time::Instant;

use crate::leadership::transfer;
use crate::node::group::Group;
use crate::node::shared::Node;

/// How long to rest before looking again what this node leads.
const LOOK: Duration = Duration::from_millis(20);

/// Hands every leadership to another voter; begins no transfer after `wait`. Returns how many groups this node still
/// leads.
pub(crate) async fn transfer_leaderships(node: &Node, wait: Duration) -> usize {
    node.leave();
    for group in node.groups.values() {
        group.raft.runtime_config().elect(false);
    }
    let due = Instant::now() + wait;
    loop {
        let led: Vec<&Arc<Group>> = node.hosted().filter(|group| group.leading().is_some()).collect();
        let hopeless = led.iter().all(|group| heirs(node, group).is_empty());
        if hopeless || Instant::now() >= due {
            return led.len();
        }
        futures::future::join_all(led.iter().map(|group| transfer_one(node, group))).await;
        // An election that was under way when this began may still be won.
        tokio::time::sleep(LOOK).await;
    }
}

/// Tries the other voters until one leads.
async fn transfer_one(node: &Node, group: &Arc<Group>) {
    for heir in heirs(node, group) {
        match transfer::transfer(node, group, heir).await {
            Ok(()) => return,
            Err(error) => tracing::debug!(group = group.id.0, to = heir.0, %error, "leadership not transferred"),
        }
    }
}

/// Lists the other voters that answered lately: first the one in the group's preferred region, then the others that
/// serve, then witnesses; those whose wall clock is off last.
fn heirs(node: &Node, group: &Group) -> Vec<NodeId> {
    let nodes = node.peers.nodes();
    let preferred = preferred_leader_region(&nodes, group.id);
    let live = |id: &NodeId| !matches!(transfer::check(node, group, *id), Err(transfer::TransferError::NotLive(_)));
    let membership = group.membership();
    let others = membership.voter_ids().map(NodeId).filter(|id| *id != node.id);
    let mut heirs: Vec<NodeId> = others.filter(live).collect();
    heirs.sort_by_key(|id| {
        let info = nodes.get(id);
        let is_preferred = info.is_some_and(|info| Some(&info.region) == preferred.as_ref());
        (node.time.is_known_off(*id), !is_preferred, info.is_none_or(|info| info.kind != RegionKind::Serving), *id)
    });
    heirs
}
