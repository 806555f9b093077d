//! Whether a region, or a part of its traffic, is ill: scores of how surprising failures are ("breadth CUSUM"), and the
//! judgement whether moving would help. The specification with its reasons and figures is in docs/design/health.md.

mod baselines;
mod common;
mod course;
mod delays;
mod destination;
mod detector;
mod gains;
mod judgement;
mod region;
mod region_state;
mod score;
mod scores;
mod settings;
mod setup;
mod signal;
mod silence;
mod trials;
mod view;
mod way_back;

pub use baselines::{Baselines, BaselinesError, Extent};
pub(crate) use delays::AGE_BOUNDS;
pub use delays::{AGE_BINS, DelayCurve, DelayCurveError, EVENT_AGE_MAX, age_bin};
pub use detector::{Detector, Standing};
pub use judgement::{Advice, Judgement, Labels, Part, Restraint};
pub use settings::{HealthSettings, HealthSettingsError};
pub use setup::DetectorError;
pub use signal::Signal;
pub use trials::{CellCounts, Counted};
