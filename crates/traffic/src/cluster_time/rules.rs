//! The durations and rates that the cluster's time goes by (docs/design/time.md, "Parameters").

use std::time::Duration;

/// What the cluster's time goes by; the same on all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRules {
    /// Clocks that differ by at most this agree. Half of what is promised; the other half is for readings' errors and
    /// what a node's own clock drifts while it hears nobody.
    pub agree_max: Duration,
    /// A wall clock that differs from the cluster's time by more is off.
    pub off_max: Duration,
    /// A change of the median by more, though this node's clock ran on, isn't followed until an operator accepts it.
    pub leap_max: Duration,
    /// What was heard of a clock longer ago isn't used.
    pub reading_age_max: Duration,
    /// How long a leader without any known time waits for clocks that agree, before it goes by the lower one of those
    /// that it knows.
    pub wait_max: Duration,
    /// How much faster or slower than this node's clock the cluster's time goes, in per mille, while it is at most
    /// `agree_max` off the median. More than a clock's rate may be off (rho), or drift would win.
    pub slew_per_mille: u32,
    /// The same while it is further off.
    pub catch_up_per_mille: u32,
    /// By how much what is known of another clock grows uncertain with its age, in per mille.
    pub aging_per_mille: u32,
}

impl Default for TimeRules {
    fn default() -> TimeRules {
        TimeRules {
            agree_max: Duration::from_millis(500),
            off_max: Duration::from_secs(1),
            leap_max: Duration::from_secs(3_600),
            reading_age_max: Duration::from_secs(10),
            wait_max: Duration::from_secs(5),
            slew_per_mille: 20,
            catch_up_per_mille: 500,
            aging_per_mille: 20,
        }
    }
}

/// Returns so many thousandths of a duration.
pub(super) fn per_mille(of: Duration, thousandths: u32) -> Duration {
    of.saturating_mul(thousandths) / 1_000
}
