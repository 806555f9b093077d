//! Requests a second: a token bucket in one atomic, as the generic cell rate algorithm (ITU-T I.371) has it. The bucket
//! holds the time at which it would be full again; a request moves it forward by the time that one request is worth.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::time::BootTime;

/// How fast requests may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second in the long run; positive.
    pub per_second: u32,
    /// How many may come at once after a rest; positive.
    pub burst: u32,
}

impl Rate {
    /// The time that one request is worth.
    fn interval(self) -> u64 {
        (1_000_000_000 / u64::from(self.per_second.max(1))).max(1)
    }
}

/// A bucket, full at first.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// When it is full again, in nanoseconds of [`BootTime`].
    full_at: AtomicU64,
}

impl Bucket {
    /// Takes one request; refused with the time after which there is one again.
    pub(super) fn take(&self, rate: Rate, now: BootTime) -> Result<(), Duration> {
        let interval = rate.interval();
        let room = interval.saturating_mul(rate.burst.max(1).into());
        let taken = |full_at: u64| full_at.max(now.0).saturating_add(interval);
        let allowed = |full_at: u64| Some(taken(full_at)).filter(|next| *next <= now.0.saturating_add(room));
        match self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, allowed) {
            Ok(_) => Ok(()),
            Err(full_at) => Err(Duration::from_nanos(taken(full_at).saturating_sub(now.0.saturating_add(room)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Over any time, no more pass than the burst and what the time is worth; and whoever waits as told passes.
        #[test]
        fn no_more_pass_than_the_rate_allows(
            per_second in 1_u32..5_000,
            burst in 1_u32..100,
            waits in proptest::collection::vec(0_u64..20_000_000, 1..300),
        ) {
            let (rate, bucket) = (Rate { per_second, burst }, Bucket::default());
            let (mut now, mut passed) = (BootTime(1), 0_u64);
            for wait in waits {
                now = now + Duration::from_nanos(wait);
                match bucket.take(rate, now) {
                    Ok(()) => passed += 1,
                    Err(after) => {
                        prop_assert!(!after.is_zero());
                        now = now + after;
                        prop_assert_eq!(bucket.take(rate, now), Ok(()));
                        passed += 1;
                    }
                }
                prop_assert!(passed <= u64::from(burst) + now.0 / rate.interval() + 1);
            }
        }

        /// A key that has rested may make its whole burst, and not one more.
        #[test]
        fn a_rested_key_has_its_burst(per_second in 1_u32..5_000, burst in 1_u32..100) {
            let (rate, bucket) = (Rate { per_second, burst }, Bucket::default());
            let now = BootTime(3_600_000_000_000);
            prop_assert!((0..burst).all(|_| bucket.take(rate, now).is_ok()));
            prop_assert!(bucket.take(rate, now).is_err());
        }
    }
}
