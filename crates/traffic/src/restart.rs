//! Nodes that stop on purpose and come back: their region's share moves away before they go, and returns with them.
//!
//! **Why a plan and no grace.** A silent region could also be waited for. But a message that was routed to it would
//! wait as long as the restart takes, and the promise is seconds (docs/promises.md, P6). So a stopping node has its
//! region evacuated first, while it still runs: nothing waits for a lapsed lease, because what it began is settled and
//! the rest moves as
//! *drained*. And because a stop that was asked for says nothing about the region's health, the way back needs no
//! person: the same node, ready again within [`RETURN_MAX`], gives the region its share back.
//!
//! **What is remembered, and where.** The plan's evidence names the nodes that are away. A region with several nodes
//! serves again when the last of them is back. A region that was lost, or that a person took out, has no such evidence:
//! a person restores it, or where the rules say so a lost one comes back by [`crate::failback`]. How often in an hour a region returns without a person is bounded by
//! [`SafetyRules::returns_per_hour`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::plan::{Author, PlanChange, RegionState, TrafficPlan};
use model::{NodeId, RegionId, Timestamp};

use crate::loss::{HISTORY_WINDOW, SafetyRules, Situation, Verdict, has_stand_in, lost_since, replace};
use crate::planning::{BROUGHT_BACK, Why, gives_only_to_ready, restore};
use crate::readiness::RegionReadiness;

/// How long a region may be away and still come back by itself. Addresses and sender names that did not send for longer
/// may have lost their good name with the mailbox providers, so that a person decides how fast to go back.
pub const RETURN_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

/// The evidence that names the nodes of a region that are away: this and the region's name.
const AWAY: &str = "restarting.";
/// The evidence of a plan that gives a region a share back without a person: this and the region's name. The value says
/// why: the node that returned, or for how long the region was well.
pub(crate) const BACK: &str = "returned.";

/// The node that stops or comes back, and its region.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Restarting<'a> {
    /// The node.
    pub node: NodeId,
    pub region: &'a RegionId,
}

/// Returns the change that lets a node stop: its region's share goes to the others. Nothing when nobody else could
/// send, when a person or a loss took the region out already, or when the rules forbid it: then its messages wait for
/// it.
///
/// `history` is the line of plans from the current one backwards, and `readiness` says who could send.
pub fn leave(
    history: &[TrafficPlan],
    who: Restarting<'_>,
    rules: &SafetyRules,
    readiness: &RegionReadiness,
) -> Option<PlanChange> {
    let plan = history.first()?;
    let rules = &rules.under(plan);
    let mut away = away(history, who.region).map_or_else(BTreeSet::new, |away| away.nodes);
    let evacuated = plan.state_of(who.region) == RegionState::Evacuated;
    if evacuated && away.is_empty() || !away.insert(who.node) || rules.frozen.covers(who.region) {
        return None;
    }
    let why = Why {
        author: Author::Automatic,
        reason: format!("node {} of {} was asked to stop: its share goes to the others", who.node, who.region),
        evidence: BTreeMap::from([(format!("{AWAY}{}", who.region), listed(&away))]),
    };
    if evacuated {
        return Some(same_regions(plan, why));
    }
    // Nobody's loss is known here but this one, which is about to happen.
    let verdicts = [Verdict { region: who.region.clone(), last_sign: model::BootTime(0), evidence: BTreeMap::new() }];
    let situation = Situation { plan, verdicts: &verdicts, readiness };
    has_stand_in(&situation, rules, who.region).then(|| replace(&situation, rules, who.region, why)).flatten()
}

