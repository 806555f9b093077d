//! A second of one region as trials and failures of each signal.

use super::baselines::{Baselines, Extent};
use super::delays::Sent;
use super::signal::{Ledger, Signal};

/// What a region counted in a second for one app's messages to one destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CellCounts {
    /// The sends whose outcome became known.
    pub sends: u32,
    /// Of these, those that failed by a fault of the infrastructure; what can't be told is one of them.
    pub errors: u32,
    /// Of these, those that were refused because they were too many.
    pub throttled: u32,
    /// Of these, those that are the recipient's fault. They tell nothing of the region.
    pub rejected: u32,
    /// The events that came and are not older than [`super::EVENT_AGE_MAX`] seconds since their send.
    pub events: u32,
    /// The messages that were accepted `late_after` seconds ago and have no event yet.
    pub late: u32,
}

/// Counts of a cell of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Counted {
    pub region: usize,
    pub destination: usize,
    pub app: usize,
    pub counts: CellCounts,
}

/// The second of a region, by signal.
#[derive(Debug, Clone)]
pub(crate) struct Trials {
    signals: [SignalTrials; Signal::COUNT],
}

/// The second of a region for one signal.
#[derive(Debug, Clone)]
pub(crate) struct SignalTrials {
    /// By destination, then app.
    pub(crate) trials: Vec<f64>,
    pub(crate) hits: Vec<f64>,
    pub(crate) by_destination: Vec<Ledger>,
    pub(crate) all: Ledger,
}

impl CellCounts {
    /// The messages that a provider took.
    pub fn accepted(&self) -> u32 {
        self.sends.saturating_sub(self.errors).saturating_sub(self.throttled).saturating_sub(self.rejected)
    }

    /// Says whether the parts of `sends` are no more than it.
    pub fn adds_up(&self) -> bool {
        u64::from(self.errors) + u64::from(self.throttled) + u64::from(self.rejected) <= u64::from(self.sends)
    }
}

impl Trials {
    pub(crate) fn new(extent: Extent) -> Trials {
        let cells = || vec![0.0; extent.cells()];
        let none = SignalTrials {
            trials: cells(),
            hits: cells(),
            by_destination: vec![Ledger::default(); extent.destinations],
            all: Ledger::default(),
        };
        Trials { signals: std::array::from_fn(|_| none.clone()) }
    }

    pub(crate) fn of(&self, signal: Signal) -> &SignalTrials {
        &self.signals[signal as usize]
    }

    pub(crate) fn clear(&mut self) {
        for signal in &mut self.signals {
            signal.trials.fill(0.0);
            signal.hits.fill(0.0);
        }
    }

    /// Takes note of what a cell counted.
    pub(crate) fn add(&mut self, cell: usize, counts: &CellCounts) {
        let attempts = f64::from(counts.sends) - f64::from(counts.rejected);
        let mut add = |signal: Signal, trials: f64, hits: u32| {
            let signal = &mut self.signals[signal as usize];
            signal.trials[cell] += trials;
            signal.hits[cell] += f64::from(hits);
        };
        add(Signal::Errors, attempts - f64::from(counts.throttled), counts.errors);
        add(Signal::Throttled, attempts, counts.throttled);
        // How many events there should be, and how many messages are old enough, is asked of what was sent.
        add(Signal::Flow, 0.0, counts.events);
        add(Signal::Late, 0.0, counts.late);
    }

    /// Ends the second: says how many events were expected, and how many messages are old enough to be late, and adds
    /// up. `judges_late` says whether messages of that age are looked at.
    pub(crate) fn close(&mut self, sent: &Sent, baselines: &Baselines, extent: Extent, judges_late: bool) {
        let flow = &mut self.signals[Signal::Flow as usize];
        for (destination, expected) in flow.trials.chunks_mut(extent.apps).enumerate() {
            sent.expected(destination * extent.apps, &baselines.curves[destination], expected);
        }
        let late = &mut self.signals[Signal::Late as usize];
        if judges_late {
            for (cell, (trials, hits)) in late.trials.iter_mut().zip(&mut late.hits).enumerate() {
                *trials = sent.accepted(baselines.late_after, cell);
                // Of messages that nobody told of, nothing can be late.
                *hits = hits.min(*trials);
            }
        } else {
            late.hits.fill(0.0);
        }
        for signal in &mut self.signals {
            signal.add_up(extent);
        }
    }
}

impl SignalTrials {
    fn add_up(&mut self, extent: Extent) {
        let cells = self.trials.chunks(extent.apps).zip(self.hits.chunks(extent.apps));
        for (sum, (trials, hits)) in self.by_destination.iter_mut().zip(cells) {
            *sum = Ledger { trials: trials.iter().sum(), hits: hits.iter().sum() };
        }
        self.all = self.by_destination.iter().copied().sum();
    }
}
