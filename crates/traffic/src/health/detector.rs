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
use super::course::Stage;
use super::destination::{self, Downstream};
use super::judgement::{Advice, Cause, Illness, Judgement, Labels, Opinion, Part, Restraint};
use super::region;
use super::region_state::RegionState;
use super::settings::HealthSettings;
use super::setup::{DetectorError, Setup};
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
            for target in self.targets(region) {
                let [state, target] =
                    self.regions.get_disjoint_mut([region, target]).expect("a region is no target of its own");
                state.scores.add_elsewhere(target.region, &target.trials);
            }
        }
    }

    /// The regions that traffic of this one could move to.
    fn targets(&self, region: usize) -> Vec<usize> {
        let others = self.regions.iter().filter(|other| other.region != region && other.is_target(&self.setup));
        others.map(|other| other.region).collect()
    }

    fn judge(&mut self, tick: u64, region: usize, judgements: &mut Vec<Judgement>) {
        let targets = self.targets(region);
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
        let view = View { tick, setup: &self.setup, regions: &self.regions, region, targets };
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
