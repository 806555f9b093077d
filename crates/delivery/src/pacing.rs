//! How fast an identity may send: a token bucket in integers. Reads no clock.

use std::time::Duration;

use model::time::BootTime;

/// Micro-tokens in a token: a rate of one a second refills one micro-token a microsecond.
const MICRO: u128 = 1_000_000;

/// How fast an identity may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Messages a second; at least 1.
    pub per_second: u64,
    /// The largest number of messages at once after a pause; at least 1.
    pub burst: u64,
}

/// A token bucket: begins full, refills evenly, never holds more than its burst.
///
/// In any time t it grants at most `burst + per_second * t` (see [`TokenBucket::invariant_not_over_burst`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenBucket {
    rate: Rate,
    micro_tokens: u128,
    refilled: BootTime,
}

impl TokenBucket {
    /// Makes a full bucket. A rate or burst of 0 counts as 1.
    pub fn new(rate: Rate, now: BootTime) -> TokenBucket {
        let rate = Rate { per_second: rate.per_second.max(1), burst: rate.burst.max(1) };
        TokenBucket { rate, micro_tokens: u128::from(rate.burst) * MICRO, refilled: now }
    }

    /// Takes at most `wanted` tokens and returns how many it got.
    pub fn take(&mut self, now: BootTime, wanted: u64) -> u64 {
        self.refill(now);
        let whole = u64::try_from(self.micro_tokens / MICRO).unwrap_or(u64::MAX);
        let granted = wanted.min(whole);
        self.micro_tokens -= u128::from(granted) * MICRO;
        granted
    }

    /// Gives back tokens that were taken and not used.
    pub fn give_back(&mut self, unused: u64) {
        self.micro_tokens = (self.micro_tokens + u128::from(unused) * MICRO).min(self.full());
    }

    /// Returns when there will be a token; not after `now` when there is one.
    pub fn next_at(&self, now: BootTime) -> BootTime {
        let mut bucket = *self;
        bucket.refill(now);
        let missing = MICRO.saturating_sub(bucket.micro_tokens);
        // A micro-token takes 1,000 / per_second nanoseconds; rounded up, so that the token is there then.
        let nanoseconds = (missing * 1_000).div_ceil(u128::from(self.rate.per_second));
        bucket.refilled.max(now) + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// Empties the bucket and lets it refill from `until` on: what a provider's throttling asks for.
    pub fn pause(&mut self, until: BootTime) {
        self.micro_tokens = 0;
        self.refilled = self.refilled.max(until);
    }

    /// Says that the bucket holds at most its burst.
    pub fn invariant_not_over_burst(&self) -> bool {
        self.micro_tokens <= self.full()
    }

    fn full(&self) -> u128 {
        u128::from(self.rate.burst) * MICRO
    }

    /// Adds what flowed in since the last refill. Only the time that became whole micro-tokens is used up, so that
    /// frequent calls lose nothing to rounding.
    fn refill(&mut self, now: BootTime) {
        let per_second = u128::from(self.rate.per_second);
        let elapsed = now.since(self.refilled).as_nanos();
        let inflow = elapsed * per_second / 1_000;
        if self.micro_tokens + inflow >= self.full() {
            self.micro_tokens = self.full();
            self.refilled = self.refilled.max(now);
        } else {
            self.micro_tokens += inflow;
            let used = (inflow * 1_000).div_ceil(per_second);
            self.refilled = self.refilled + Duration::from_nanos(u64::try_from(used).unwrap_or(u64::MAX));
        }
        debug_assert!(self.invariant_not_over_burst());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(milliseconds: u64) -> BootTime {
        BootTime(milliseconds * 1_000_000)
    }

    #[test]
    fn a_full_bucket_grants_its_burst_and_then_its_rate() {
        let mut bucket = TokenBucket::new(Rate { per_second: 10, burst: 5 }, at(0));
        assert_eq!(bucket.take(at(0), 100), 5);
        assert_eq!(bucket.take(at(99), 100), 0);
        assert_eq!(bucket.take(at(100), 100), 1);
        assert_eq!(bucket.take(at(10_000), 100), 5);
    }

    #[test]
    fn a_pause_holds_and_then_refills_from_nothing() {
        let mut bucket = TokenBucket::new(Rate { per_second: 10, burst: 5 }, at(0));
        bucket.pause(at(1_000));
        assert_eq!(bucket.take(at(999), 1), 0);
        assert_eq!(bucket.next_at(at(0)), at(1_100));
        assert_eq!(bucket.take(at(1_100), 5), 1);
    }

    #[test]
    fn tokens_given_back_are_granted_again() {
        let mut bucket = TokenBucket::new(Rate { per_second: 1, burst: 5 }, at(0));
        assert_eq!(bucket.take(at(0), 5), 5);
        bucket.give_back(2);
        assert_eq!(bucket.take(at(0), 5), 2);
        bucket.give_back(100);
        assert!(bucket.invariant_not_over_burst());
    }

    proptest! {
        #[test]
        fn never_grants_more_than_burst_and_rate_allow(
            per_second in 1_u64..100_000,
            burst in 1_u64..1_000,
            steps in proptest::collection::vec((0_u64..2_000_000_000, 0_u64..2_000), 1..50),
        ) {
            let mut bucket = TokenBucket::new(Rate { per_second, burst }, BootTime(7));
            let (mut now, mut granted) = (7_u64, 0_u128);
            for (elapsed, wanted) in steps {
                now += elapsed;
                granted += u128::from(bucket.take(BootTime(now), wanted));
                let allowed = u128::from(burst) + u128::from(now - 7) * u128::from(per_second) / 1_000_000_000;
                prop_assert!(granted <= allowed, "{granted} > {allowed}");
            }
        }

        #[test]
        fn a_token_is_there_at_the_foretold_time_and_not_long_before(per_second in 1_u64..100_000, later in 0_u64..5_000_000) {
            let mut bucket = TokenBucket::new(Rate { per_second, burst: 1 }, BootTime(0));
            prop_assert_eq!(bucket.take(BootTime(0), 1), 1);
            let now = BootTime(later);
            let next = bucket.next_at(now);
            prop_assert!(next >= now);
            let mut early = bucket;
            if next.0 > now.0 + 1_000 {
                prop_assert_eq!(early.take(BootTime(next.0 - 1_000), 1), 0);
            }
            prop_assert_eq!(bucket.take(next, 1), 1);
        }

        #[test]
        fn frequent_looks_lose_nothing(per_second in 1_u64..5_000, looks in 1_u64..2_000) {
            let mut bucket = TokenBucket::new(Rate { per_second, burst: 10_000 }, BootTime(0));
            bucket.take(BootTime(0), 10_000);
            for look in 1..=looks {
                bucket.take(BootTime(look * 1_000_003), 0);
            }
            let wanted = u128::from(looks) * 1_000_003 * u128::from(per_second) / 1_000_000_000;
            let got = u128::from(bucket.take(BootTime(looks * 1_000_003), 10_000));
            prop_assert!(got + 1 >= wanted.min(10_000), "{got} of {wanted}");
        }
    }
}
