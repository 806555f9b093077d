//! What a judgement looks at. It changes nothing.

use super::region_state::RegionState;
use super::score::Score;
use super::scores::Scores;
use super::settings::HealthSettings;
use super::setup::Setup;
use super::signal::{ALTERNATIVES, Ledger, Signal};

/// A channel in all regions, as one of them is judged.
pub(crate) struct View<'a> {
    pub(crate) tick: u64,
    pub(crate) setup: &'a Setup,
    pub(crate) regions: &'a [RegionState],
    /// The region that is judged.
    pub(crate) region: usize,
    /// The others that its traffic could move to.
    pub(crate) targets: Vec<usize>,
}

/// Trials of a part here, and of the same in regions that traffic could move to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Contrast {
    pub(crate) own: Ledger,
    pub(crate) elsewhere: Ledger,
}

impl View<'_> {
    pub(crate) fn settings(&self) -> &HealthSettings {
        &self.setup.settings
    }

    /// What is known of the region that is judged.
    pub(crate) fn state(&self) -> &RegionState {
        &self.regions[self.region]
    }

    /// The scores of the region that is judged.
    pub(crate) fn own(&self) -> &Scores {
        &self.state().scores
    }

    /// The name of the region that is judged.
    pub(crate) fn label(&self) -> &str {
        &self.setup.labels.regions[self.region]
    }

    /// The usual failure rate of a destination here.
    pub(crate) fn usual(&self, signal: Signal, destination: usize) -> f64 {
        self.setup.baselines.rate(signal, self.region, destination)
    }

    /// The highest of the alternatives of a region's signal.
    pub(crate) fn highest(&self, region: usize, signal: Signal, of: impl Fn(&Score) -> f64) -> f64 {
        self.regions[region].scores.alternatives(signal).iter().map(of).fold(0.0, f64::max)
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
