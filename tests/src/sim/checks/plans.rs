//! P5: one plan.

use std::collections::BTreeMap;

use model::TrafficPlan;
use model::id::{Epoch, MessageId, RegionId};
use model::plan::RegionState;

use super::evidence::{Evidence, TIME_OFF_MS};
use crate::sim::faults::Tick;
use crate::sim::operations::Answered;
use crate::sim::{layout, world};

/// P5: plans form one line, numbered without gaps, each naming the one before as its parent, and all replicas have the
/// same.
pub fn plans_form_one_line(evidence: &Evidence<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut first = None;
    for (region, replica) in evidence.replicas {
        for (number, plan) in (1..).zip(&replica.plans) {
            if plan.epoch != Epoch(number) || plan.parent.next() != plan.epoch {
                found.push(format!("{region} has plan {} with parent {} as number {number}", plan.epoch, plan.parent));
            }
        }
        let plans = first.get_or_insert(&replica.plans);
        if **plans != replica.plans {
            found.push(format!("{region} has other plans than the first region"));
        }
    }
    found
}

/// P5: a region that a plan took out begins to hand nothing over once the plan was acknowledged to whoever asked, until
/// a later plan takes it in again.
pub fn an_evacuated_region_begins_nothing(evidence: &Evidence<'_>) -> Vec<String> {
    let Some(plans) = evidence.replicas.values().map(|replica| &replica.plans).max_by_key(|plans| plans.len()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for operation in &evidence.records.operations {
        let Some((at, Answered::Planned(epoch))) = &operation.answer else { continue };
        for region in plans.iter().find(|plan| plan.epoch == *epoch).into_iter().flat_map(evacuated) {
            let later = plans.iter().filter(|plan| plan.epoch > *epoch);
            let back = later.into_iter().find(|plan| !evacuated(plan).any(|out| out == region));
            let until = back.map_or(Tick::MAX, |plan| world::tick_of(plan.time).saturating_sub(TIME_OFF_MS));
            let mut dispatches = evidence.records.dispatches.iter();
            let begun = dispatches.find(|dispatch| {
                layout::region(dispatch.node) == *region && *at < dispatch.from && dispatch.from < until
            });
            found.extend(begun.map(|dispatch| {
                let (message, from) = (dispatch.message, dispatch.from);
                format!(
                    "{region} began to dispatch {message} at {from} ms, out by plan {epoch}, acknowledged at {at} ms"
                )
            }));
        }
    }
    found
}

/// Returns the regions that a plan takes out.
fn evacuated(plan: &TrafficPlan) -> impl Iterator<Item = &RegionId> {
    plan.regions.iter().filter(|(_, state)| **state == RegionState::Evacuated).map(|(region, _)| region)
}

/// P5: whoever hands a message over later acts on the same plan or a later one.
pub fn epochs_of_a_message_never_regress(evidence: &Evidence<'_>) -> Vec<String> {
    let mut last: BTreeMap<MessageId, Epoch> = BTreeMap::new();
    let mut found = Vec::new();
    for dispatch in &evidence.records.dispatches {
        let last = last.entry(dispatch.message).or_insert(dispatch.epoch);
        if dispatch.epoch < *last {
            let (message, node) = (dispatch.message, layout::name(dispatch.node));
            found.push(format!("{node} dispatched {message} under plan {} after {last}", dispatch.epoch));
        }
        *last = (*last).max(dispatch.epoch);
    }
    found
}

#[cfg(test)]
#[path = "plans_tests.rs"]
mod tests;
