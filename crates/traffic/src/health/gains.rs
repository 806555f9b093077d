//! What a second says for each alternative: how much more likely it is than what is tolerated, over everything and by
//! destination and app.

use super::baselines::{Baselines, Extent};
use super::signal::{ALTERNATIVES, Ledger, Signal, Weighing};
use super::trials::{SignalTrials, Trials};

/// How each destination of a region is weighed: by signal, alternative and destination.
#[derive(Debug, Clone)]
pub(crate) struct Weighings {
    destinations: usize,
    weighings: Vec<Weighing>,
}

/// A second of the region that the scores are of.
pub(crate) struct RegionSecond<'a> {
    pub(crate) tick: u64,
    pub(crate) trials: &'a Trials,
    pub(crate) weighings: &'a Weighings,
    /// Which destinations are set aside, and don't count but for themselves.
    pub(crate) aside: &'a [bool],
}

/// What a second says for one alternative: over everything and by slice.
pub(crate) struct Gains {
    pub(crate) all: f64,
    pub(crate) by_destination: Vec<f64>,
    pub(crate) by_app: Vec<f64>,
}

impl RegionSecond<'_> {
    /// What was seen of the destinations that count, but one.
    pub(crate) fn rest(&self, trials: &SignalTrials) -> impl Fn(usize) -> Ledger {
        let counts = |destination: usize| {
            if self.aside[destination] { Ledger::default() } else { trials.by_destination[destination] }
        };
        let all: Ledger = (0..self.aside.len()).map(counts).sum();
        move |destination| all.minus(counts(destination))
    }
}

impl Weighings {
    pub(crate) fn new(baselines: &Baselines, region: usize, destinations: usize) -> Weighings {
        let mut weighings = Vec::with_capacity(Signal::COUNT * ALTERNATIVES * destinations);
        for signal in Signal::ALL {
            for alternative in 0..ALTERNATIVES {
                let usual = |destination| baselines.rate(signal, region, destination);
                weighings.extend((0..destinations).map(|of| signal.weighing(usual(of), alternative)));
            }
        }
        Weighings { destinations, weighings }
    }

    pub(crate) fn of(&self, signal: Signal, alternative: usize) -> &[Weighing] {
        let from = (signal as usize * ALTERNATIVES + alternative) * self.destinations;
        &self.weighings[from..from + self.destinations]
    }
}

impl Gains {
    pub(crate) fn new(extent: Extent) -> Gains {
        Gains { all: 0.0, by_destination: vec![0.0; extent.destinations], by_app: vec![0.0; extent.apps] }
    }

    pub(crate) fn weigh(&mut self, extent: Extent, trials: &SignalTrials, weighings: &[Weighing], aside: &[bool]) {
        self.all = 0.0;
        self.by_app.fill(0.0);
        for destination in 0..extent.destinations {
            let second = trials.by_destination[destination];
            let counts = second.trials > 0.0 && !aside[destination];
            self.by_destination[destination] = if counts { weighings[destination].score(second) } else { 0.0 };
            if !counts {
                continue;
            }
            self.all += self.by_destination[destination];
            let Weighing { failure, trial } = weighings[destination];
            let cells = destination * extent.apps..(destination + 1) * extent.apps;
            let seen = trials.trials[cells.clone()].iter().zip(&trials.hits[cells]);
            for (gain, (trials, hits)) in self.by_app.iter_mut().zip(seen) {
                *gain += hits * failure + trials * trial;
            }
        }
    }
}
