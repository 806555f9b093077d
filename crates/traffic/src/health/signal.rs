//! What is looked at, and how a second of it is weighed.
//!
//! Each signal is a number of trials and how they ended. A score weighs one hypothesis, "so much more of it fails than
//! is tolerated", against the tolerated level, with the logarithm of the likelihood ratio; there are four such
//! alternatives from mild to total for each signal. The levels are those of the health specification, section 4.

/// How many alternatives each signal is weighed against, from mild to severe.
pub(crate) const ALTERNATIVES: usize = 4;
/// Which share fails beyond what is tolerated, for all signals but [`Signal::Flow`].
const SEVERITIES: [f64; ALTERNATIVES] = [0.04, 0.15, 0.50, 0.95];
/// Which share of the expected events still comes, for [`Signal::Flow`].
pub(crate) const SURVIVING: [f64; ALTERNATIVES] = [0.72, 0.50, 0.25, 0.03];
/// Which share of the expected events is tolerated.
pub(crate) const TOLERATED_FLOW: f64 = 0.90;

/// No more than this is tolerated, whatever is usual: something has to be worse.
const TOLERATED_MAX: f64 = 0.97;

/// Where more messages than this usually have no event in time, that they have none says nothing.
const USUALLY_LATE_MAX: f64 = 0.5;

/// A way in which sending may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Sends that fail at once, by a fault of the infrastructure.
    Errors,
    /// Delivery events that should have arrived by now, given how late they usually come, and did not.
    Flow,
    /// Messages of some time ago that no event has told of.
    Late,
    /// Sends that were refused because they were too many. Never a reason to leave a region.
    Throttled,
}

/// What a failure and a trial add to a score.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Weighing {
    pub(crate) failure: f64,
    pub(crate) trial: f64,
}

/// Trials and how many of them failed; for [`Signal::Flow`] the events expected and those that came.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Ledger {
    pub(crate) trials: f64,
    pub(crate) hits: f64,
}

/// Of how many messages at least it is said that an app sends them alone.
const ALONE_MIN: f64 = 100.0;

/// Says whether an app sends nearly all of what was seen lately, so that leaving it out would leave nothing to judge by.
pub(crate) fn is_alone(by_app: &[f64], app: usize, dominant: f64) -> bool {
    let all: f64 = by_app.iter().sum();
    all >= ALONE_MIN && by_app[app] > dominant * all
}

