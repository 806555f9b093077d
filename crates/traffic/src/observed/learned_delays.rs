//! How late delivery events come from one destination, learned: of the messages that are old enough to have had their
//! event in an age bin, so many had it there.

use std::collections::VecDeque;

use crate::health::{AGE_BINS, AGE_BOUNDS, EVENT_AGE_MAX};

/// The half-life of what was learned, in seconds.
const HALF_LIFE: f64 = 86_400.0;
/// How much of it is left after a second.
pub(super) const REMAINS: f64 = 1.0 - std::f64::consts::LN_2 / HALF_LIFE;
/// How many messages must have passed the last age bin before anything is expected of a channel's events.
const PASSED_MIN: f64 = 200.0;

/// How late events from one destination come.
#[derive(Debug, Clone, Default)]
pub(super) struct Delays {
    /// How many messages were accepted in each of the last seconds, the newest first.
    accepted: VecDeque<u32>,
    passed: [f64; AGE_BINS],
    came: [f64; AGE_BINS],
    sent: f64,
}

impl Delays {
    /// How many messages there were, with the past counting for less.
    pub(super) fn sent(&self) -> f64 {
        self.sent
    }

    /// Forgets the messages whose events are still to come.
    pub(super) fn forget_sent(&mut self) {
        self.accepted.clear();
    }

    /// Adds what another destination has shown.
    pub(super) fn join(&mut self, other: &Delays) {
        for bin in 0..AGE_BINS {
            self.passed[bin] += other.passed[bin];
            self.came[bin] += other.came[bin];
        }
    }

    /// Takes a second: how many messages were accepted in it, and the first events by age bin.
    pub(super) fn learn(&mut self, accepted: u32, ages: &[u32; AGE_BINS]) {
        self.accepted.push_front(accepted);
        self.accepted.truncate(EVENT_AGE_MAX + 1);
        self.sent = self.sent * REMAINS + f64::from(accepted);
        // Before, events come of messages that are not old enough to be compared with.
        if self.accepted.len() <= EVENT_AGE_MAX {
            return;
        }
        for bin in 0..AGE_BINS {
            let passes = self.accepted[AGE_BOUNDS[bin + 1]];
            self.passed[bin] = self.passed[bin] * REMAINS + f64::from(passes);
            self.came[bin] = self.came[bin] * REMAINS + f64::from(ages[bin]);
        }
    }

    /// Which share of the messages has its event in each bin. Where few messages are known, what is so on the whole
    /// channel counts; and where few are known of that, nothing is expected.
    pub(super) fn shares(&self, channel: &Delays) -> [f64; AGE_BINS] {
        if channel.passed[AGE_BINS - 1] < PASSED_MIN {
            return [0.0; AGE_BINS];
        }
        std::array::from_fn(|bin| {
            let usual = channel.came[bin] / channel.passed[bin].max(1.0);
            ((self.came[bin] + PASSED_MIN * usual) / (self.passed[bin] + PASSED_MIN)).min(1.0)
        })
    }
}
