//! The detector of one channel: a state machine that is given the counts of each second and says what is to be done.
//!
//! In: what each region counted in a second (sends, errors, throttled, rejected, events, late messages) by destination
//! and app, and who heard whom. Out: judgements, in the order of the regions. It knows no clock, makes no draw and asks
//! nothing: the same seconds give the same judgements. It takes its own advice for followed: a region that it said to
//! leave is one that has only probes.
//!
//! What must always hold: no region is left while no other is a target that looks well; what fails the same elsewhere,
//! for one destination only, or for one app only, moves no region; a part that was moved comes back only after its hold
//! and only on evidence; a second without counts changes nothing.

use std::collections::BTreeMap;

use super::baselines::{Baselines, BaselinesError, Extent};
use super::course::{Course, Recovery, Shifts, Stage, Watched};
use super::delays::Sent;
use super::destination::{self, Downstream};
use super::judgement::{Advice, Cause, Illness, Judgement, Labels, Opinion, Part};
use super::region;
use super::scores::{RegionSecond, Scores, Weighings};
use super::settings::{HealthSettings, HealthSettingsError};
use super::silence::Silence;
use super::trials::{Counted, Trials};
use super::view::View;

/// The detector of one channel in all regions.
#[derive(Debug, Clone)]
pub struct Detector {
    settings: HealthSettings,
    extent: Extent,
    labels: Labels,
    baselines: Baselines,
    regions: Vec<RegionState>,
    scores: Vec<Scores>,
    downstream: Downstream,
    /// When what was last told: so often and no more.
    noted: BTreeMap<(usize, Part, Note), u64>,
}

/// Why a detector can't be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DetectorError {
    #[error(transparent)]
    Settings(#[from] HealthSettingsError),
    #[error(transparent)]
    Baselines(#[from] BaselinesError),
}

/// What is told so often and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Note {
    Shed,
    Hold(super::judgement::Restraint),
}

/// What is known of the channel in one region, beside its scores.
#[derive(Debug, Clone)]
struct RegionState {
    weighings: Weighings,
    sent: Sent,
    trials: Trials,
    silence: Silence,
    course: Course,
    shifts: Shifts,
    /// The destinations that were moved away alone.
    moved: Vec<Option<Recovery>>,
    /// Messages that were accepted before are not judged as late.
    judged_from: u64,
}

impl Detector {
    /// Makes a detector for as many regions, destinations and apps as have labels, and so many observers of each
    /// region.
    ///
    /// # Errors
    ///
    /// When settings can't be used, or baselines don't have a value for everything.
    pub fn new(
        settings: HealthSettings,
        labels: Labels,
        baselines: Baselines,
        observers: usize,
    ) -> Result<Detector, DetectorError> {
        let extent =
            Extent { regions: labels.regions.len(), destinations: labels.destinations.len(), apps: labels.apps.len() };
        settings.check()?;
        baselines.check(extent)?;
        let region = |region| RegionState {
            weighings: Weighings::new(&baselines, region, extent.destinations),
            sent: Sent::new(extent.cells()),
            trials: Trials::new(extent),
            silence: Silence::new(observers),
            course: Course::serving(),
            shifts: Shifts::default(),
            moved: vec![None; extent.destinations],
            judged_from: 0,
        };
        Ok(Detector {
            extent,
            regions: (0..extent.regions).map(region).collect(),
            scores: vec![Scores::new(extent, &settings); extent.regions],
            downstream: Downstream::new(extent.destinations),
            noted: BTreeMap::new(),
            settings,
            labels,
            baselines,
        })
    }

    /// Takes over newly learned baselines.
    ///
    /// # Errors
    ///
    /// When they don't have a value for everything; the old ones stay.
    pub fn set_baselines(&mut self, baselines: Baselines) -> Result<(), BaselinesError> {
        baselines.check(self.extent)?;
        for (region, state) in self.regions.iter_mut().enumerate() {
            state.weighings = Weighings::new(&baselines, region, self.extent.destinations);
        }
        self.baselines = baselines;
        Ok(())
    }

