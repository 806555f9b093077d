//! Spreads leaders: a leader outside the group's preferred region transfers it to that region's node, when it has led
//! quietly for a while and the node is live and caught up. A leader whose wall clock is off transfers it to any voter
//! whose clock isn't, and no node is chosen whose clock is. A leader that misses members which another voter hears
//! transfers it to that one (`traffic::reach`), and no node is chosen that hears fewer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::cluster::{placement, preferred_leader_region};
use model::id::{GroupId, NodeId};
use model::plan::{RegionState, TrafficPlan};
use registry::tables::{AdoptedPlan, Meta, Plans, RowAccess as _};
use tokio::time::Instant;
use traffic::reach::Members;
use traffic::readiness::Sight;

use crate::leadership::candidacy::{Leaderless, right_voters};
use crate::leadership::rules::LeadershipRules;
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

/// Looks at a group until the node stops.
pub(crate) async fn run(node: Arc<Node>, group: Arc<Group>, rules: LeadershipRules) {
    let mut since: Option<(LeaderId, Instant)> = None;
    let mut leaderless = Leaderless::default();
    let mut cut = Cut { rules, better: None, looks: 0 };
    loop {
        tokio::time::sleep(LOOK).await;
        leaderless.decide(&node, &group);
        since = match (group.leading(), since) {
            (None, _) => None,
            (Some(leader), Some((known, since))) if known == leader => Some((known, since)),
            (Some(leader), _) => Some((leader, Instant::now())),
        };
        let Some((_, since_when)) = since else { continue };
        let (nodes, news) = (node.peers.nodes(), node.last_seen.all(node.now()));
        let sight = Sight { node: node.id, nodes: &nodes, news: &news, silence: node.timing.lapse() };
        let members: BTreeSet<NodeId> = group.membership().nodes().map(|(id, _)| NodeId(*id)).collect();
        let cut_off = cut.look(&node, &group, &sight, &members);
        let balanced = || heir(&node, &group, since_when.elapsed()).filter(|to| sight.reaches_as_many(*to, &members));
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
struct Cut {
    rules: LeadershipRules,
    better: Option<NodeId>,
    looks: u32,
}

impl Cut {
    /// Returns the voter that should lead in the place of this node, because it hears members that this one misses.
    fn look(&mut self, node: &Node, group: &Group, sight: &Sight<'_>, members: &BTreeSet<NodeId>) -> Option<NodeId> {
        let better = sight.misses(members).then(|| better(node, group, sight, members)).flatten();
        self.looks = if better.is_some() && better == self.better { self.looks.saturating_add(1) } else { 1 };
        self.better = better;
        let to = better.filter(|_| self.looks >= self.rules.cut_looks)?;
        if self.looks == self.rules.cut_looks {
            let group = group.id.0;
            tracing::warn!(group, to = to.0, "line cut: another voter hears members that this leader misses");
        }
        Some(to)
    }
}

fn better(node: &Node, group: &Group, sight: &Sight<'_>, all: &BTreeSet<NodeId>) -> Option<NodeId> {
    let plan = plan(node, group.id);
    let serves = |id: &NodeId| {
        let region = sight.nodes.get(id).map(|info| &info.region);
        region.zip(plan.as_ref()).is_some_and(|(region, plan)| plan.state_of(region) != RegionState::Evacuated)
    };
    let in_service: BTreeSet<NodeId> = all.iter().copied().filter(serves).collect();
    let voters = group.membership().voter_ids().map(NodeId).collect::<Vec<_>>().into_iter();
    let able = voters.filter(|to| !node.time.is_known_off(*to) && transfer::check(node, group, *to).is_ok());
    sight.better_leader(Members { all, in_service: &in_service }, able)
}

/// Returns the plan that the group goes by; nothing while there is none, or when it can't be read.
fn plan(node: &Node, group: GroupId) -> Option<TrafficPlan> {
    let view = node.state.view(group);
    if group != GroupId::CONTROL {
        return view.row::<AdoptedPlan>(&()).ok().flatten();
    }
    let epoch = view.row::<Meta>(&()).ok().flatten()?.epoch;
    view.row::<Plans>(&epoch).ok().flatten()
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
