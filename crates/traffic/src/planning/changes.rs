//! The changes that people and the cluster make: each a function from the current plan to the next.

use std::collections::{BTreeMap, BTreeSet};

use model::plan::{Frozen, Mode, PlanChange, RegionState, Scope, TrafficPlan, WEIGHT_MAX, Weights};
use model::{Channel, Epoch, RegionId};

use super::Why;
use super::check::{PlanError, check};
use super::difference::{counted_total, counted_weight, share_per_mille};

/// What the weights of a first plan sum to, so that they read as per mille.
pub const INITIAL_TOTAL: u32 = 1_000;
/// The share of each standby region in a first plan, in per mille: a default that keeps connections and identities in
/// use until warm capacity is known and says better (docs/design/plan.md).
pub const WARM_SHARE_PER_MILLE: u32 = 50;
/// The most that all standby regions of a first plan share, in per mille.
const WARM_TOTAL_PER_MILLE: u32 = 500;

/// A shift of traffic from one region to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftRequest {
    /// The channel whose traffic moves, which gets weights of its own; nothing for all channels.
    pub channel: Option<Channel>,
    /// The region that loses the share.
    pub from: RegionId,
    /// The region that gains it.
    pub to: RegionId,
    /// The share of the whole traffic that moves, in per mille.
    pub share_per_mille: u32,
}

/// Makes a cluster's first plan for regions that are all different. In mode active-active all regions have the same
/// share; in warm standby the first of `serving` is active and each other one keeps [`WARM_SHARE_PER_MILLE`].
///
/// # Errors
/// When there is no region or too many, or `why` breaks a rule of [`check`].
pub fn initial(mode: Mode, serving: &[RegionId], why: Why) -> Result<PlanChange, PlanError> {
    let count = u32::try_from(serving.len()).unwrap_or(u32::MAX).max(1);
    let warm = WARM_SHARE_PER_MILLE.min(WARM_TOTAL_PER_MILLE / count);
    let mut regions = BTreeMap::new();
    let mut weights = Weights::new();
    for (position, region) in (0..count).zip(serving) {
        let (state, weight) = match (mode, position) {
            (Mode::ActiveActive, _) => {
                let rest = u32::from(position < INITIAL_TOTAL % count);
                (RegionState::Active, INITIAL_TOTAL / count + rest)
            }
            (Mode::WarmStandby, 0) => (RegionState::Active, INITIAL_TOTAL - warm * (count - 1)),
            (Mode::WarmStandby, _) => (RegionState::Standby, warm),
        };
        regions.insert(region.clone(), state);
        weights.insert(region.clone(), weight);
    }
    let Why { author, reason, evidence } = why;
    let (channel_weights, scopes, diverted) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let (parent, frozen) = (Epoch(0), BTreeSet::new());
    let change = PlanChange {
        parent,
        mode,
        regions,
        weights,
        channel_weights,
        scopes,
        diverted,
        frozen,
        reason,
        evidence,
        author,
    };
    check(&change, None)?;
    Ok(change)
}

/// Moves a share of the traffic from one living region to another. A shift of all channels moves that share of each
/// channel with weights of its own, or what `from` has of it when that is less.
///
/// The weights of the regions that don't take part keep their share; when a share isn't a whole weight, all weights are
/// multiplied, and only where that would exceed the largest weight the share is rounded down.
///
/// # Errors
/// When a region is unknown or evacuated, has less than what should leave it, or would get more than the largest
/// weight.
pub fn shift(plan: &TrafficPlan, request: &ShiftRequest, why: Why) -> Result<PlanChange, PlanError> {
    let ShiftRequest { channel, from, to, share_per_mille: wanted } = request;
    distinct(from, to)?;
    if !(1..=1_000).contains(wanted) {
        return Err(PlanError::Share(*wanted));
    }
    for region in [from, to] {
        require(plan, region, &[RegionState::Active, RegionState::Standby], "active or standby")?;
    }
    let mut change = begin(plan, why);
    let main = channel.map_or_else(|| plan.weights.clone(), |channel| plan.weights_of(channel).clone());
    let has_per_mille = share_per_mille(&plan.regions, &main, from);
    let moved = moved_weights(plan, main, request).ok_or_else(|| PlanError::ShareTooLarge {
        region: from.clone(),
        has_per_mille,
        wanted_per_mille: *wanted,
    })?;
    match channel {
        Some(channel) => drop(change.channel_weights.insert(*channel, moved)),
        None => {
            change.weights = moved;
            for weights in change.channel_weights.values_mut() {
                *weights = moved_weights(plan, weights.clone(), request).unwrap_or_else(|| move_all(weights, from, to));
            }
        }
    }
    finish(plan, change)
}

