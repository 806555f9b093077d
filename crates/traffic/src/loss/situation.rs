//! What a decision without a person is made from, and the limits that an operator set to it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::plan::{Frozen, Mode, PlanChange, RegionState, TrafficPlan};
use model::{RegionId, Timestamp};

use super::verdict::Verdict;
use crate::planning::{PlanError, Why, withdraw};
use crate::readiness::RegionReadiness;

/// The time in which the returns of a region are counted.
pub const HISTORY_WINDOW: Duration = Duration::from_secs(3_600);

/// How often in an hour a region gets traffic back without a person, unless a configuration says otherwise: what
/// restarts more often is not well.
pub const RETURNS_PER_HOUR: u32 = 6;

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

impl SafetyRules {
    /// Returns the rules that hold under a plan: what it freezes is frozen as well.
    #[must_use]
    pub fn under(&self, plan: &TrafficPlan) -> SafetyRules {
        let region = |part: &Frozen| match part {
            Frozen::Region(region) => Some(region.clone()),
            Frozen::Everything | Frozen::Channel(_) => None,
        };
        let mut regions: BTreeSet<RegionId> = plan.frozen.iter().filter_map(region).collect();
        let frozen = match &self.frozen {
            _ if plan.frozen.contains(&Frozen::Everything) => Freeze::Everything,
            Freeze::Everything => Freeze::Everything,
            Freeze::Regions(known) => {
                regions.extend(known.iter().cloned());
                Freeze::Regions(regions)
            }
            Freeze::Nothing if regions.is_empty() => Freeze::Nothing,
            Freeze::Nothing => Freeze::Regions(regions),
        };
        SafetyRules { frozen, ..self.clone() }
    }
}

/// The limits of automatic changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafetyRules {
    /// How many regions must be in service after a change, lost ones not counted. At least one always must.
    pub serving_min: usize,
    /// The most automatic changes within [`HISTORY_WINDOW`] that give one region its traffic back. What takes a lost
    /// region out has no such limit.
    pub returns_per_hour: usize,
    /// What is frozen.
    pub frozen: Freeze,
    /// How a region that was lost comes back without a person; nothing where a person decides that.
    pub failback: Option<FailbackRules>,
}

/// How a region that was lost comes back without a person (`crate::failback`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailbackRules {
    /// For how long it must have been well before; twice as long for each time that it came back in the last hour.
    pub after: Duration,
    /// How long each share is held before the next one.
    pub step: Duration,
}

impl Default for SafetyRules {
    /// One region must serve, [`RETURNS_PER_HOUR`], nothing is frozen, a lost region stays out.
    fn default() -> SafetyRules {
        SafetyRules {
            serving_min: 1,
            returns_per_hour: RETURNS_PER_HOUR as usize,
            frozen: Freeze::Nothing,
            failback: None,
        }
    }
}

/// The evidence of a plan that takes a region out which was lost, or which a cut line kept from sending: this and its
/// name; the value is the state that it had.
const LOST: &str = "lost.";

/// Since when a region is out of service because it was lost, and the state that it had; nothing when it is in service,
/// or out for another reason. `history` is the line of plans from the current one backwards.
pub fn lost_since<'a>(history: &'a [TrafficPlan], region: &RegionId) -> Option<(Timestamp, &'a str)> {
    let out = history.iter().take_while(|plan| plan.state_of(region) == RegionState::Evacuated);
    let first = out.last()?;
    first.evidence.get(&format!("{LOST}{region}")).map(|state| (first.time, state.as_str()))
}

/// Adds to the evidence that a region is taken out because it is lost.
pub(super) fn note_lost(why: &mut Why, plan: &TrafficPlan, region: &RegionId) {
    why.evidence.insert(format!("{LOST}{region}"), plan.state_of(region).to_string());
}

/// What a decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The current plan.
    pub plan: &'a TrafficPlan,
    /// The regions that are lost.
    pub verdicts: &'a [Verdict],
    /// Which regions could send.
    pub readiness: &'a RegionReadiness,
}

/// Takes a region out that is among the lost ones and lets another one send in its place; nothing when none could, or
/// too few would be left.
pub(crate) fn replace(
    situation: &Situation<'_>,
    rules: &SafetyRules,
    region: &RegionId,
    why: Why,
) -> Option<PlanChange> {
    let able = |other: &RegionId| can_stand_in(situation, rules, other);
    allowed(situation, rules, withdraw(situation.plan, region, &able, why))
}

/// Says whether anybody could send in a region's place without a person.
pub(crate) fn has_stand_in(situation: &Situation<'_>, rules: &SafetyRules, region: &RegionId) -> bool {
    let warm = situation.plan.mode == Mode::WarmStandby;
    let regions = situation.plan.regions.iter().filter(|(other, _)| *other != region);
    let mut eligible = regions.filter(|(_, state)| match state {
        RegionState::Active => true,
        RegionState::Standby => warm,
        RegionState::Evacuated => false,
    });
    eligible.any(|(other, _)| can_stand_in(situation, rules, other))
}

/// Says whether a region may send in another's place without a person: an active one that lives and could send, or such
/// a standby that isn't frozen.
fn can_stand_in(situation: &Situation<'_>, rules: &SafetyRules, other: &RegionId) -> bool {
    let active = situation.plan.state_of(other) == RegionState::Active;
    let able = !is_lost(situation, other) && situation.readiness.can_stand_in(other);
    able && (active || !rules.frozen.covers(other))
}

/// Lets a change through that leaves enough regions in service.
pub(super) fn allowed(
    situation: &Situation<'_>,
    rules: &SafetyRules,
    change: Result<PlanChange, PlanError>,
) -> Option<PlanChange> {
    change.ok().filter(|change| serving(situation, change) >= rules.serving_min.max(1))
}

/// Lists the regions in a state that are not lost.
pub(super) fn living<'a>(
    situation: &'a Situation<'_>,
    state: RegionState,
) -> impl Iterator<Item = &'a RegionId> + use<'a> {
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

/// Says whether a region is among the lost ones.
pub(super) fn is_lost(situation: &Situation<'_>, region: &RegionId) -> bool {
    situation.verdicts.iter().any(|verdict| verdict.region == *region)
}
