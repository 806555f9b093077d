//! Taking a region out so that others send in its place: the one rule for a person, a loss and a restart.

use std::cmp::Reverse;

use model::RegionId;
use model::plan::{Mode, PlanChange, RegionState, TrafficPlan};

use super::changes::{begin, finish};
use super::{PlanError, Why, evacuate, failover};

/// Says whether a region can send in place of another one.
pub type CanSend<'a> = &'a dyn Fn(&RegionId) -> bool;

/// Takes a region out. When no other active region can send, the standby that can and has the largest weight becomes
/// active in its place; of equal ones the first by name.
///
/// # Errors
/// When the region is unknown or evacuated already, or nobody could send in its place.
pub fn withdraw(
    plan: &TrafficPlan,
    region: &RegionId,
    can_send: CanSend<'_>,
    why: Why,
) -> Result<PlanChange, PlanError> {
    let others = |state: RegionState| {
        let others = plan.regions.iter().filter(move |(other, found)| **found == state && *other != region);
        others.map(|(other, _)| other).filter(|other| can_send(other))
    };
    let heaviest = others(RegionState::Standby).max_by_key(|other| (plan.weights.get(*other), Reverse(*other)));
    match heaviest {
        Some(standby)
            if plan.mode == Mode::WarmStandby
                && plan.state_of(region) == RegionState::Active
                && others(RegionState::Active).next().is_none() =>
        {
            failover(plan, region, standby, why)
        }
        _ => evacuate(plan, region, why),
    }
}

/// The evidence of a region that was brought back because nobody else could send: this and the region's name.
pub(crate) const BROUGHT_BACK: &str = "brought_back.";

/// Takes the last region out that sends, and the given ones in, which were evacuated earlier.
///
/// # Errors
/// When none of them has a weight.
pub fn recall<'a>(
    plan: &TrafficPlan,
    lost: &RegionId,
    returning: impl Iterator<Item = &'a RegionId>,
    why: Why,
) -> Result<PlanChange, PlanError> {
    let mut change = begin(plan, why);
    for region in returning {
        change.regions.insert(region.clone(), RegionState::Active);
        change.evidence.insert(format!("{BROUGHT_BACK}{region}"), "nobody else could send".to_owned());
    }
    change.regions.insert(lost.clone(), RegionState::Evacuated);
    finish(plan, change)
}
