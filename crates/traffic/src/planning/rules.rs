//! Rules that a change by hand keeps unless a person names the rule that it may break.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use model::RegionId;
use model::plan::{PlanChange, RegionState, Scope, Shares, TrafficPlan, Weights};

use super::difference::{counted_total, counted_weight};
use crate::readiness::{NotReady, RegionReadiness};

/// What stands before the region in the name of the rule [`Override::NotReady`].
const NOT_READY: &str = "not_ready:";

/// A rule that a person may override by naming it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Override {
    /// At least two regions stay able to send: with one left nothing can take over.
    LastRegions,
    /// This region gets traffic only while it is ready.
    NotReady(RegionId),
}

/// Says that a change breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleBroken {
    /// One region would be left.
    #[error("this would leave one region to send; to do it nevertheless, override the rule {:?}", self.rule().to_string())]
    LastRegions,
    /// A region that isn't ready would get traffic, or would be all that is left.
    #[error("{region} is not ready for traffic: {why}; to do it nevertheless, override the rule {:?}", self.rule().to_string())]
    NotReady {
        /// The region.
        region: RegionId,
        /// What it lacks.
        why: NotReady,
    },
}

impl RuleBroken {
    /// Returns the rule to name.
    pub fn rule(&self) -> Override {
        match self {
            RuleBroken::LastRegions => Override::LastRegions,
            RuleBroken::NotReady { region, .. } => Override::NotReady(region.clone()),
        }
    }
}

impl Override {
    /// Returns the rule of a name, as refusals have it: `last_regions`, or `not_ready:` and a region.
    pub fn parse(name: &str) -> Option<Override> {
        match name.strip_prefix(NOT_READY) {
            Some(region) => RegionId::new(region).ok().map(Override::NotReady),
            None => (name == Override::LastRegions.to_string()).then_some(Override::LastRegions),
        }
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Override::LastRegions => f.write_str("last_regions"),
            Override::NotReady(region) => write!(f, "{NOT_READY}{region}"),
        }
    }
}

/// Checks that a change doesn't leave one region alone where there were more.
///
/// # Errors
/// When it does.
pub fn keeps_two_regions(before: &TrafficPlan, after: &PlanChange) -> Result<(), RuleBroken> {
    let able = |regions: &BTreeMap<RegionId, RegionState>| {
        regions.values().filter(|state| **state != RegionState::Evacuated).count()
    };
    if able(&after.regions) < 2 && able(&after.regions) < able(&before.regions) {
        return Err(RuleBroken::LastRegions);
    }
    Ok(())
}

/// Checks that a change gives traffic to no region that isn't ready, and leaves some region that can send. Returns the
/// regions of which that was overridden, with what they lack.
///
/// What a region gets because another one is taken out is not given to it: taking out what is lost or ill must not wait
/// for the others.
///
/// # Errors
/// For the first region by name that isn't ready and whose rule isn't overridden.
pub fn gives_only_to_ready(
    before: &TrafficPlan,
    after: &PlanChange,
    readiness: &RegionReadiness,
    overrides: &BTreeSet<Override>,
) -> Result<BTreeMap<RegionId, NotReady>, RuleBroken> {
    let mut given = gaining(before, after);
    if !counted(after).any(|region| readiness.can_stand_in(region)) {
        given.extend(counted(after));
    }
    let mut overridden = BTreeMap::new();
    for region in given {
        let Some(why) = readiness.why_not(region) else { continue };
        if !overrides.contains(&Override::NotReady(region.clone())) {
            return Err(RuleBroken::NotReady { region: region.clone(), why });
        }
        overridden.insert(region.clone(), why);
    }
    Ok(overridden)
}

/// Names the regions whose share of some channel grows among those that stay in service.
pub fn gaining<'a>(before: &TrafficPlan, after: &'a PlanChange) -> BTreeSet<&'a RegionId> {
    // As if those that the change takes out had been out before.
    let mut stayed = before.regions.clone();
    stayed.retain(|region, _| after.regions.get(region).is_some_and(|state| *state != RegionState::Evacuated));
    let own = after.channel_weights.keys().chain(before.channel_weights.keys());
    let of_channels = own.map(|channel| (before.weights_of(*channel), after.weights_of(*channel)));
    let scopes = after.scopes.keys().chain(before.scopes.keys());
    let of_scopes = scopes.map(|scope| (before.weights_in(scope), after.weights_in(scope)));
    let mut gaining = given_back(before, after);
    for (old, new) in std::iter::once((&before.weights, &after.weights)).chain(of_channels).chain(of_scopes) {
        let share = |regions, weights: &Weights, region: &RegionId| {
            (u128::from(counted_weight(regions, weights, region)), u128::from(counted_total(regions, weights)))
        };
        gaining.extend(after.regions.keys().filter(|region| {
            let (had, had_of) = share(&stayed, old, region);
            let (has, has_of) = share(&after.regions, new, region);
            has * had_of > had * has_of || has > 0 && had_of == 0
        }));
    }
    gaining
}

/// Names the regions that get back some of what was diverted from them.
fn given_back<'a>(before: &TrafficPlan, after: &'a PlanChange) -> BTreeSet<&'a RegionId> {
    let gets_back = |region: &&RegionId| {
        before.diverted.iter().any(|(part, shares)| {
            let share = |shares: &Shares| shares.get(*region).copied().unwrap_or(1_000);
            let has = after.diverted.get(part).map_or(1_000, share);
            let weights = after.weights_in(&Scope::Destination(part.0, part.1.clone()));
            has > share(shares) && counted_weight(&after.regions, weights, region) > 0
        })
    };
    let serves = |(_, state): &(&RegionId, &RegionState)| **state != RegionState::Evacuated;
    after.regions.iter().filter(serves).map(|(region, _)| region).filter(gets_back).collect()
}

fn counted(change: &PlanChange) -> impl Iterator<Item = &RegionId> {
    change.regions.keys().filter(|region| counted_weight(&change.regions, &change.weights, region) > 0)
}
