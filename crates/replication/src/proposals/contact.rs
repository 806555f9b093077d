//! Whether a listener of this node can reach a group's leader, so that callers are told to try another one rather than
//! wait for a line that is cut.

use model::cluster::Nodes;
use model::id::NodeId;
use traffic::readiness::Sight;

use crate::lease::group_lease::votes::CONTACT_MAX;
use crate::node::group::Group;
use crate::node::shared::Node;

/// Says whether neither a leader nor a quorum of the group was heard for long.
pub(crate) fn hears_nobody(node: &Node, group: &Group) -> bool {
    group.is_member() && !group.lease.in_contact(node.now(), CONTACT_MAX)
}

/// Says whether the group's leader and this node have not heard each other for long. Of a group without a replica here
/// nothing is known.
pub(crate) fn is_lost(node: &Node, group: &Group) -> bool {
    let leader = group.leader().filter(|leader| group.is_member() && *leader != node.id);
    hears_nobody(node, group) || leader.is_some_and(|leader| is_unheard_by(node, leader))
}

/// Says whether a node that reports has not heard this one for long.
fn is_unheard_by(node: &Node, leader: NodeId) -> bool {
    let (nodes, news) = (Nodes::new(), node.last_seen.of(leader, node.now()));
    Sight { node: node.id, nodes: &nodes, news: &news, silence: CONTACT_MAX }.is_deaf(leader, node.id)
}

/// Ready when the leader and this node have not heard each other for long; never at once.
pub(crate) async fn until_lost(node: &Node, group: Option<&Group>) {
    let Some(group) = group else { return std::future::pending().await };
    loop {
        tokio::time::sleep(group.lease.timing().heartbeat()).await;
        if is_lost(node, group) {
            return;
        }
    }
}
