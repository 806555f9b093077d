//! Whether this node stands for election in a group. A node whose wall clock is off doesn't where another voter can:
//! until the group was without a leader for a while, because that voter may lack entries.

use std::time::Duration;

use model::id::NodeId;
use tokio::time::Instant;

use crate::node::group::Group;
use crate::node::shared::Node;

/// How long a group is without a leader before a node stands whose wall clock is off.
pub const LEADERLESS_MAX: Duration = Duration::from_secs(3);

/// How long a group has been without a leader, as this node sees it.
#[derive(Default)]
pub(crate) struct Leaderless(Option<Instant>);

impl Leaderless {
    /// Takes note of whether a leader was heard lately, and lets this node stand for election or not. To be called
    /// often.
    pub(crate) fn decide(&mut self, node: &Node, group: &Group) {
        let silent = group.leading().is_none() && !group.lease.refuses_pre_vote(node.now());
        let since = silent.then(|| self.0.unwrap_or_else(Instant::now));
        self.0 = since;
        let holds_back = node.time.is_off() && right_voters(node, group).next().is_some();
        let long = since.is_some_and(|since| since.elapsed() >= LEADERLESS_MAX);
        let stands = group.has_joined() && !node.is_leaving() && (!holds_back || long);
        group.raft.runtime_config().elect(stands);
    }
}

/// Lists the other voters whose wall clocks were heard of lately and aren't off.
pub(crate) fn right_voters<'a>(node: &'a Node, group: &Group) -> impl Iterator<Item = NodeId> + use<'a> {
    let voters: Vec<NodeId> = group.membership().voter_ids().map(NodeId).collect();
    voters.into_iter().filter(|id| *id != node.id && node.time.is_right(*id))
}