impl Signal {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Signal; 4] = [Signal::Errors, Signal::Flow, Signal::Late, Signal::Throttled];
    /// How many there are.
    pub const COUNT: usize = Signal::ALL.len();

    /// Those that traffic is moved for.
    pub(crate) fn moving() -> impl Iterator<Item = Signal> {
        Signal::ALL.into_iter().filter(|signal| *signal != Signal::Throttled)
    }

    /// Names it in evidence.
    pub fn name(self) -> &'static str {
        match self {
            Signal::Errors => "send errors",
            Signal::Flow => "missing delivery events",
            Signal::Late => "messages without an event in time",
            Signal::Throttled => "throttled sends",
        }
    }

    /// The failure rate up to which nothing is wrong, where `usual` is normal. Not for [`Signal::Flow`].
    pub(crate) fn tolerated(self, usual: f64) -> f64 {
        match self {
            Signal::Errors | Signal::Throttled => (1.5 * usual + 0.02).min(TOLERATED_MAX),
            Signal::Flow | Signal::Late => (usual + 0.08).min(TOLERATED_MAX),
        }
    }

    /// How a second is weighed for one of the alternatives, where `usual` is the normal failure rate.
    pub(crate) fn weighing(self, usual: f64, alternative: usize) -> Weighing {
        if self == Signal::Flow {
            let surviving = SURVIVING[alternative];
            return Weighing { failure: (surviving / TOLERATED_FLOW).ln(), trial: TOLERATED_FLOW - surviving };
        }
        if self == Signal::Late && usual > USUALLY_LATE_MAX {
            return Weighing::default();
        }
        let tolerated = self.tolerated(usual);
        Weighing::binomial(tolerated, tolerated + SEVERITIES[alternative] * (1.0 - tolerated))
    }

    /// How a second is weighed for being at least as ill as `ill` rather than tolerably well, of a region that tries to
    /// come back. The mild form asks whether it is slightly ill again.
    pub(crate) fn weighing_ill(self, usual: f64, ill: Option<f64>) -> Weighing {
        if self == Signal::Flow {
            let surviving = ill.map_or(SURVIVING[0], |ill| SURVIVING[0].min(1.0 - 0.5 * ill));
            return Weighing { failure: (surviving / TOLERATED_FLOW).ln(), trial: TOLERATED_FLOW - surviving };
        }
        let tolerated = self.tolerated(usual);
        let slightly = tolerated + SEVERITIES[1] * (1.0 - tolerated);
        let half = ill.map_or(slightly, |ill| tolerated + 0.5 * (ill - tolerated));
        Weighing::binomial(tolerated, slightly.max(half))
    }

    /// Which share failed.
    pub(crate) fn failing(self, ledger: Ledger) -> f64 {
        match self {
            _ if ledger.trials <= 0.0 => 0.0,
            Signal::Flow => (1.0 - ledger.hits / ledger.trials).max(0.0),
            Signal::Errors | Signal::Late | Signal::Throttled => ledger.hits / ledger.trials,
        }
    }

    /// Which share failed, doubted: who was picked because much failed looks worse than it is, the more so the less was
    /// seen. As if `doubt` more trials had failed no more than `tolerated`.
    pub(crate) fn failing_doubted(self, ledger: Ledger, tolerated: f64, doubt: f64) -> f64 {
        let failed = ledger.trials * self.failing(ledger) + doubt * tolerated;
        failed / (ledger.trials + doubt)
    }

    /// The log odds that trials seen elsewhere come from a place where `failing` fail rather than from one where
    /// `tolerated` do.
    pub(crate) fn odds_as_ill(self, elsewhere: Ledger, tolerated: f64, failing: f64) -> f64 {
        let weighing = if self == Signal::Flow {
            let surviving = (1.0 - failing).max(SURVIVING[ALTERNATIVES - 1]);
            Weighing { failure: (surviving / TOLERATED_FLOW).ln(), trial: TOLERATED_FLOW - surviving }
        } else {
            Weighing::binomial(tolerated, failing.clamp(0.001, 0.95))
        };
        weighing.score(elsewhere)
    }
}

impl Weighing {
    fn binomial(tolerated: f64, alternative: f64) -> Weighing {
        let trial = ((1.0 - alternative) / (1.0 - tolerated)).ln();
        Weighing { failure: (alternative / tolerated).ln() - trial, trial }
    }

    /// The log likelihood ratio of what a ledger holds.
    pub(crate) fn score(self, ledger: Ledger) -> f64 {
        ledger.hits * self.failure + ledger.trials * self.trial
    }
}

impl Ledger {
    pub(crate) fn add(&mut self, other: Ledger) {
        self.trials += other.trials;
        self.hits += other.hits;
    }

    pub(crate) fn minus(self, other: Ledger) -> Ledger {
        Ledger { trials: self.trials - other.trials, hits: self.hits - other.hits }
    }
}

impl std::iter::Sum for Ledger {
    fn sum<I: Iterator<Item = Ledger>>(ledgers: I) -> Ledger {
        ledgers.fold(Ledger::default(), |mut sum, ledger| {
            sum.add(ledger);
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Also where nearly everything usually fails: what can't be compared would never be judged again.
        #[test]
        fn every_usual_rate_is_weighed_with_a_number(usual in 0.0_f64..=1.0, trials in 0_u32..1_000, share in 0.0_f64..=1.0) {
            let ledger = Ledger { trials: f64::from(trials), hits: (f64::from(trials) * share).floor() };
            for signal in Signal::ALL {
                for alternative in 0..ALTERNATIVES {
                    let score = signal.weighing(usual, alternative).score(ledger);
                    prop_assert!(score.is_finite(), "{signal:?} {alternative}: {score}");
                }
                for ill in [None, Some(share)] {
                    let score = signal.weighing_ill(usual, ill).score(ledger);
                    prop_assert!(score.is_finite(), "{signal:?} {ill:?}: {score}");
                }
                if signal != Signal::Flow {
                    let odds = signal.odds_as_ill(ledger, signal.tolerated(usual), share);
                    prop_assert!(odds.is_finite(), "{signal:?}: {odds}");
                }
            }
        }
    }
}
