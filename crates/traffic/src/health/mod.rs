//! Whether a region, or a part of its traffic, is ill: scores of how surprising failures are ("breadth CUSUM"), and the
//! judgement whether moving would help. The specification with its reasons and figures is in docs/design/health.md.

mod baselines;
mod course;
mod delays;
mod destination;
mod detector;
mod judgement;
mod region;
mod scores;
mod settings;
mod signal;
mod silence;
mod trials;
mod view;

pub use baselines::{Baselines, BaselinesError, Extent};
pub use delays::{AGE_BINS, AGE_BOUNDS, DelayCurve, DelayCurveError, EVENT_AGE_MAX};
pub use detector::{Detector, DetectorError};
pub use judgement::{Advice, Cause, Judgement, Labels, Part, Restraint};
pub use settings::{HealthSettings, HealthSettingsError};
pub use signal::Signal;
pub use trials::{CellCounts, Counted};
