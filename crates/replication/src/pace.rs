//! How long a batch of proposals waits for more: a share of what recent ones took.

use std::time::Duration;

/// The least and the longest time for which a batch waits for more while an earlier one is under way.
const MERGE_MIN: Duration = Duration::from_millis(1);
const MERGE_MAX: Duration = Duration::from_millis(20);
/// The share of a recent batch's time for which the next one waits: one in so many.
const MERGE_SHARE: u32 = 3;
/// How much a batch's time counts in the average of recent ones: one in so many.
const PACE_WEIGHT: u32 = 8;

/// How long batches took lately, from the dispatch to the last answer.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    average: Duration,
}

impl Pace {
    /// Takes note of a batch's time.
    pub(crate) fn took(&mut self, time: Duration) {
        self.average = (self.average * (PACE_WEIGHT - 1) + time) / PACE_WEIGHT;
    }

    /// Returns how long a batch may wait for more.
    pub(crate) fn wait(&self) -> Duration {
        (self.average / MERGE_SHARE).clamp(MERGE_MIN, MERGE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_waits_for_a_share_of_recent_times_within_bounds() {
        let mut pace = Pace::default();
        assert_eq!(pace.wait(), MERGE_MIN);
        for _ in 0..100 {
            pace.took(Duration::from_millis(30));
        }
        assert!((Duration::from_millis(9)..=Duration::from_millis(10)).contains(&pace.wait()), "{:?}", pace.wait());
        pace.took(Duration::from_secs(10));
        assert_eq!(pace.wait(), MERGE_MAX);
        for _ in 0..100 {
            pace.took(Duration::from_micros(300));
        }
        assert_eq!(pace.wait(), MERGE_MIN);
    }
}
