//! What a judgement looks at. It changes nothing.

use super::baselines::{Baselines, Extent};
use super::judgement::Labels;
use super::scores::{Scores, Weighings};
use super::settings::HealthSettings;
use super::signal::{ALTERNATIVES, Ledger, Signal};

/// A channel in all regions, as one of them is judged.
pub(crate) struct View<'a> {
    pub(crate) tick: u64,
    pub(crate) settings: &'a HealthSettings,
    pub(crate) extent: Extent,
    pub(crate) baselines: &'a Baselines,
    pub(crate) labels: &'a Labels,
    pub(crate) weighings: &'a Weighings,
    /// Of each region.
    pub(crate) scores: &'a [Scores],
    /// The region that is judged.
    pub(crate) region: usize,
    /// The others that its traffic could move to.
    pub(crate) targets: Vec<usize>,
    /// Which destinations were moved away from here.
    pub(crate) moved: &'a [bool],
}

/// Trials of a part here, and of the same in regions that traffic could move to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Contrast {
    pub(crate) own: Ledger,
    pub(crate) elsewhere: Ledger,
}

impl View<'_> {
    /// The scores of the region that is judged.
    pub(crate) fn own(&self) -> &Scores {
        &self.scores[self.region]
    }

    /// The usual failure rate of a destination here.
    pub(crate) fn usual(&self, signal: Signal, destination: usize) -> f64 {
        self.baselines.rate(signal, self.region, destination)
    }

    /// The highest of the alternatives of a region's signal.
    pub(crate) fn highest(&self, region: usize, signal: Signal, of: impl Fn(&super::scores::Score) -> f64) -> f64 {
        self.scores[region].alternatives(signal).iter().map(of).fold(0.0, f64::max)
    }

    /// The level that is tolerated where `usual` is normal, as a failure rate.
    pub(crate) fn tolerated(signal: Signal, usual: f64) -> f64 {
        match signal {
            Signal::Flow => 0.0,
            Signal::Errors | Signal::Late | Signal::Throttled => signal.tolerated(usual),
        }
    }

    /// The alternatives from severe to mild.
    pub(crate) fn severe_first() -> impl Iterator<Item = usize> {
        (0..ALTERNATIVES).rev()
    }
}
