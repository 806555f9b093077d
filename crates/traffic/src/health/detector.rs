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

use super::baselines::Baselines;
use super::common;
use super::course::{Course, Stage};
use super::destination::{self, Downstream};
use super::gains::Weighings;
use super::judgement::{Advice, Cause, Illness, Judgement, Labels, Opinion, Part, Restraint};
use super::region;
use super::region_state::RegionState;
use super::settings::HealthSettings;
use super::setup::{DetectorError, Setup};
use super::signal::Signal;
use super::trials::Counted;
use super::view::View;

/// The detector of one channel in all regions.
#[derive(Debug, Clone)]
pub struct Detector {
    setup: Setup,
    regions: Vec<RegionState>,
    downstream: Downstream,
    /// When what was last told: so often and no more. There are no more than regions, parts and reasons.
    noted: BTreeMap<(usize, Part, Note), u64>,
}

/// What a part of a region's traffic has, as the detector takes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Standing {
    /// All of it.
    Serving,
    /// Nothing but probes.
    Away,
    /// This share of it, from above 0 to below 1.
    Returning(f64),
}

/// What is told so often and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Note {
    Shed,
    Hold(Restraint),
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
        let setup = Setup::new(settings, labels, baselines)?;
        let region = |region| RegionState::new(&setup, region, observers);
        Ok(Detector {
            regions: (0..setup.extent.regions).map(region).collect(),
            downstream: Downstream::new(setup.extent.destinations),
            noted: BTreeMap::new(),
            setup,
        })
    }

    /// Takes over what is called what, and what is normal, as it is known by now.
    ///
    /// # Errors
    ///
    /// When there are not as many regions, destinations and apps as before, or they have no value.
    pub fn learned(&mut self, labels: Labels, baselines: Baselines) -> Result<(), DetectorError> {
        let setup = Setup::new(self.setup.settings.clone(), labels, baselines)?;
        if setup.extent != self.setup.extent {
            return Err(DetectorError::Extent);
        }
        self.setup = setup;
        for state in &mut self.regions {
            state.weighings = Weighings::new(&self.setup.baselines, state.region, self.setup.extent.destinations);
        }
        Ok(())
    }

    /// Says whether a region is in service: traffic could move there, as far as others than the detector know. At first
    /// each is.
    pub fn set_in_service(&mut self, region: usize, in_service: bool) {
        self.regions[region].in_service = in_service;
    }

    /// Forgets what a region sent up to now: no events of it are missed any more. For when those who would tell of them
    /// may be gone.
    pub fn forget_sent(&mut self, region: usize, tick: u64) {
        self.regions[region].forget_sent(tick);
    }

    /// Says whether nothing is held against a region: it has its traffic, and no score is near the threshold.
    pub fn is_calm(&self, region: usize) -> bool {
        let state = &self.regions[region];
        state.course.stage == Stage::Serving && state.scores.highest() < self.setup.settings.threshold / 4.0
    }

    /// Says whether anything is held against a destination from a region: it is moved, ill from everywhere, or looks ill
    /// by itself.
    pub fn is_suspected(&self, region: usize, destination: usize) -> bool {
        let state = &self.regions[region];
        let enough = self.setup.settings.looks_ill();
        let looks_ill = |signal| state.scores.highest_alone(signal, destination) >= enough;
        state.aside[destination] || Signal::moving().any(looks_ill)
    }

    /// The highest score of a region, in nats.
    pub fn score(&self, region: usize) -> f64 {
        self.regions[region].scores.highest()
    }

    /// Says what the detector takes a part of a region's traffic to have.
    pub fn standing(&self, region: usize, part: Part) -> Standing {
        let state = &self.regions[region];
        match part {
            Part::Whole => match state.course.stage {
                Stage::Serving => Standing::Serving,
                Stage::Probing => Standing::Away,
                Stage::Ramping { .. } => Standing::Returning(state.weight(&self.setup)),
            },
            Part::Destination(destination) if state.moved[destination].is_some() => Standing::Away,
            Part::Destination(_) => Standing::Serving,
        }
    }

    /// Takes a part for one that has all its traffic, because a shift was not made, or a person took it back. What was
    /// held against it is forgotten.
    pub fn serves(&mut self, region: usize, part: Part) {
        let state = &mut self.regions[region];
        let is_moved = match part {
            Part::Whole => state.course.stage == Stage::Probing,
            Part::Destination(destination) => state.moved[destination].is_some(),
        };
        if is_moved {
            state.undo_shift();
        }
        match part {
            Part::Whole => {
                state.course = Course::serving();
                state.forget();
            }
            Part::Destination(destination) => {
                state.moved[destination] = None;
                state.scores.clear_destination(destination);
            }
        }
    }

    /// Takes a region for one that was left before, by the word of others: as ill as can be, until `until` at least.
    pub fn was_left(&mut self, region: usize, until: u64) {
        self.regions[region].was_left(until);
    }

    /// Takes what goes to a destination for moved away from a region, by the word of others, until `until` at least.
    pub fn destination_was_left(&mut self, region: usize, destination: usize, until: u64) {
        self.regions[region].destination_was_left(destination, until);
    }

    /// Forgets all that is known of a destination: its place is another's from now on.
    pub fn forget_destination(&mut self, destination: usize, tick: u64) {
        for state in &mut self.regions {
            state.forget_destination(destination, tick);
        }
        self.downstream.forget(destination);
    }

    /// Takes over the second `tick`: what was counted, in any order, and for each region who heard it. Seconds rise;
    /// those that are left out had nothing.
    ///
    /// # Panics
    ///
    /// When a count names a region, destination or app that has no label, or a region has no list of who heard it.
    pub fn step(&mut self, tick: u64, counted: &[Counted], heard: &[Vec<bool>]) -> Vec<Judgement> {
        self.count(tick, counted, heard);
        let mut judgements = Vec::new();
        for region in 0..self.regions.len() {
            match self.regions[region].course.stage {
                Stage::Serving => self.judge(tick, region, &mut judgements),
                Stage::Probing | Stage::Ramping { .. } => {
                    judgements.extend(self.regions[region].recover(tick, &self.setup));
                    if matches!(self.regions[region].course.stage, Stage::Ramping { .. }) {
                        self.judge_destinations(tick, region, &mut judgements);
                    }
                }
            }
            judgements.extend(self.regions[region].recover_destinations(tick, &self.setup));
        }
        judgements
    }

    /// Takes a second into the scores of each region, and beside them what the others saw of the same.
    fn count(&mut self, tick: u64, counted: &[Counted], heard: &[Vec<bool>]) {
        let extent = self.setup.extent;
        self.regions.iter_mut().for_each(|state| state.trials.clear());
        for Counted { region, destination, app, counts } in counted {
            assert!(*destination < extent.destinations && *app < extent.apps, "a cell without a label");
            self.regions[*region].count(destination * extent.apps + app, counts);
        }
        for (state, heard) in self.regions.iter_mut().zip(heard) {
            state.close(tick, &self.setup, heard);
        }
        for region in 0..self.regions.len() {
            for target in targets(&self.setup, &self.regions, region) {
                let [state, target] =
                    self.regions.get_disjoint_mut([region, target]).expect("a region is no target of its own");
                state.add_elsewhere(target);
            }
        }
        for (region, ill) in common::ill_everywhere(&self.setup, &self.regions).into_iter().enumerate() {
            self.regions[region].set_aside(|destination| ill[destination]);
        }
    }

    fn judge(&mut self, tick: u64, region: usize, judgements: &mut Vec<Judgement>) {
        let targets = targets(&self.setup, &self.regions, region);
        let silence = self.regions[region].silence.score();
        let threshold = self.setup.settings.threshold;
        if silence >= threshold && !targets.is_empty() {
            let label = &self.setup.labels.regions[region];
            let evidence = format!(
                "{label}: heartbeats are missing for at least two observers (score {silence:.1} of {threshold:.0} needed)"
            );
            let illness = Illness { cause: Cause::Silence, failing: 1.0 };
            judgements.push(self.regions[region].leave(tick, &self.setup, illness, evidence));
            return;
        }
        let opinions = region::judge(&View { tick, setup: &self.setup, regions: &self.regions, region, targets });
        let is_ill = opinions.iter().any(|opinion| matches!(opinion, Opinion::Ill { .. }));
        for opinion in opinions {
            judgements.extend(self.follow(tick, region, opinion));
        }
        if !is_ill {
            self.judge_destinations(tick, region, judgements);
        }
    }

    /// Judges each destination of a region by itself.
    fn judge_destinations(&mut self, tick: u64, region: usize, judgements: &mut Vec<Judgement>) {
        let Detector { setup, regions, downstream, .. } = self;
        let view = View { tick, setup, regions, region, targets: targets(setup, regions, region) };
        for opinion in destination::judge(&view, downstream) {
            judgements.extend(self.follow(tick, region, opinion));
        }
    }

    /// Makes a judgement of an opinion; nothing when the same was told a short time ago.
    fn follow(&mut self, tick: u64, region: usize, opinion: Opinion) -> Option<Judgement> {
        let (setup, state) = (&self.setup, &mut self.regions[region]);
        match opinion {
            Opinion::Ill { part: Part::Whole, illness, evidence } => Some(state.leave(tick, setup, illness, evidence)),
            Opinion::Ill { part: Part::Destination(destination), illness, evidence } => {
                Some(state.leave_for(tick, setup, (destination, illness), evidence))
            }
            Opinion::Note { part, advice, evidence } => {
                let note = match advice {
                    Advice::Hold(restraint) => Note::Hold(restraint),
                    Advice::Shed { .. } | Advice::Shift { .. } | Advice::Return { .. } => Note::Shed,
                };
                let told = self.noted.get(&(region, part, note));
                if told.is_some_and(|told| tick - told < setup.settings.note_seconds) {
                    return None;
                }
                self.noted.insert((region, part, note), tick);
                Some(state.judgement(tick, part, advice, evidence))
            }
        }
    }
}

/// The regions that traffic of this one could move to.
fn targets(setup: &Setup, regions: &[RegionState], region: usize) -> Vec<usize> {
    let others = regions.iter().filter(|other| other.region != region && other.is_target(setup));
    others.map(|other| other.region).collect()
}
