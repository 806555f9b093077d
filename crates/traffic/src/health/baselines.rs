//! What is normal on a channel: the detector compares with it, and something else learns it.

use super::delays::{DelayCurve, EVENT_AGE_MAX};
use super::signal::Signal;

/// Failure rates, traffic shares and delays of a channel when all is well. Indexes are those of the channel's regions,
/// destinations and apps.
#[derive(Debug, Clone, PartialEq)]
pub struct Baselines {
    /// The usual failure rates by region and destination of each signal, in the order of [`Signal::ALL`]; those of
    /// [`Signal::Flow`] are not looked at, because the curves say it.
    pub rates: [Vec<Vec<f64>>; Signal::COUNT],
    /// Each destination's share of the traffic in the long run.
    pub destination_shares: Vec<f64>,
    /// Each app's share of the traffic in the long run.
    pub app_shares: Vec<f64>,
    /// How late events come from each destination.
    pub curves: Vec<DelayCurve>,
    /// The age in seconds by which a message is late without an event.
    pub late_after: usize,
    /// Each region's usual number of messages a second. A step of the way back is at least one of them.
    pub normal_rates: Vec<f64>,
}

/// What doesn't fit together in baselines.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum BaselinesError {
    #[error("{what} has {is} values, and {must} are needed")]
    Length { what: &'static str, is: usize, must: usize },
    #[error("{what} has the value {is}, which is not a share from 0 to 1")]
    NoShare { what: &'static str, is: f64 },
    #[error("late_after is {0} s, and must be from 1 to {EVENT_AGE_MAX}")]
    LateAfter(usize),
}

/// How many regions, destinations and apps a channel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Extent {
    pub regions: usize,
    pub destinations: usize,
    pub apps: usize,
}

impl Extent {
    /// How many cells a region has: an app's messages to a destination are one.
    pub fn cells(self) -> usize {
        self.destinations * self.apps
    }
}

impl Baselines {
    pub(crate) fn rate(&self, signal: Signal, region: usize, destination: usize) -> f64 {
        match signal {
            Signal::Flow => 0.0,
            Signal::Errors | Signal::Late | Signal::Throttled => self.rates[signal as usize][region][destination],
        }
    }

    /// Says whether one destination has nearly all of the traffic.
    pub(crate) fn one_destination_dominates(&self, dominant: f64) -> bool {
        self.destination_shares.iter().any(|share| *share > dominant)
    }

    /// Says whether one app has nearly all of the traffic.
    pub(crate) fn one_app_dominates(&self, dominant: f64) -> bool {
        self.app_shares.iter().any(|share| *share > dominant)
    }

    /// Checks that everything has a value for each region, destination and app.
    ///
    /// # Errors
    ///
    /// The first that doesn't.
    pub fn check(&self, extent: Extent) -> Result<(), BaselinesError> {
        let Extent { regions, destinations, apps } = extent;
        let as_many = |what, is, must| match is == must {
            true => Ok(()),
            false => Err(BaselinesError::Length { what, is, must }),
        };
        let shares = |what, values: &[f64]| match values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            None => Ok(()),
            Some(is) => Err(BaselinesError::NoShare { what, is: *is }),
        };
        as_many("destination_shares", self.destination_shares.len(), destinations)?;
        as_many("app_shares", self.app_shares.len(), apps)?;
        as_many("curves", self.curves.len(), destinations)?;
        as_many("normal_rates", self.normal_rates.len(), regions)?;
        shares("destination_shares", &self.destination_shares)?;
        shares("app_shares", &self.app_shares)?;
        for signal in [Signal::Errors, Signal::Late, Signal::Throttled] {
            let rates = &self.rates[signal as usize];
            as_many(signal.name(), rates.len(), regions)?;
            for rates in rates {
                as_many(signal.name(), rates.len(), destinations)?;
                shares(signal.name(), rates)?;
            }
        }
        match self.late_after {
            1..=EVENT_AGE_MAX => Ok(()),
            other => Err(BaselinesError::LateAfter(other)),
        }
    }
}
