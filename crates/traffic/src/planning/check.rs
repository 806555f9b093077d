//! The rules that every plan obeys, whoever makes it.

use model::plan::{Frozen, PlanChange, RegionState, Scope, TrafficPlan, WEIGHT_MAX, Weights};
use model::{Channel, Destination, Epoch, RegionId};

/// The most characters of a reason.
pub const REASON_MAX: usize = 500;
/// The most entries of the evidence.
pub const EVIDENCE_MAX: usize = 64;
/// The most characters of a key or a value of the evidence.
pub const EVIDENCE_TEXT_MAX: usize = 500;
/// The most apps and destinations with weights of their own, and the most destinations of which something is diverted.
pub const SCOPES_MAX: usize = 64;
/// The most serving regions of a plan.
pub const REGIONS_MAX: usize = 32;

/// Says why a change of the plan is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub enum PlanError {
    /// Another plan is current.
    #[error("the current plan is epoch {current}, the change was made from epoch {parent}")]
    Stale {
        /// The epoch of the current plan; 0 when there is none.
        current: Epoch,
        /// The epoch that the change names.
        parent: Epoch,
    },
    /// The plan has no regions, or too many.
    #[error("a plan has 1 to {REGIONS_MAX} regions, found {0}")]
    Regions(usize),
    /// Somebody names a region that the plan doesn't have.
    #[error("{0} is no serving region of the plan")]
    UnknownRegion(RegionId),
    /// A weight is too large.
    #[error("the weight {weight} of {region} is over {WEIGHT_MAX}")]
    Weight { region: RegionId, weight: u32 },
    /// No region would be active and have a weight.
    #[error("no active region would have a weight, so nothing could be sent")]
    NoActiveRegion,
    /// A channel's own weights are all zero.
    #[error("the weights of the channel {0} are all zero")]
    NoWeight(Channel),
    /// A scope's own weights are all zero.
    #[error("the weights of {0} are all zero")]
    NoWeightIn(Scope),
    /// Weights are taken away where there are none.
    #[error("it has no weights of its own")]
    NothingOwn,
    /// Too many parts have their own weights, or too many destinations are diverted.
    #[error("at most {SCOPES_MAX} apps and destinations have weights of their own or are diverted, found {0}")]
    Scopes(usize),
    /// It is frozen already.
    #[error("{0} is frozen already")]
    AlreadyFrozen(Frozen),
    /// It isn't frozen.
    #[error("{0} is not frozen")]
    NotFrozen(Frozen),
    /// Nothing is diverted, or more than there is.
    #[error("what is diverted of {channel} to {destination} leaves regions 0 to 999 per mille")]
    Diverted { channel: Channel, destination: Destination },
    /// The reason is empty or too long.
    #[error("a reason has 1 to {REASON_MAX} characters, found {0}")]
    Reason(usize),
    /// There is too much evidence.
    #[error("the evidence has at most {EVIDENCE_MAX} entries of {EVIDENCE_TEXT_MAX} characters each")]
    Evidence,
    /// The region isn't in the state that the change begins from.
    #[error("{region} is {found}, and must be {wanted} for this change")]
    State {
        region: RegionId,
        /// Its state.
        found: RegionState,
        /// The states that would do.
        wanted: &'static str,
    },
    /// A change of roles in a plan whose regions all send.
    #[error("failover and failback need a plan in mode warm_standby; use evacuate and restore")]
    NotWarmStandby,
    /// Both regions of a change are the same.
    #[error("traffic can't move from {0} to itself")]
    SameRegion(RegionId),
    /// The share isn't one of 1 to 1,000 per mille.
    #[error("a shift moves 1 to 1000 per mille of the traffic, found {0}")]
    Share(u32),
    /// The region has less than what should leave it.
    #[error("{region} has {has_per_mille} per mille of the traffic, {wanted_per_mille} can't leave it")]
    ShareTooLarge {
        region: RegionId,
        /// What it has.
        has_per_mille: u32,
        /// What should leave it.
        wanted_per_mille: u32,
    },
}

/// Checks a change against the current plan, or against none when it is the first.
///
/// A channel's own weights may all belong to evacuated regions: nobody can send on it then, which the change's
/// description says, rather than keeping an operator from evacuating a region.
///
/// # Errors
/// The first rule that the change breaks.
pub fn check(change: &PlanChange, current: Option<&TrafficPlan>) -> Result<(), PlanError> {
    let current = current.map_or(Epoch(0), |plan| plan.epoch);
    if change.parent != current {
        return Err(PlanError::Stale { current, parent: change.parent });
    }
    if !(1..=REGIONS_MAX).contains(&change.regions.len()) {
        return Err(PlanError::Regions(change.regions.len()));
    }
    check_weights(change, &change.weights)?;
    for (channel, weights) in &change.channel_weights {
        check_weights(change, weights)?;
        if weights.values().all(|weight| *weight == 0) {
            return Err(PlanError::NoWeight(*channel));
        }
    }
    check_parts(change)?;
    let sends = |(region, state): (&RegionId, &RegionState)| {
        *state == RegionState::Active && change.weights.get(region).is_some_and(|weight| *weight > 0)
    };
    if !change.regions.iter().any(sends) {
        return Err(PlanError::NoActiveRegion);
    }
    check_words(change)
}

fn check_weights(change: &PlanChange, weights: &Weights) -> Result<(), PlanError> {
    for (region, weight) in weights {
        if !change.regions.contains_key(region) {
            return Err(PlanError::UnknownRegion(region.clone()));
        }
        if *weight > WEIGHT_MAX {
            return Err(PlanError::Weight { region: region.clone(), weight: *weight });
        }
    }
    Ok(())
}

fn check_parts(change: &PlanChange) -> Result<(), PlanError> {
    let parts = change.scopes.len().max(change.diverted.len());
    if parts > SCOPES_MAX {
        return Err(PlanError::Scopes(parts));
    }
    for (scope, weights) in &change.scopes {
        check_weights(change, weights)?;
        if weights.values().all(|weight| *weight == 0) {
            return Err(PlanError::NoWeightIn(scope.clone()));
        }
    }
    for part in &change.frozen {
        if let Frozen::Region(region) = part
            && !change.regions.contains_key(region)
        {
            return Err(PlanError::UnknownRegion(region.clone()));
        }
    }
    for ((channel, destination), shares) in &change.diverted {
        check_weights(change, shares)?;
        if shares.is_empty() || shares.values().any(|share| *share >= 1_000) {
            return Err(PlanError::Diverted { channel: *channel, destination: destination.clone() });
        }
    }
    Ok(())
}

fn check_words(change: &PlanChange) -> Result<(), PlanError> {
    let characters = change.reason.chars().count();
    if !(1..=REASON_MAX).contains(&characters) {
        return Err(PlanError::Reason(characters));
    }
    let too_long = |text: &String| text.chars().count() > EVIDENCE_TEXT_MAX;
    let long = change.evidence.iter().any(|(key, value)| too_long(key) || too_long(value));
    if long || change.evidence.len() > EVIDENCE_MAX { Err(PlanError::Evidence) } else { Ok(()) }
}
