//! P5: one plan.
//!
//! What a listener shows is committed. Every partition adopts it a little later, one after the other, and nobody
//! outside sees when; so a plan counts as having taken over only after a time without faults in which that is certain.

use std::collections::{BTreeMap, BTreeSet};

use super::index::Index;
use super::report::{Check, Promise, Seen};
use super::words::seconds;
use crate::history::{Arrival, Micros, PlanSeen, Region};

/// How long after a plan was first shown every partition has adopted it and every sender knows, or has no lease any
/// more, when no fault begins or ends meanwhile: an election and a lapse (2.4 s at 80 ms), and the carrying of the plan
/// to partitions that the leader of the control group doesn't reach, which is tried every 400 ms. Three times as long.
const TAKEOVER_US: Micros = 10_000_000;

/// A later arrival doesn't go by an earlier plan. Two that are closer than the longest flight may have overtaken each
/// other on their way.
pub const EPOCHS_OF_A_MESSAGE_NEVER_FALL: Check = Check {
    name: "p5_epochs_of_a_message_never_fall",
    promise: Promise::P5,
    title: "A message that is sent again is sent by the same traffic plan or a later one",
    of: "messages that arrived more than once",
    look: epochs_of_a_message_never_fall,
};

/// All listeners show the same under one number, at all times.
pub const ONE_TEXT_PER_PLAN: Check = Check {
    name: "p5_one_text_per_plan",
    promise: Promise::P5,
    title: "All regions show the same traffic plan under the same number",
    of: "sights of a plan",
    look: one_text_per_plan,
};

/// A listener doesn't show an earlier plan after a later one. A node that was killed may, as far as its log is not yet
/// known to be committed.
pub const LISTENERS_NEVER_GO_BACK: Check = Check {
    name: "p5_listeners_never_go_back",
    promise: Promise::P5,
    title: "No region goes back to an earlier traffic plan, unless it was restarted",
    of: "sights of a plan",
    look: listeners_never_go_back,
};

/// Nothing arrives by an earlier plan once a later one has certainly taken over.
pub const LATER_PLANS_TAKE_OVER: Check = Check {
    name: "p5_later_plans_take_over",
    promise: Promise::P5,
    title: "Once a traffic plan has taken over, nothing is sent by an earlier one",
    of: "arrivals after a plan took over",
    look: later_plans_take_over,
};

/// A region that goes by a plan which evacuates it has nothing to send. This needs no allowance: the arrival itself
/// names the plan. Together with [`LATER_PLANS_TAKE_OVER`] it says that an evacuated region begins nothing.
pub const EVACUATED_REGIONS_SEND_NOTHING: Check = Check {
    name: "p5_evacuated_regions_send_nothing",
    promise: Promise::P5,
    title: "A region that the traffic plan takes out sends nothing under it",
    of: "arrivals while a region was taken out",
    look: evacuated_regions_send_nothing,
};

fn epochs_of_a_message_never_fall(index: &Index<'_>) -> Seen {
    let (mut seen, flight_us) = (Seen::default(), index.history.setting.flight_max_us);
    for (message, arrivals) in index.arrivals.iter().filter(|(_, arrivals)| arrivals.len() > 1) {
        seen.looked_at += 1;
        for (place, arrival) in arrivals.iter().enumerate() {
            let earlier = arrivals[..place].iter().filter(|earlier| earlier.at_us + flight_us < arrival.at_us);
            let Some(highest) = earlier.max_by_key(|earlier| earlier.epoch).filter(|high| high.epoch > arrival.epoch)
            else {
                continue;
            };
            let found = format!("{message}: {}, after {}", tell(index, arrival), tell(index, highest));
            judge(index, &mut seen, arrival, highest.at_us, found);
        }
    }
    seen
}

fn one_text_per_plan(index: &Index<'_>) -> Seen {
    let mut seen = Seen { looked_at: index.history.plans.len() as u64, ..Seen::default() };
    let mut first: BTreeMap<u64, &PlanSeen> = BTreeMap::new();
    for plan in &index.history.plans {
        let first = first.entry(plan.epoch).or_insert(plan);
        if evacuated(first) != evacuated(plan) || first.text != plan.text {
            let (one, at) = (index.name(first.listener), seconds(first.at_us));
            let (other, later) = (index.name(plan.listener), seconds(plan.at_us));
            let epoch = plan.epoch;
            seen.violations
                .push(format!("Plan {epoch} is one thing in {one} at {at} and another in {other} at {later}."));
        }
    }
    seen
}

