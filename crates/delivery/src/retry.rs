//! When a dispatch that failed is tried again: exponential backoff with full jitter, by channel, as long as the message
//! is worth sending. Reads no clock: it answers with the time from now.

use std::time::Duration;

use model::address::mix;
use model::channel::{AddressFamily, Channel};

/// The longest wait that a provider may ask for; longer ones are cut, so that a wrong header doesn't park a message
/// until it expires.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// The shortest wait: a retry is never due in the instant in which it failed.
pub const RETRY_MIN: Duration = Duration::from_millis(1);

/// How far apart dispatches of a channel are tried. They go on until the message expires, which its group decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The longest wait after the first failed dispatch.
    pub first: Duration,
    /// By how much the longest wait grows with each further one; at least 1.
    pub factor: u32,
    /// The longest wait after any failed dispatch.
    pub max: Duration,
}

impl RetryPolicy {
    /// Returns the policy of a channel. Messages that matter for minutes (telephone, push) are tried close together;
    /// mailboxes are often full or greylisted for hours (RFC 5321, 4.5.4.1); a custom channel's server is ours to wait
    /// for.
    pub fn for_channel(channel: Channel) -> RetryPolicy {
        let seconds = Duration::from_secs;
        match channel.address_family() {
            AddressFamily::Telephone => RetryPolicy { first: seconds(2), factor: 2, max: seconds(600) },
            AddressFamily::Token => RetryPolicy { first: seconds(1), factor: 2, max: seconds(300) },
            AddressFamily::Mailbox => RetryPolicy { first: seconds(5), factor: 3, max: seconds(1_800) },
            AddressFamily::Custom => RetryPolicy { first: seconds(1), factor: 2, max: seconds(600) },
        }
    }

    /// Returns how long to wait after the failed dispatch number `attempt` (from 1); at least [`RETRY_MIN`]. `seed` is
    /// random bits: the wait is drawn evenly from nothing to the longest, so that messages that failed together don't
    /// come back together (Brooker, "Exponential Backoff And Jitter", 2015). A wait that the provider asked for is kept,
    /// and the drawn one comes on top of it.
    pub fn wait(&self, attempt: u32, seed: u64, provider_retry_after: Option<Duration>) -> Duration {
        let drawn = fraction_of(self.longest(attempt), seed);
        let asked = provider_retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        (asked + drawn).max(RETRY_MIN)
    }

    /// Returns the longest wait after the failed dispatch number `attempt`.
    fn longest(&self, attempt: u32) -> Duration {
        let growth = self.factor.max(1).checked_pow(attempt.saturating_sub(1));
        growth.and_then(|growth| self.first.checked_mul(growth)).unwrap_or(self.max).min(self.max)
    }
}

/// Returns a share of `whole` that the seed draws, evenly from nothing to all of it.
fn fraction_of(whole: Duration, seed: u64) -> Duration {
    let nanoseconds = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX);
    let drawn = (u128::from(mix(seed)) * (u128::from(nanoseconds) + 1)) >> 64;
    Duration::from_nanos(drawn as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::channel::CHANNELS;
    use proptest::prelude::*;

    const POLICY: RetryPolicy = RetryPolicy { first: Duration::from_secs(1), factor: 2, max: Duration::from_secs(60) };

    #[test]
    fn the_longest_wait_grows_up_to_its_limit() {
        let longest: Vec<u64> = (1..10).map(|attempt| POLICY.longest(attempt).as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(POLICY.longest(u32::MAX), POLICY.max);
    }

    #[test]
    fn waits_of_one_failure_spread_over_the_whole_range() {
        let waits: Vec<Duration> = (0..1_000).map(|seed| POLICY.wait(4, seed, None)).collect();
        let mean = waits.iter().sum::<Duration>() / 1_000;
        assert!((Duration::from_millis(3_700)..Duration::from_millis(4_300)).contains(&mean), "{mean:?}");
        assert!(waits.iter().any(|wait| *wait < Duration::from_millis(400)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_millis(7_600)));
    }

    proptest! {
        #[test]
        fn a_wait_keeps_its_bounds(attempt in 1_u32.., seed: u64, asked in proptest::option::of(0_u64..100_000)) {
            for channel in CHANNELS {
                let policy = RetryPolicy::for_channel(channel);
                let asked = asked.map(Duration::from_secs);
                let wait = policy.wait(attempt, seed, asked);
                let floor = asked.unwrap_or_default().min(RETRY_AFTER_MAX);
                prop_assert!(wait >= floor.max(RETRY_MIN));
                prop_assert!(wait <= floor + policy.max);
            }
        }
    }
}