    /// Takes over the second `tick`: what was counted, in any order, and for each region who heard it. Seconds come one
    /// after the other; those that are left out had nothing.
    ///
    /// # Panics
    ///
    /// When a count names a region, destination or app that has no label, or a region has no list of who heard it.
    pub fn step(&mut self, tick: u64, counted: &[Counted], heard: &[Vec<bool>]) -> Vec<Judgement> {
        self.count(tick, counted);
        for (region, state) in self.regions.iter_mut().enumerate() {
            state.silence.add(&heard[region], &self.settings);
            let moved: Vec<bool> = state.moved.iter().map(Option::is_some).collect();
            let (trials, weighings) = (&state.trials, &state.weighings);
            self.scores[region].add(&RegionSecond { tick, trials, weighings, moved: &moved });
        }
        for region in 0..self.extent.regions {
            for target in self.targets(region) {
                self.scores[region].add_elsewhere(target, &self.regions[target].trials);
            }
        }
        let mut judgements = Vec::new();
        for region in 0..self.extent.regions {
            match self.regions[region].course.stage {
                Stage::Serving => self.judge(tick, region, &mut judgements),
                Stage::Probing | Stage::Ramping { .. } => judgements.extend(self.recover(tick, region)),
            }
            self.recover_destinations(tick, region, &mut judgements);
        }
        judgements
    }

    fn count(&mut self, tick: u64, counted: &[Counted]) {
        for state in &mut self.regions {
            state.trials.clear();
        }
        for Counted { region, destination, app, counts } in counted {
            assert!(*destination < self.extent.destinations && *app < self.extent.apps, "a cell without a label");
            let cell = destination * self.extent.apps + app;
            let state = &mut self.regions[*region];
            state.trials.add(cell, counts);
            state.sent.add(cell, counts.accepted());
        }
        for state in &mut self.regions {
            state.sent.close(tick);
            let oldest = tick.checked_sub(self.baselines.late_after as u64);
            let judges_late = oldest.is_some_and(|oldest| oldest >= state.judged_from);
            state.trials.close(&state.sent, &self.baselines, self.extent, judges_late);
        }
    }

    /// The regions that traffic of this one could move to.
    fn targets(&self, region: usize) -> Vec<usize> {
        let is_target = |other: &usize| {
            let RegionState { course, silence, .. } = &self.regions[*other];
            *other != region && course.stage == Stage::Serving && silence.score() < self.settings.threshold / 3.0
        };
        (0..self.extent.regions).filter(is_target).collect()
    }

    fn judge(&mut self, tick: u64, region: usize, judgements: &mut Vec<Judgement>) {
        let targets = self.targets(region);
        let silence = self.regions[region].silence.score();
        if silence >= self.settings.threshold && !targets.is_empty() {
            let evidence = format!(
                "{}: heartbeats are missing for at least two observers (score {silence:.1} of {:.0} needed)",
                self.labels.regions[region], self.settings.threshold
            );
            let illness = Illness { cause: Cause::Silence, failing: 1.0 };
            judgements.push(self.leave(tick, region, illness, evidence));
            return;
        }
        let moved: Vec<bool> = self.regions[region].moved.iter().map(Option::is_some).collect();
        let view = View {
            tick,
            settings: &self.settings,
            extent: self.extent,
            baselines: &self.baselines,
            labels: &self.labels,
            weighings: &self.regions[region].weighings,
            scores: &self.scores,
            region,
            targets,
            moved: &moved,
        };
        let mut opinions = region::judge(&view);
        if !opinions.iter().any(|opinion| matches!(opinion, Opinion::Ill { .. })) {
            opinions.extend(destination::judge(&view, &mut self.downstream));
        }
        for opinion in opinions {
            judgements.extend(self.follow(tick, region, opinion));
        }
    }

    /// Makes a judgement of an opinion; nothing when the same was told a short time ago.
    fn follow(&mut self, tick: u64, region: usize, opinion: Opinion) -> Option<Judgement> {
        let (part, advice, evidence) = match opinion {
            Opinion::Ill { part: Part::Whole, illness, evidence } => {
                return Some(self.leave(tick, region, illness, evidence));
            }
            Opinion::Ill { part: Part::Destination(destination), illness, evidence } => {
                let state = &mut self.regions[region];
                let stay = state.shifts.add(tick, &self.settings);
                state.moved[destination] = Some(Recovery::new(illness, stay));
                (Part::Destination(destination), Advice::Shift { hold: stay.hold }, evidence)
            }
            Opinion::Note { part, advice, evidence } => {
                let note = match advice {
                    Advice::Hold(restraint) => Note::Hold(restraint),
                    Advice::Shed { .. } | Advice::Shift { .. } | Advice::Return { .. } => Note::Shed,
                };
                let told = self.noted.get(&(region, part, note));
                if told.is_some_and(|told| tick - told < self.settings.note_seconds) {
                    return None;
                }
                self.noted.insert((region, part, note), tick);
                (part, advice, evidence)
            }
        };
        Some(Judgement { tick, region, part, advice, evidence })
    }

