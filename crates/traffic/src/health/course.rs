//! The way away and back: how long traffic stays away, and what brings it back step by step.

use super::baselines::Baselines;
use super::judgement::{Cause, Illness};
use super::settings::HealthSettings;
use super::signal::Signal;
use super::trials::SignalTrials;

/// Where a region is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has its traffic. It leaves to [`Stage::Probing`].
    Serving,
    /// It has probes only. It leaves to [`Stage::Ramping`] when the hold is over and the probes are well.
    Probing,
    /// It has a share of its traffic, step by step. It leaves to [`Stage::Serving`], or back to [`Stage::Probing`].
    Ramping { step: usize, since: u64 },
}

/// Evidence that something which was ill is well, for one part of the traffic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recovery {
    /// The signal that is watched: the one that was ill, or the errors after a silence.
    pub(crate) signal: Signal,
    /// Which share failed.
    failing: f64,
    /// Until when traffic stays away at least.
    until: u64,
    /// For how long what was ill before stays away after it last looked ill.
    quiet: u64,
    gained: f64,
    /// The most that was gained since it last looked ill.
    highest: f64,
}

/// A region on its way.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    pub(crate) stage: Stage,
    pub(crate) cause: Cause,
    pub(crate) recovery: Recovery,
}

/// For how long a part stays away at least, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stay {
    pub(crate) hold: u64,
    until: u64,
    /// After it last looked ill.
    quiet: u64,
}

impl Stay {
    /// Of what somebody else moved away.
    pub(crate) fn until(until: u64) -> Stay {
        Stay { hold: 0, until, quiet: 0 }
    }
}

/// When parts of a region were moved away, as far as that is remembered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shifts(Vec<u64>);

impl Shifts {
    /// Takes note of a shift, and says for how long the part then stays away: twice as long for each that is
    /// remembered.
    pub(crate) fn add(&mut self, tick: u64, settings: &HealthSettings) -> Stay {
        self.0.retain(|shift| tick - shift < settings.hold_memory);
        // Shifts end no sooner than their holds, so that there are few; more would not change the longest hold.
        let doublings = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let hold = 2_u64.checked_pow(doublings).and_then(|times| settings.hold.checked_mul(times));
        let hold = hold.unwrap_or(u64::MAX).min(settings.hold_max);
        // What comes and goes would otherwise be believed each time that it goes.
        let quiet = if self.0.is_empty() { 0 } else { hold };
        self.0.push(tick);
        Stay { hold, until: tick + hold, quiet }
    }

    /// Forgets the latest one: it was not made.
    pub(crate) fn undo(&mut self) {
        self.0.pop();
    }
}

impl Recovery {
    pub(crate) fn new(illness: Illness, stay: Stay) -> Recovery {
        let Illness { cause, failing } = illness;
        let signal = match cause {
            Cause::Signal(signal) => signal,
            Cause::Silence => Signal::Errors,
        };
        let Stay { until, quiet, .. } = stay;
        Recovery { signal, failing, until, quiet, gained: 0.0, highest: 0.0 }
    }

    /// Begins to gather evidence anew.
    pub(crate) fn restart(&mut self) {
        self.gained = 0.0;
        self.highest = 0.0;
    }

    /// Takes over a second of the signal that is watched: for the destinations that are named, evidence that they are
    /// well rather than half as ill as they were; in the mild form, rather than slightly ill.
    pub(crate) fn add(&mut self, second: &Watched<'_>, destinations: impl Iterator<Item = usize>, mild: bool) {
        let ill = (!mild).then_some(self.failing);
        let most = second.settings.return_evidence;
        let seen = destinations.filter(|destination| second.trials.by_destination[*destination].trials > 0.0);
        let gains = seen.map(|destination| {
            let usual = second.baselines.rate(self.signal, second.region, destination);
            -self.signal.weighing_ill(usual, ill).score(second.trials.by_destination[destination])
        });
        let gain: f64 = gains.sum();
        self.gained = (self.gained + gain.min(most / 3.0)).clamp(0.0, 2.0 * most);
        self.highest = self.highest.max(self.gained);
        // More than chance takes away: it is ill again, or still.
        if self.gained + 0.5 * most <= self.highest || (gain < 0.0 && self.gained == 0.0) {
            self.highest = self.gained;
            self.until = self.until.max(second.tick + self.quiet);
        }
    }

    /// Says whether the evidence is enough.
    pub(crate) fn is_well(&self, settings: &HealthSettings) -> bool {
        self.gained >= settings.return_evidence
    }

    /// Says whether traffic has stayed away for long enough.
    pub(crate) fn is_over(&self, tick: u64) -> bool {
        tick >= self.until
    }
}

/// A second of a region as its recovery sees it.
pub(crate) struct Watched<'a> {
    pub(crate) tick: u64,
    pub(crate) settings: &'a HealthSettings,
    pub(crate) baselines: &'a Baselines,
    pub(crate) region: usize,
    pub(crate) trials: &'a SignalTrials,
}

impl Course {
    pub(crate) fn serving() -> Course {
        let illness = Illness { cause: Cause::Silence, failing: 1.0 };
        Course {
            stage: Stage::Serving,
            cause: illness.cause,
            recovery: Recovery::new(illness, Stay { hold: 0, until: 0, quiet: 0 }),
        }
    }

    /// Leaves for probes.
    pub(crate) fn leave(&mut self, illness: Illness, stay: Stay) {
        *self = Course { stage: Stage::Probing, cause: illness.cause, recovery: Recovery::new(illness, stay) };
    }

    /// Returns which share of its traffic the region has: none while it is probed. A step of the ramp is at least a
    /// message a second, so that it can be judged.
    pub(crate) fn weight(&self, settings: &HealthSettings, normal_rate: f64) -> f64 {
        match self.stage {
            Stage::Serving => 1.0,
            Stage::Probing => 0.0,
            Stage::Ramping { step, .. } => settings.ramp[step].max((1.0 / normal_rate).min(1.0)),
        }
    }
}
