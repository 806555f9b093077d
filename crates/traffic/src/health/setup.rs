//! What a channel's detector goes by.

use super::baselines::{Baselines, BaselinesError, Extent};
use super::judgement::Labels;
use super::settings::{HealthSettings, HealthSettingsError};

/// Settings, names and what is normal, checked against each other.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) settings: HealthSettings,
    pub(crate) labels: Labels,
    pub(crate) baselines: Baselines,
    pub(crate) extent: Extent,
}

/// Why a detector can't be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DetectorError {
    #[error(transparent)]
    Settings(#[from] HealthSettingsError),
    #[error(transparent)]
    Baselines(#[from] BaselinesError),
    #[error("the regions, destinations and apps of a detector stay as many as they are")]
    Extent,
}

impl Setup {
    pub(crate) fn new(settings: HealthSettings, labels: Labels, baselines: Baselines) -> Result<Setup, DetectorError> {
        let extent =
            Extent { regions: labels.regions.len(), destinations: labels.destinations.len(), apps: labels.apps.len() };
        settings.check()?;
        baselines.check(extent)?;
        Ok(Setup { settings, labels, baselines, extent })
    }
}
