//! Lost regions: noticed by missing heartbeats and missing lease renewals, and answered by a change of the plan; and
//! regions that a cut line keeps from sending (`starved`). Both are about reachability only; how well a region sends is
//! another matter.
//!
//! Runs on the leader of the control group. All times are readings of that node's own clock: whoever passes on that an
//! observer saw a subject some time ago subtracts that age from the arrival of the report.

mod response;
mod situation;
mod starved;
mod verdict;

pub use response::decide;
pub use situation::{FailbackRules, Freeze, HISTORY_WINDOW, RETURNS_PER_HOUR, SafetyRules, Situation, lost_since};
pub(crate) use situation::{has_stand_in, replace};
pub use starved::{CutLines, STARVED_MARGIN, Starved, relieve};
pub use verdict::{LossSettings, RegionLoss, Verdict};
