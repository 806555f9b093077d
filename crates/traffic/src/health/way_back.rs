//! What brings traffic back to a region, or to a destination from it, step by step; and what takes it away again.

use super::course::{Course, Stage, Watched};
use super::judgement::{Advice, Illness, Judgement, Part};
use super::region_state::RegionState;
use super::score::Score;
use super::setup::Setup;

impl RegionState {
    /// Takes a second of a region that was left into its evidence, and says whether it goes a step on its way.
    pub(crate) fn recover(&mut self, tick: u64, setup: &Setup) -> Option<Judgement> {
        let settings = &setup.settings;
        let heard = self.is_heard(setup);
        let trials = self.trials.of(self.course.recovery.signal);
        let second = Watched { tick, settings, baselines: &setup.baselines, region: self.region, trials };
        let ramping = matches!(self.course.stage, Stage::Ramping { .. });
        let counting = (0..setup.extent.destinations).filter(|destination| !self.aside[*destination]);
        self.course.recovery.add(&second, counting, ramping);
        let well = self.course.recovery.is_well(settings);
        match self.course.stage {
            Stage::Serving => None,
            Stage::Probing if self.course.recovery.is_over(tick) && (well || !settings.probes) && heard => {
                self.forget();
                self.judge_from(tick);
                Some(self.return_to(tick, setup, 0))
            }
            Stage::Probing => None,
            Stage::Ramping { .. } if !heard || self.looks_ill_again(setup) => Some(self.relapse(tick, setup)),
            Stage::Ramping { step, since } => {
                (tick - since >= settings.step_seconds && well).then(|| self.return_to(tick, setup, step + 1))
            }
        }
    }

    /// A region on its way back looks ill again sooner than one that has all its traffic, but not for what one
    /// destination does.
    fn looks_ill_again(&self, setup: &Setup) -> bool {
        let (settings, baselines) = (&setup.settings, &setup.baselines);
        let without_worst = |score: &Score| score.least_without_destination(baselines, settings);
        self.scores.moving().any(|score| without_worst(score) >= settings.threshold / 2.0)
    }

    /// The same for the destinations that were moved away alone; these come back in one step.
    pub(crate) fn recover_destinations(&mut self, tick: u64, setup: &Setup) -> Vec<Judgement> {
        let settings = &setup.settings;
        let mut back = Vec::new();
        for (destination, moved) in self.moved.iter_mut().enumerate() {
            let Some(recovery) = moved else { continue };
            let trials = self.trials.of(recovery.signal);
            let second = Watched { tick, settings, baselines: &setup.baselines, region: self.region, trials };
            recovery.add(&second, std::iter::once(destination), false);
            if recovery.is_over(tick) && (recovery.is_well(settings) || !settings.probes) {
                *moved = None;
                self.scores.clear_destination(destination);
                back.push(destination);
            }
        }
        if !back.is_empty() {
            // Events of what was sent before are not missed, and nothing of it is late.
            self.forget_sent(tick);
        }
        let returned = |destination: usize| {
            let (region, label) = (&setup.labels.regions[self.region], &setup.labels.destinations[destination]);
            let why = if settings.probes { "probes are well" } else { "its time away is over, and nothing probes it" };
            let evidence = format!("{region} to {label}: {why}");
            self.judgement(tick, Part::Destination(destination), Advice::Return { weight: 1.0 }, evidence)
        };
        back.into_iter().map(returned).collect()
    }

    fn return_to(&mut self, tick: u64, setup: &Setup, step: usize) -> Judgement {
        self.course.stage = Stage::Ramping { step, since: tick };
        self.course.recovery.restart();
        let weight = self.weight(setup);
        if weight >= 1.0 {
            self.course = Course::serving();
            self.forget();
        }
        let label = &setup.labels.regions[self.region];
        let why = match step {
            0 if !setup.settings.probes => "its time away is over, and nothing probes it",
            _ => "probes and what it has are well",
        };
        let evidence = format!("{label}: {why}; it gets {:.0} % of its traffic", 100.0 * weight);
        self.judgement(tick, Part::Whole, Advice::Return { weight }, evidence)
    }

    fn relapse(&mut self, tick: u64, setup: &Setup) -> Judgement {
        let weight = self.weight(setup);
        let evidence =
            format!("{}: ill again at {:.0} % of its traffic", setup.labels.regions[self.region], 100.0 * weight);
        self.forget();
        // How much fails isn't known yet; half is what it must be better than to come back.
        let illness = Illness { cause: self.course.cause, failing: 0.5 };
        self.leave(tick, setup, illness, evidence)
    }

    pub(crate) fn weight(&self, setup: &Setup) -> f64 {
        self.course.weight(&setup.settings, setup.baselines.normal_rates[self.region])
    }
}