/// Whose weights are set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Of everything that has none of its own.
    Everything,
    /// Of a channel.
    Channel(Channel),
    /// Of an app, or of a destination on a channel.
    Scope(Scope),
}

impl From<Option<Channel>> for Part {
    fn from(channel: Option<Channel>) -> Part {
        channel.map_or(Part::Everything, Part::Channel)
    }
}

/// Sets the weights of a part of the traffic. None at all take its own away from a part that has some.
///
/// # Errors
/// When a region is unknown, a weight is too large, no active region would have one, or the part has no weights of its
/// own to take away.
pub fn set_weights(
    plan: &TrafficPlan,
    part: impl Into<Part>,
    weights: Weights,
    why: Why,
) -> Result<PlanChange, PlanError> {
    let mut change = begin(plan, why);
    let takes_away = weights.is_empty();
    let had = match part.into() {
        Part::Everything => {
            change.weights = weights;
            return finish(plan, change);
        }
        Part::Channel(channel) if takes_away => change.channel_weights.remove(&channel),
        Part::Channel(channel) => change.channel_weights.insert(channel, weights),
        Part::Scope(scope) => {
            // Who gives a destination weights, or takes them away, knows better than health does.
            let diverted = match &scope {
                Scope::Destination(channel, destination) => change.diverted.remove(&(*channel, destination.clone())),
                Scope::App(_) => None,
            };
            let own = if takes_away { change.scopes.remove(&scope) } else { change.scopes.insert(scope, weights) };
            own.or(diverted)
        }
    };
    if takes_away && had.is_none() { Err(PlanError::NothingOwn) } else { finish(plan, change) }
}

/// Freezes a part of the plan: from then on only persons change it.
///
/// # Errors
/// When it is frozen already, or a region that the plan doesn't have.
pub fn freeze(plan: &TrafficPlan, part: Frozen, why: Why) -> Result<PlanChange, PlanError> {
    let mut change = begin(plan, why);
    if !change.frozen.insert(part.clone()) {
        return Err(PlanError::AlreadyFrozen(part));
    }
    finish(plan, change)
}

/// Ends that a part of the plan is frozen.
///
/// # Errors
/// When it isn't.
pub fn unfreeze(plan: &TrafficPlan, part: Frozen, why: Why) -> Result<PlanChange, PlanError> {
    let mut change = begin(plan, why);
    if !change.frozen.remove(&part) {
        return Err(PlanError::NotFrozen(part));
    }
    finish(plan, change)
}

/// Takes a region out of service: it gets nothing new, and what waits in it moves. Its weights stay in the plan,
/// masked.
///
/// # Errors
/// When the region is unknown or evacuated already, or no active region would be left.
pub fn evacuate(plan: &TrafficPlan, region: &RegionId, why: Why) -> Result<PlanChange, PlanError> {
    require(plan, region, &[RegionState::Active, RegionState::Standby], "active or standby")?;
    let mut change = begin(plan, why);
    change.regions.insert(region.clone(), RegionState::Evacuated);
    finish(plan, change)
}

/// Takes an evacuated region back into service with the weights that it has: as an active one, or in warm standby as a
/// standby, which [`failback`] may then make the active one.
///
/// # Errors
/// When the region is unknown or not evacuated.
pub fn restore(plan: &TrafficPlan, region: &RegionId, why: Why) -> Result<PlanChange, PlanError> {
    require(plan, region, &[RegionState::Evacuated], "evacuated")?;
    let state = match plan.mode {
        Mode::ActiveActive => RegionState::Active,
        Mode::WarmStandby => RegionState::Standby,
    };
    let mut change = begin(plan, why);
    change.regions.insert(region.clone(), state);
    finish(plan, change)
}

/// Makes a standby region the active one in place of a region that is lost, which is evacuated and left with the
/// standby's small share for its return.
///
/// # Errors
/// When the plan isn't in warm standby, `from` isn't active or `to` isn't standby.
pub fn failover(plan: &TrafficPlan, from: &RegionId, to: &RegionId, why: Why) -> Result<PlanChange, PlanError> {
    exchange(plan, Leaving { region: from, left_as: RegionState::Evacuated }, to, why)
}

