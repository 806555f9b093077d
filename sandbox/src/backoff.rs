//! When to try a callback again. Pure: says how long to wait, waits for nothing.

use std::time::Duration;

/// Waits that double up to a longest one, until so much time has passed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// The first wait.
    pub(crate) first: Duration,
    /// The longest wait.
    pub(crate) max: Duration,
    /// The time after which nothing is tried any more.
    pub(crate) give_up_after: Duration,
}

impl Backoff {
    /// For events: a region that restarts gets its events, and one that is gone for good costs no memory for long.
    pub(crate) const EVENTS: Self =
        Self { first: Duration::from_millis(100), max: Duration::from_secs(5), give_up_after: Duration::from_secs(60) };

    /// How long to wait before the try after the `failures`-th failure, or `None` when it is time to give up.
    pub(crate) fn wait(&self, failures: u32, since_first_try: Duration) -> Option<Duration> {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(16));
        let wait = doubled.min(self.max);
        (since_first_try + wait <= self.give_up_after).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest_and_gives_up_in_time() {
        let (mut waited, mut waits) = (Duration::ZERO, Vec::new());
        while let Some(wait) = Backoff::EVENTS.wait(waits.len() as u32 + 1, waited) {
            waited += wait;
            waits.push(wait.as_millis());
        }
        assert_eq!(waits[..8], [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert!(waited > Duration::from_secs(50) && waited <= Duration::from_secs(60), "{waited:?}");
    }
}
