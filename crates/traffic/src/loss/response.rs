//! What the cluster does by itself about a lost region, within the rules that an operator set.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::plan::{Author, Mode, PlanChange, RegionState, TrafficPlan};
use model::{Epoch, RegionId, Timestamp};

use super::verdict::Verdict;
use crate::planning::{PlanError, Why, check, evacuate, failover};
use crate::restart::is_restart;

/// The time in which automatic changes are counted.
pub const HISTORY_WINDOW: Duration = Duration::from_secs(3_600);

/// What may not change without a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Freeze {
    /// Everything may.
    #[default]
    Nothing,
    /// The state of these regions.
    Regions(BTreeSet<RegionId>),
    /// The plan.
    Everything,
}

impl Freeze {
    /// Says whether the state of a region may not change without a person.
    pub fn covers(&self, region: &RegionId) -> bool {
        match self {
            Freeze::Nothing => false,
            Freeze::Regions(regions) => regions.contains(region),
            Freeze::Everything => true,
        }
    }
}

/// The limits of automatic changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafetyRules {
    /// How many regions must be in service after a change, lost ones not counted. At least one always must.
    pub serving_min: usize,
    /// The most automatic changes within [`HISTORY_WINDOW`].
    pub automatic_per_hour: usize,
    /// What is frozen.
    pub frozen: Freeze,
}

impl Default for SafetyRules {
    /// One region must serve, three automatic changes an hour, nothing is frozen.
    fn default() -> SafetyRules {
        SafetyRules { serving_min: 1, automatic_per_hour: 3, frozen: Freeze::Nothing }
    }
}

/// An automatic change of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AutomaticChange {
    /// The plan that it made.
    pub epoch: Epoch,
    /// When it was committed.
    pub time: Timestamp,
}

/// What a decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The current plan.
    pub plan: &'a TrafficPlan,
    /// The regions that are lost.
    pub verdicts: &'a [Verdict],
    /// The automatic changes that are known, in any order.
    pub history: &'a [AutomaticChange],
    /// The time now, on the clock of plans.
    pub now: Timestamp,
}

/// Picks the automatic changes out of a plan history, except the making of the first plan and the restarts that
/// somebody asked for ([`crate::restart`]).
pub fn automatic_changes<'a>(plans: impl IntoIterator<Item = &'a TrafficPlan>) -> Vec<AutomaticChange> {
    let automatic = plans.into_iter().filter(|plan| plan.author == Author::Automatic && plan.parent != Epoch(0));
    let automatic = automatic.filter(|plan| !is_restart(plan));
    automatic.map(|plan| AutomaticChange { epoch: plan.epoch, time: plan.time }).collect()
}

/// Returns the change that answers the verdicts, for the first lost region that is still in service and that the rules
/// let go; nothing when there is none. One change at a time: the next is decided from the plan that this one becomes.
///
/// A lost region is evacuated. In warm standby, when it is the only active one, the standby region with the largest
/// weight that isn't lost becomes active in its place. When nobody else could send at all, the living regions that were
/// evacuated earlier come back, unless they are frozen: sending from a region that somebody took out is better than not
/// sending.
pub fn decide(situation: &Situation<'_>, rules: &SafetyRules) -> Option<PlanChange> {
    let recent = situation.history.iter().filter(|change| situation.now.since(change.time) < HISTORY_WINDOW).count();
    if rules.frozen == Freeze::Everything || recent >= rules.automatic_per_hour {
        return None;
    }
    situation.verdicts.iter().find_map(|verdict| answer(situation, rules, verdict))
}

fn answer(situation: &Situation<'_>, rules: &SafetyRules, verdict: &Verdict) -> Option<PlanChange> {
    let plan = situation.plan;
    if plan.state_of(&verdict.region) == RegionState::Evacuated || rules.frozen.covers(&verdict.region) {
        return None;
    }
    let why = Why {
        author: Author::Automatic,
        reason: format!("{} is lost: a majority of the regions sees none of its nodes", verdict.region),
        evidence: verdict.evidence.clone(),
    };
    let change = stand_in(situation, rules, &verdict.region, why.clone())
        .unwrap_or_else(|| bring_back(situation, rules, (&verdict.region, why)));
    allowed(situation, rules, change)
}

/// Takes a region out that is among the lost ones and lets another one send in its place; nothing when none could, or
/// too few would be left.
pub(crate) fn replace(
    situation: &Situation<'_>,
    rules: &SafetyRules,
    region: &RegionId,
    why: Why,
) -> Option<PlanChange> {
    allowed(situation, rules, stand_in(situation, rules, region, why)?)
}

/// Makes the plan in which others send in a region's place; nothing when there are none.
fn stand_in(
    situation: &Situation<'_>,
    rules: &SafetyRules,
    region: &RegionId,
    why: Why,
) -> Option<Result<PlanChange, PlanError>> {
    let plan = situation.plan;
    let others_active = living(situation, RegionState::Active).any(|other| other != region);
    let candidates = living(situation, RegionState::Standby).filter(|region| !rules.frozen.covers(region));
    let standby = candidates.max_by_key(|region| (plan.weights.get(*region), std::cmp::Reverse(*region)));
    match standby {
        _ if others_active => Some(evacuate(plan, region, why)),
        Some(to) if plan.mode == Mode::WarmStandby => Some(failover(plan, region, to, why)),
        _ => None,
    }
}

fn allowed(
    situation: &Situation<'_>,
    rules: &SafetyRules,
    change: Result<PlanChange, PlanError>,
) -> Option<PlanChange> {
    change.ok().filter(|change| serving(situation, change) >= rules.serving_min.max(1))
}

/// Evacuates the last region that sends, and takes the living ones in again that were evacuated earlier.
fn bring_back(
    situation: &Situation<'_>,
    rules: &SafetyRules,
    (lost, why): (&RegionId, Why),
) -> Result<PlanChange, PlanError> {
    let plan = situation.plan;
    let mut change = PlanChange { evidence: why.evidence, ..plan.change(why.author, why.reason) };
    for region in living(situation, RegionState::Evacuated).filter(|region| !rules.frozen.covers(region)) {
        change.regions.insert(region.clone(), RegionState::Active);
        change.evidence.insert(format!("brought_back.{region}"), "nobody else could send".to_owned());
    }
    change.regions.insert(lost.clone(), RegionState::Evacuated);
    check(&change, Some(plan))?;
    Ok(change)
}

/// Lists the regions in a state that are not lost.
fn living<'a>(situation: &'a Situation<'_>, state: RegionState) -> impl Iterator<Item = &'a RegionId> {
    in_state(&situation.plan.regions, state).filter(|region| !is_lost(situation, region))
}

/// Counts the regions that a change leaves in service and that are not lost. None when no active one would be left that
/// isn't lost and has a weight, whatever else there is.
fn serving(situation: &Situation<'_>, change: &PlanChange) -> usize {
    let mut active = in_state(&change.regions, RegionState::Active).filter(|region| !is_lost(situation, region));
    if !active.any(|region| change.weights.get(region).is_some_and(|weight| *weight > 0)) {
        return 0;
    }
    let in_service = change.regions.iter().filter(|(_, state)| **state != RegionState::Evacuated);
    in_service.filter(|(region, _)| !is_lost(situation, region)).count()
}

fn in_state(regions: &BTreeMap<RegionId, RegionState>, state: RegionState) -> impl Iterator<Item = &RegionId> {
    regions.iter().filter(move |(_, found)| **found == state).map(|(region, _)| region)
}

fn is_lost(situation: &Situation<'_>, region: &RegionId) -> bool {
    situation.verdicts.iter().any(|verdict| verdict.region == *region)
}
