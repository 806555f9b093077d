//! How long batches of proposals take: a new one waits for a share of that, and when it is too long, new work is
//! refused before it is queued. So a queue is never longer than what is done in about [`SLOW`], however much is
//! offered: whoever waits longer gives up and tries again, and a group that works for those does nothing else in the
//! end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The least and the longest time for which a batch waits for more while an earlier one is under way.
const MERGE_MIN: Duration = Duration::from_millis(1);
const MERGE_MAX: Duration = Duration::from_millis(20);
/// The share of a recent batch's time for which the next one waits: one in so many.
const MERGE_SHARE: u32 = 3;
/// How much a batch's time counts in the average of recent ones: one in so many.
const PACE_WEIGHT: u32 = 8;

/// When batches take longer than this, new work is refused.
const SLOW: Duration = Duration::from_secs(1);

/// How long batches took lately, from sending off to the last answer.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The average, in nanoseconds; written by one task.
    average: AtomicU64,
}

impl Pace {
    /// Takes note of a batch's time.
    pub(crate) fn took(&self, time: Duration) {
        let average = (self.average() * (PACE_WEIGHT - 1) + time) / PACE_WEIGHT;
        self.average.store(u64::try_from(average.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns how long a batch may wait for more.
    pub(crate) fn wait(&self) -> Duration {
        (self.average() / MERGE_SHARE).clamp(MERGE_MIN, MERGE_MAX)
    }

    /// Says whether new work should come later.
    pub(crate) fn is_slow(&self) -> bool {
        self.average() > SLOW
    }

    fn average(&self) -> Duration {
        Duration::from_nanos(self.average.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_waits_for_a_share_of_recent_times_within_bounds() {
        let pace = Pace::default();
        assert_eq!(pace.wait(), MERGE_MIN);
        for _ in 0..100 {
            pace.took(Duration::from_millis(30));
        }
        assert!((Duration::from_millis(9)..=Duration::from_millis(10)).contains(&pace.wait()), "{:?}", pace.wait());
        pace.took(Duration::from_secs(10));
        assert_eq!(pace.wait(), MERGE_MAX);
        assert!(pace.is_slow());
        for _ in 0..100 {
            pace.took(Duration::from_micros(300));
        }
        assert_eq!(pace.wait(), MERGE_MIN);
        assert!(!pace.is_slow());
    }
}