/// Exchanges the roles of two living regions of a warm standby: `from` becomes a standby and `to` the active one, with
/// the larger of their weights. To go back gradually, shift the difference in steps first.
///
/// # Errors
/// When the plan isn't in warm standby, `from` isn't active or `to` isn't standby.
pub fn failback(plan: &TrafficPlan, from: &RegionId, to: &RegionId, why: Why) -> Result<PlanChange, PlanError> {
    exchange(plan, Leaving { region: from, left_as: RegionState::Standby }, to, why)
}

/// The region that gives its role away, and what it is afterwards.
struct Leaving<'a> {
    region: &'a RegionId,
    left_as: RegionState,
}

fn exchange(plan: &TrafficPlan, leaving: Leaving<'_>, to: &RegionId, why: Why) -> Result<PlanChange, PlanError> {
    let Leaving { region: from, left_as } = leaving;
    if plan.mode != Mode::WarmStandby {
        return Err(PlanError::NotWarmStandby);
    }
    distinct(from, to)?;
    require(plan, from, &[RegionState::Active], "active")?;
    require(plan, to, &[RegionState::Standby], "standby")?;
    let mut change = begin(plan, why);
    change.regions.insert(from.clone(), left_as);
    change.regions.insert(to.clone(), RegionState::Active);
    // Weights that a person gave an app or a destination stay: the states mask them.
    for weights in std::iter::once(&mut change.weights).chain(change.channel_weights.values_mut()) {
        let of = |region: &RegionId| weights.get(region).copied().unwrap_or(0);
        let (larger, smaller) = (of(from).max(of(to)), of(from).min(of(to)));
        weights.insert(to.clone(), larger);
        weights.insert(from.clone(), smaller);
    }
    finish(plan, change)
}

/// Returns the weights after a shift; nothing when `from` has less than the share.
fn moved_weights(plan: &TrafficPlan, mut weights: Weights, request: &ShiftRequest) -> Option<Weights> {
    let share = u64::from(request.share_per_mille);
    let factor = 1_000 / greatest_common_divisor(counted_total(&plan.regions, &weights) * share, 1_000);
    let largest = weights.values().copied().max().unwrap_or(0);
    let gained = u64::from(largest) + counted_total(&plan.regions, &weights);
    if gained * factor <= u64::from(WEIGHT_MAX) {
        let factor = u32::try_from(factor).ok()?;
        weights.values_mut().for_each(|weight| *weight *= factor);
    }
    let delta = u32::try_from(counted_total(&plan.regions, &weights) * share / 1_000).ok()?;
    let left = counted_weight(&plan.regions, &weights, &request.from).checked_sub(delta)?;
    let gained = weights.get(&request.to).copied().unwrap_or(0).saturating_add(delta);
    weights.insert(request.from.clone(), left);
    weights.insert(request.to.clone(), gained);
    Some(weights)
}

fn move_all(weights: &Weights, from: &RegionId, to: &RegionId) -> Weights {
    let mut moved = weights.clone();
    let all = moved.insert(from.clone(), 0).unwrap_or(0);
    let gained = moved.entry(to.clone()).or_insert(0);
    *gained = gained.saturating_add(all);
    moved
}

pub(super) fn begin(plan: &TrafficPlan, why: Why) -> PlanChange {
    let mut change = plan.change(why.author, why.reason);
    change.evidence = why.evidence;
    change
}

pub(super) fn finish(plan: &TrafficPlan, change: PlanChange) -> Result<PlanChange, PlanError> {
    check(&change, Some(plan))?;
    Ok(change)
}

fn distinct(from: &RegionId, to: &RegionId) -> Result<(), PlanError> {
    if from == to { Err(PlanError::SameRegion(from.clone())) } else { Ok(()) }
}

fn require(
    plan: &TrafficPlan,
    region: &RegionId,
    states: &[RegionState],
    wanted: &'static str,
) -> Result<(), PlanError> {
    match plan.regions.get(region) {
        None => Err(PlanError::UnknownRegion(region.clone())),
        Some(found) if states.contains(found) => Ok(()),
        Some(found) => Err(PlanError::State { region: region.clone(), found: *found, wanted }),
    }
}

fn greatest_common_divisor(mut left: u64, mut right: u64) -> u64 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left.max(1)
}
