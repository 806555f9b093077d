//! What the cluster does by itself about a lost region, within the rules that an operator set.

use model::plan::{Author, PlanChange, RegionState};

use super::situation::{Freeze, SafetyRules, Situation, allowed, has_stand_in, living, note_lost, replace};
use super::verdict::Verdict;
use crate::planning::{Why, recall};

/// Returns the change that answers the verdicts, for the first lost region that is still in service and that the rules
/// let go; nothing when there is none. One change at a time: the next is decided from the plan that this one becomes.
///
/// A lost region is evacuated, however often that has happened lately. In warm standby, when it is the only active one,
/// the standby region with the largest weight that is neither lost nor unable to send becomes active in its place. When
/// nobody else could send at all, the regions that were evacuated earlier and could come back, unless they are frozen:
/// sending from a region that somebody took out is better than not sending.
pub fn decide(situation: &Situation<'_>, rules: &SafetyRules) -> Option<PlanChange> {
    let rules = &rules.under(situation.plan);
    if rules.frozen == Freeze::Everything {
        return None;
    }
    situation.verdicts.iter().find_map(|verdict| answer(situation, rules, verdict))
}

fn answer(situation: &Situation<'_>, rules: &SafetyRules, verdict: &Verdict) -> Option<PlanChange> {
    let plan = situation.plan;
    if plan.state_of(&verdict.region) == RegionState::Evacuated || rules.frozen.covers(&verdict.region) {
        return None;
    }
    let mut why = Why {
        author: Author::Automatic,
        reason: format!("{} is lost: a majority of the regions sees none of its nodes", verdict.region),
        evidence: verdict.evidence.clone(),
    };
    note_lost(&mut why, plan, &verdict.region);
    if has_stand_in(situation, rules, &verdict.region) {
        return replace(situation, rules, &verdict.region, why);
    }
    let returning = living(situation, RegionState::Evacuated)
        .filter(|region| !rules.frozen.covers(region) && situation.readiness.can_stand_in(region));
    allowed(situation, rules, recall(plan, &verdict.region, returning, why))
}