    fn leave(&mut self, tick: u64, region: usize, illness: Illness, evidence: String) -> Judgement {
        let state = &mut self.regions[region];
        let stay = state.shifts.add(tick, &self.settings);
        state.course.leave(illness, stay);
        Judgement { tick, region, part: Part::Whole, advice: Advice::Shift { hold: stay.hold }, evidence }
    }

    fn recover(&mut self, tick: u64, region: usize) -> Option<Judgement> {
        let settings = &self.settings;
        let state = &mut self.regions[region];
        let ramping = matches!(state.course.stage, Stage::Ramping { .. });
        let trials = state.trials.of(state.course.recovery.signal);
        let second = Watched { tick, settings, baselines: &self.baselines, region, trials };
        state.course.recovery.add(&second, 0..self.extent.destinations, ramping);
        let heard = state.silence.score() < settings.threshold / 3.0;
        let step = match state.course.stage {
            Stage::Serving => return None,
            Stage::Probing => {
                let recovery = &state.course.recovery;
                if !(recovery.is_over(tick) && recovery.is_well(settings) && heard) {
                    return None;
                }
                self.forget(region);
                self.regions[region].judged_from = tick;
                0
            }
            Stage::Ramping { .. } if !heard || self.scores[region].highest() >= settings.threshold / 2.0 => {
                return Some(self.relapse(tick, region));
            }
            Stage::Ramping { step, since } => {
                if tick - since < settings.step_seconds || !state.course.recovery.is_well(settings) {
                    return None;
                }
                step + 1
            }
        };
        Some(self.return_to(tick, region, step))
    }

    fn return_to(&mut self, tick: u64, region: usize, step: usize) -> Judgement {
        let course = &mut self.regions[region].course;
        course.stage = Stage::Ramping { step, since: tick };
        course.recovery.restart();
        let weight = course.weight(&self.settings, self.baselines.normal_rates[region]);
        if weight >= 1.0 {
            *course = Course::serving();
            self.forget(region);
        }
        let evidence = format!(
            "{}: probes and what it has are well; it gets {:.0} % of its traffic",
            self.labels.regions[region],
            100.0 * weight
        );
        Judgement { tick, region, part: Part::Whole, advice: Advice::Return { weight }, evidence }
    }

    fn relapse(&mut self, tick: u64, region: usize) -> Judgement {
        let course = &self.regions[region].course;
        let weight = course.weight(&self.settings, self.baselines.normal_rates[region]);
        let cause = course.cause;
        let evidence = format!("{}: ill again at {:.0} % of its traffic", self.labels.regions[region], 100.0 * weight);
        self.forget(region);
        self.leave(tick, region, Illness { cause, failing: 0.5 }, evidence)
    }

    /// Forgets what is known of a region's traffic.
    fn forget(&mut self, region: usize) {
        self.scores[region].clear();
        self.regions[region].sent.forget();
    }

    fn recover_destinations(&mut self, tick: u64, region: usize, judgements: &mut Vec<Judgement>) {
        let settings = &self.settings;
        let state = &mut self.regions[region];
        for (destination, moved) in state.moved.iter_mut().enumerate() {
            let Some(recovery) = moved else { continue };
            let trials = state.trials.of(recovery.signal);
            let second = Watched { tick, settings, baselines: &self.baselines, region, trials };
            recovery.add(&second, std::iter::once(destination), false);
            if !(recovery.is_over(tick) && recovery.is_well(settings)) {
                continue;
            }
            *moved = None;
            self.scores[region].clear_destination(destination);
            let (region_label, label) = (&self.labels.regions[region], &self.labels.destinations[destination]);
            let evidence = format!("{region_label} to {label}: probes are well");
            let (part, advice) = (Part::Destination(destination), Advice::Return { weight: 1.0 });
            judgements.push(Judgement { tick, region, part, advice, evidence });
        }
    }

    /// Returns the highest score of each region, for pages that show how near a judgement is: from 0 to twice the
    /// threshold.
    pub fn highest_scores(&self) -> Vec<f64> {
        self.scores.iter().map(Scores::highest).collect()
    }
}