fn listeners_never_go_back(index: &Index<'_>) -> Seen {
    let mut seen = Seen::default();
    let mut highest: BTreeMap<Region, &PlanSeen> = BTreeMap::new();
    for plan in &index.history.plans {
        seen.looked_at += 1;
        let before = highest.entry(plan.listener).or_insert(plan);
        let mut stops = index.history.faults.iter().filter(|fault| fault.stops() && fault.region == plan.listener);
        let stopped = stops.any(|fault| before.at_us <= fault.ended_us && fault.begun_us <= plan.at_us);
        if stopped || plan.epoch >= before.epoch {
            *before = plan;
            continue;
        }
        let (listener, at, earlier) = (index.name(plan.listener), seconds(plan.at_us), seconds(before.at_us));
        let (back, epoch) = (plan.epoch, before.epoch);
        seen.violations
            .push(format!("{listener} showed plan {back} at {at}, and had shown plan {epoch} at {earlier}."));
    }
    seen
}

fn later_plans_take_over(index: &Index<'_>) -> Seen {
    let (mut seen, taken_over) = (Seen::default(), taken_over(index));
    let flight_us = index.history.setting.flight_max_us;
    for arrival in &index.history.arrivals {
        let over = taken_over.iter().filter(|(_, at_us)| *at_us + flight_us < arrival.at_us);
        let Some((epoch, at_us)) = over.max_by_key(|(epoch, _)| *epoch) else { continue };
        seen.looked_at += 1;
        if arrival.epoch < *epoch {
            let (message, told, at) = (&arrival.message, tell(index, arrival), seconds(*at_us));
            let found = format!("{message}: {told}, though plan {epoch} had taken over by {at}");
            judge(index, &mut seen, arrival, *at_us, found);
        }
    }
    seen
}

fn evacuated_regions_send_nothing(index: &Index<'_>) -> Seen {
    let mut seen = Seen::default();
    let plans: BTreeMap<u64, &PlanSeen> = index.history.plans.iter().map(|plan| (plan.epoch, plan)).collect();
    for arrival in &index.history.arrivals {
        let plan = plans.get(&arrival.epoch).filter(|plan| !plan.evacuated.is_empty());
        let Some(plan) = plan else { continue };
        seen.looked_at += 1;
        if plan.evacuated.contains(&arrival.region) {
            let (message, told) = (&arrival.message, tell(index, arrival));
            seen.violations.push(format!("{message}: {told}, which takes that region out."));
        }
    }
    seen
}

/// Returns when each plan that was shown had certainly taken over.
fn taken_over(index: &Index<'_>) -> Vec<(u64, Micros)> {
    let mut first: BTreeMap<u64, Micros> = BTreeMap::new();
    for plan in &index.history.plans {
        first.entry(plan.epoch).or_insert(plan.at_us);
    }
    first.into_iter().map(|(epoch, at_us)| (epoch, index.done_by(at_us, TAKEOVER_US, TAKEOVER_US))).collect()
}

/// Adds a violation, or an excuse when the sender was paused and may have begun before a time.
fn judge(index: &Index<'_>, seen: &mut Seen, arrival: &Arrival, begun_by_us: Micros, found: String) {
    if index.may_be_frozen(arrival.region, begun_by_us, arrival.at_us) {
        let region = index.name(arrival.region);
        seen.excused.push(format!("{found}; {region} was paused meanwhile, and may have begun to send it before."));
    } else {
        seen.violations.push(format!("{found}."));
    }
}

fn evacuated(plan: &PlanSeen) -> BTreeSet<Region> {
    plan.evacuated.iter().copied().collect()
}

fn tell(index: &Index<'_>, arrival: &Arrival) -> String {
    let (region, at) = (index.name(arrival.region), seconds(arrival.at_us));
    format!("{region} sent it at {at} by plan {}", arrival.epoch)
}
