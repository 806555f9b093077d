//! Lost regions: noticed by missing heartbeats and missing lease renewals, and answered by a change of the plan. The
//! verdict is about reachability only; how well a region sends is another matter.
//!
//! Runs on the leader of the control group. All times are readings of that node's own clock: whoever passes on that an
//! observer saw a subject some time ago subtracts that age from the arrival of the report.

mod response;
mod situation;
mod verdict;

pub use response::{automatic_changes, decide};
pub(crate) use situation::replace;
pub use situation::{AUTOMATIC_PER_HOUR, AutomaticChange, Freeze, HISTORY_WINDOW, SafetyRules, Situation};
pub use verdict::{LossSettings, RegionLoss, Verdict};
