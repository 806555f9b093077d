//! What is known of a channel in one region: what it counted, its scores, and where it is on its way.

use super::course::{Course, Recovery, Shifts, Stage, Stay};
use super::delays::Sent;
use super::gains::{RegionSecond, Weighings};
use super::judgement::{Advice, Cause, Illness, Judgement, Part};
use super::scores::Scores;
use super::setup::Setup;
use super::signal::Signal;
use super::silence::Silence;
use super::trials::{CellCounts, Trials};

/// A channel in one region.
#[derive(Debug, Clone)]
pub(crate) struct RegionState {
    /// Its index.
    pub(crate) region: usize,
    /// Whether traffic could move here, as far as others know.
    pub(crate) in_service: bool,
    pub(crate) weighings: Weighings,
    pub(crate) trials: Trials,
    pub(crate) scores: Scores,
    pub(crate) silence: Silence,
    pub(crate) course: Course,
    /// The destinations that were moved away alone.
    pub(crate) moved: Vec<Option<Recovery>>,
    /// Those that don't count for the region as a whole: moved, or ill from everywhere.
    pub(crate) aside: Vec<bool>,
    shifts: Shifts,
    sent: Sent,
    /// Messages that were accepted before are not judged as late.
    judged_from: u64,
}

impl RegionState {
    pub(crate) fn new(setup: &Setup, region: usize, observers: usize) -> RegionState {
        let extent = setup.extent;
        RegionState {
            region,
            in_service: true,
            weighings: Weighings::new(&setup.baselines, region, extent.destinations),
            trials: Trials::new(extent),
            scores: Scores::new(extent, &setup.settings),
            silence: Silence::new(observers),
            course: Course::serving(),
            moved: vec![None; extent.destinations],
            aside: vec![false; extent.destinations],
            shifts: Shifts::default(),
            sent: Sent::new(extent.cells()),
            judged_from: 0,
        }
    }

    /// Takes note of what a cell counted in the second that goes on.
    pub(crate) fn count(&mut self, cell: usize, counts: &CellCounts) {
        self.trials.add(cell, counts);
        self.sent.add(cell, counts.accepted());
    }

    /// Ends the second: says what should have come in it, and takes it into the scores.
    pub(crate) fn close(&mut self, tick: u64, setup: &Setup, heard: &[bool]) {
        self.sent.close(tick);
        let oldest = tick.checked_sub(setup.baselines.late_after as u64);
        let judges_late = oldest.is_some_and(|oldest| oldest >= self.judged_from);
        self.trials.close(&self.sent, &setup.baselines, setup.extent, judges_late);
        self.silence.add(heard, &setup.settings);
        let RegionState { trials, weighings, aside, scores, .. } = self;
        scores.add(&RegionSecond { tick, trials, weighings, aside });
    }

    /// Takes over the same second of a region that traffic could move to.
    pub(crate) fn add_elsewhere(&mut self, target: &RegionState) {
        self.scores.add_elsewhere(target.region, &target.trials, &self.aside);
    }

    /// Says which destinations are ill from everywhere. They are set aside, as those are that were moved alone.
    pub(crate) fn set_aside(&mut self, ill_everywhere: impl Fn(usize) -> bool) {
        for destination in 0..self.aside.len() {
            let aside = self.moved[destination].is_some() || ill_everywhere(destination);
            if aside && !self.aside[destination] {
                self.scores.set_aside(destination);
            }
            self.aside[destination] = aside;
        }
    }

    /// Says whether traffic of others could move here.
    pub(crate) fn is_target(&self, setup: &Setup) -> bool {
        self.in_service && self.course.stage == Stage::Serving && self.is_heard(setup)
    }

    /// Says whether nobody suspects that it is silent.
    pub(crate) fn is_heard(&self, setup: &Setup) -> bool {
        self.silence.score() < setup.settings.threshold / 3.0
    }

    /// Moves its traffic away.
    pub(crate) fn leave(&mut self, tick: u64, setup: &Setup, illness: Illness, evidence: String) -> Judgement {
        let stay = self.shifts.add(tick, &setup.settings);
        self.course.leave(illness, stay);
        self.judgement(tick, Part::Whole, Advice::Shift { hold: stay.hold }, evidence)
    }

    /// Begins to look for its way back, as one that was left by the word of others.
    pub(crate) fn was_left(&mut self, until: u64) {
        let illness = Illness { cause: Cause::Signal(Signal::Errors), failing: 1.0 };
        self.course.leave(illness, Stay::until(until));
        self.forget();
    }

    /// Moves what goes to one destination away.
    pub(crate) fn leave_for(
        &mut self,
        tick: u64,
        setup: &Setup,
        leaving: (usize, Illness),
        evidence: String,
    ) -> Judgement {
        let (destination, illness) = leaving;
        let stay = self.shifts.add(tick, &setup.settings);
        self.moved[destination] = Some(Recovery::new(illness, stay));
        self.judgement(tick, Part::Destination(destination), Advice::Shift { hold: stay.hold }, evidence)
    }

    /// Takes what goes to a destination for moved away by the word of others.
    pub(crate) fn destination_was_left(&mut self, destination: usize, until: u64) {
        let illness = Illness { cause: Cause::Signal(Signal::Errors), failing: 1.0 };
        self.moved[destination] = Some(Recovery::new(illness, Stay::until(until)));
        self.scores.clear_destination(destination);
    }

    /// Forgets all that is known of a destination: its place is another's.
    pub(crate) fn forget_destination(&mut self, destination: usize, tick: u64) {
        self.scores.set_aside(destination);
        self.scores.clear_destination(destination);
        (self.moved[destination], self.aside[destination]) = (None, false);
        self.forget_sent(tick);
    }

    /// Takes the latest shift for one that was not made.
    pub(crate) fn undo_shift(&mut self) {
        self.shifts.undo();
    }

    /// Begins to judge anew what comes back: nothing that was sent before counts.
    pub(crate) fn judge_from(&mut self, tick: u64) {
        self.judged_from = tick;
    }

    /// Forgets what was sent before: no events of it are missed, and none of it is late.
    pub(crate) fn forget_sent(&mut self, tick: u64) {
        self.sent.forget();
        self.judge_from(tick);
    }

    /// Forgets what is known of its traffic.
    pub(crate) fn forget(&mut self) {
        self.scores.clear();
        self.sent.forget();
    }

    pub(crate) fn judgement(&self, tick: u64, part: Part, advice: Advice, evidence: String) -> Judgement {
        Judgement { tick, region: self.region, part, advice, evidence }
    }
}
