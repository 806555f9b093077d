//! The plans of the model: a region that is lost is evacuated, and comes back some time after.

use super::{EVACUATED_AFTER, HEARS_AFTER, Model, REGIONS, RESTORED_AFTER, loses};
use crate::history::{Fault, Line, Micros, PlanSeen, Readiness, Region};

/// How long a loss lasts at least for a plan that evacuates the region: what was routed to it before that plan finds it
/// still away.
const NOTICED_AFTER: Micros = EVACUATED_AFTER + 200_000;

/// From when each plan is in force, and whom it evacuates. The first has number 1.
pub struct Plans(Vec<(Micros, Vec<Region>)>);

impl Plans {
    pub fn new(faults: &[Fault]) -> Self {
        let mut plans = vec![(0, Vec::new())];
        let is_lost = |fault: &&Fault| loses(fault) && fault.ended_us - fault.begun_us > NOTICED_AFTER;
        for fault in faults.iter().filter(is_lost) {
            plans.push((fault.begun_us + EVACUATED_AFTER, vec![fault.region]));
            plans.push((fault.ended_us + RESTORED_AFTER, Vec::new()));
        }
        Plans(plans)
    }

    /// Returns the number of the plan that is in force at a time, and whom it evacuates.
    pub fn at(&self, at: Micros) -> (u64, &[Region]) {
        let count = self.0.iter().filter(|(from, _)| *from <= at).count();
        (count as u64, &self.0[count - 1].1)
    }
}

impl Model {
    /// Shows which listeners are ready: those that aren't lost.
    pub fn show_readiness(&mut self) {
        let lost: Vec<&Fault> = self.faults.iter().filter(|fault| loses(fault)).collect();
        let seen = |at_us, listener, ready| Readiness { at_us, listener, ready, said: String::new() };
        let at_first = (0..REGIONS).map(|listener| seen(0, listener, true));
        let changes = lost.iter().flat_map(|fault| {
            let (gone_us, back_us, listener) = (fault.begun_us + 150_000, fault.ended_us + HEARS_AFTER, fault.region);
            [seen(gone_us, listener, false), seen(back_us, listener, true)]
        });
        self.lines.extend(at_first.chain(changes).map(Line::Readiness));
    }

    pub fn show_plans(&mut self) {
        for listener in 0..REGIONS {
            for (epoch, (from, evacuated)) in (1..).zip(&self.plans.0) {
                let lag = 40_000 * listener as u64;
                let at_us = self.lost(listener, *from).map_or(from + lag, |fault| fault.ended_us + HEARS_AFTER);
                let (evacuated, text) = (evacuated.clone(), format!("equal shares, {epoch}"));
                self.lines.push(Line::Plan(PlanSeen { at_us, listener, epoch, evacuated, text }));
            }
        }
    }
}
