//! Spreads leaders: a leader outside the group's preferred region transfers it to that region's node, when it has led
//! quietly for a while and the node is live and caught up. A leader whose wall clock is off transfers it to any voter
//! whose clock isn't, and no node is chosen whose clock is. A leader that misses a member which another voter hears
//! transfers it to that one (`reach`), and no node is chosen that hears fewer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::cluster::{placement, preferred_leader_region};
use model::id::NodeId;
use tokio::time::Instant;

use crate::leadership::candidacy::{Leaderless, right_voters};
use crate::leadership::reach::Reach;
use crate::leadership::transfer;
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::raft::type_config::LeaderId;

/// How long a leader leads before it transfers leadership.
pub const STABLE: Duration = Duration::from_secs(10);
/// How long a node whose wall clock is off leads before it transfers leadership, and how long it rests after it failed.
const OFF_STABLE: Duration = Duration::from_secs(2);
/// How often the leaders are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// In how many looks in a row the same voter hears more than the leader before it is given the leadership: reports of
/// a node that starts again come one after the other.
const CUT_LOOKS: u32 = 2;

/// Looks at a group until the node stops.
pub(crate) async fn run(node: Arc<Node>, group: Arc<Group>) {
    let mut since: Option<(LeaderId, Instant)> = None;
    let mut leaderless = Leaderless::default();
    let mut cut = Cut::default();
    loop {
        tokio::time::sleep(LOOK).await;
        leaderless.decide(&node, &group);
        since = match (group.leading(), since) {
            (None, _) => None,
            (Some(leader), Some((known, since))) if known == leader => Some((known, since)),
            (Some(leader), _) => Some((leader, Instant::now())),
        };
        let Some((_, since_when)) = since else { continue };
        let reach = Reach::of(&node.last_seen.all(node.now()), node.timing.lapse());
        let members: BTreeSet<NodeId> = group.membership().nodes().map(|(id, _)| NodeId(*id)).collect();
        let cut_off = cut.look(&node, &group, &reach, &members);
        let balanced = || heir(&node, &group, since_when.elapsed()).filter(|to| reach.hears_as_many(*to, &members));
        let Some(to) = cut_off.or_else(balanced) else { continue };
        if transfer::check(&node, &group, to).is_ok()
            && let Err(error) = transfer::transfer(&node, &group, to).await
        {
            tracing::debug!(group = group.id.0, to = to.0, %error, "leadership not transferred");
            since = None;
        }
    }
}

/// Who was found to hear more than this leader, and in how many looks in a row.
#[derive(Default)]
struct Cut {
    better: Option<NodeId>,
    looks: u32,
}

impl Cut {
    /// Returns the voter that should lead in the place of this node, because it hears members that this one misses.
    fn look(&mut self, node: &Node, group: &Group, reach: &Reach, members: &BTreeSet<NodeId>) -> Option<NodeId> {
        let voters: BTreeSet<NodeId> = group.membership().voter_ids().map(NodeId).collect();
        let better = reach.better(node.id, &voters, members).filter(|to| !node.time.is_known_off(*to));
        self.looks = if better.is_some() && better == self.better { self.looks.saturating_add(1) } else { 1 };
        self.better = better;
        let to = better.filter(|_| self.looks >= CUT_LOOKS)?;
        if self.looks == CUT_LOOKS {
            let group = group.id.0;
            tracing::warn!(group, to = to.0, "line cut: another voter hears members that this leader misses");
        }
        Some(to)
    }
}

/// Returns the voter that should lead in the place of this node, which has led for `led`.
fn heir(node: &Node, group: &Arc<Group>, led: Duration) -> Option<NodeId> {
    let preferred = preferred(node, group).filter(|to| *to != node.id && !node.time.is_known_off(*to));
    if !node.time.is_off() {
        return preferred.filter(|_| led >= STABLE);
    }
    let can = |to: &NodeId| transfer::check(node, group, *to).is_ok();
    let preferred = preferred.filter(|to| node.time.is_right(*to) && can(to));
    preferred.or_else(|| right_voters(node, group).find(can)).filter(|_| led >= OFF_STABLE)
}

fn preferred(node: &Node, group: &Group) -> Option<NodeId> {
    let nodes = node.peers.nodes();
    placement(&nodes, group.id).get(&preferred_leader_region(&nodes, group.id)?).copied()
}