/// Returns the change that a node makes when it is ready again: the region has its share back when no other of its
/// nodes is away. Nothing when the region is not away because of this node, was away too long, restarts too often, or
/// isn't ready, as when another of its nodes has failed meanwhile.
///
/// `history` is the line of plans from the current one backwards, and `now` the time on the clock of plans.
pub fn come_back(
    history: &[TrafficPlan],
    who: Restarting<'_>,
    rules: &SafetyRules,
    readiness: &RegionReadiness,
    now: Timestamp,
) -> Option<PlanChange> {
    let plan = history.first()?;
    let rules = &rules.under(plan);
    let Away { mut nodes, since } = away(history, who.region)?;
    if !nodes.remove(&who.node) || rules.frozen.covers(who.region) {
        return None;
    }
    let mut why = Why {
        author: Author::Automatic,
        reason: format!("node {} of {} is back and ready", who.node, who.region),
        evidence: BTreeMap::new(),
    };
    if !nodes.is_empty() {
        why.evidence.insert(format!("{AWAY}{}", who.region), listed(&nodes));
        return Some(same_regions(plan, why));
    }
    if expected_return(history, who.region, rules, now) != Return::ByItself {
        return None;
    }
    why.evidence.insert(format!("{BACK}{}", who.region), who.node.to_string());
    why.evidence.insert("away_for".to_owned(), format!("{} ms", now.since(since).as_millis()));
    let change = restore(plan, who.region, why).ok()?;
    gives_only_to_ready(plan, &change, readiness, &BTreeSet::new()).is_ok().then_some(change)
}

/// Counts how often a region got traffic back without a person in the last hour.
pub fn recent_returns(history: &[TrafficPlan], region: &RegionId, now: Timestamp) -> usize {
    let keys = [format!("{BACK}{region}"), format!("{BROUGHT_BACK}{region}")];
    let recent = history.iter().filter(|plan| now.since(plan.time) < HISTORY_WINDOW);
    recent.filter(|plan| keys.iter().any(|key| plan.evidence.contains_key(key))).count()
}

/// How a region that is out of service comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// When its nodes, which were asked to stop, are ready.
    ByItself,
    /// When it was well for long enough after it was lost.
    WhenWell,
    /// It would have, and did so too often lately.
    UsedUp,
    /// When a person restores it.
    ByAPerson,
}

/// Says how a region that is out of service comes back.
///
/// `history` is the line of plans from the current one backwards, and `now` the time on the clock of plans.
pub fn expected_return(history: &[TrafficPlan], region: &RegionId, rules: &SafetyRules, now: Timestamp) -> Return {
    let is_frozen = history.first().is_some_and(|plan| rules.under(plan).frozen.covers(region));
    let stopped = away(history, region).map(|away| (away.since, Return::ByItself));
    let lost = || lost_since(history, region).filter(|_| rules.failback.is_some());
    let since = stopped.or_else(|| lost().map(|(since, _)| (since, Return::WhenWell)));
    match since {
        None => Return::ByAPerson,
        Some((since, _)) if now.since(since) > RETURN_MAX || is_frozen => Return::ByAPerson,
        Some(_) if recent_returns(history, region, now) >= rules.returns_per_hour => Return::UsedUp,
        Some((_, way)) => way,
    }
}

/// Why a region is evacuated, if nodes that stopped are the reason.
struct Away {
    nodes: BTreeSet<NodeId>,
    since: Timestamp,
}

/// Looks through the plans for the ones that evacuated the region, back to the first of them.
fn away(history: &[TrafficPlan], region: &RegionId) -> Option<Away> {
    let key = format!("{AWAY}{region}");
    let evacuated = history.iter().take_while(|plan| plan.state_of(region) == RegionState::Evacuated);
    let mut newest = None;
    let mut oldest = None;
    for plan in evacuated {
        newest = newest.or_else(|| plan.evidence.get(&key));
        oldest = Some(plan);
    }
    // What evacuated the region first must have been a stop: later plans may be about other regions.
    let oldest = oldest.filter(|plan| plan.evidence.contains_key(&key))?;
    let nodes = newest?.split(',').filter_map(|number| number.parse().ok().map(NodeId)).collect();
    Some(Away { nodes, since: oldest.time })
}

fn same_regions(plan: &TrafficPlan, why: Why) -> PlanChange {
    PlanChange { evidence: why.evidence, ..plan.change(why.author, why.reason) }
}

fn listed(nodes: &BTreeSet<NodeId>) -> String {
    nodes.iter().map(NodeId::to_string).collect::<Vec<_>>().join(",")
}
