//! Rules that a change by hand keeps unless a person names the rule that it may break.

use std::collections::BTreeMap;

use model::RegionId;
use model::plan::{PlanChange, RegionState, TrafficPlan};

/// A rule that a person may override by naming it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Override {
    /// At least two regions stay able to send: with one left nothing can take over.
    LastRegions,
}

/// Says that a change breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this would leave one region to send; to do it nevertheless, override the rule {:?}", .0.as_str())]
pub struct RuleBroken(pub Override);

impl Override {
    /// Returns the rule's name, as refusals and requests have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Override::LastRegions => "last_regions",
        }
    }

    /// Returns the rule of a name.
    pub fn parse(name: &str) -> Option<Override> {
        [Override::LastRegions].into_iter().find(|rule| rule.as_str() == name)
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
        return Err(RuleBroken(Override::LastRegions));
    }
    Ok(())
}
