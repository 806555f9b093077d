//! From openraft's clock to the lease's. openraft times by tokio's clock, which stops in suspend; the lease by one that
//! doesn't. A moment is translated so that the error is on the safe side: it never comes out later than it was.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::time::BootTime;
use service::ports::Clock;
use tokio::time::Instant;

/// How many readings are kept.
const READINGS_MAX: usize = 256;

/// Pairs of readings of both clocks, oldest first.
pub(crate) struct ClockBridge {
    /// The least time between two readings: what is kept must reach back further than any moment that is asked for.
    spacing: Duration,
    readings: Mutex<VecDeque<(Instant, BootTime)>>,
}

impl ClockBridge {
    pub(crate) fn new(spacing: Duration) -> ClockBridge {
        ClockBridge { spacing, readings: Mutex::default() }
    }

    /// Reads both clocks, unless that was done just now.
    pub(crate) fn read(&self, clock: &dyn Clock) {
        // In this order, so that the pair says that it is earlier than it is.
        let boot = clock.boot_time();
        let instant = Instant::now();
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        if readings.back().is_some_and(|(last, _)| instant.duration_since(*last) < self.spacing) {
            return;
        }
        if readings.len() == READINGS_MAX {
            readings.pop_front();
        }
        readings.push_back((instant, boot));
    }

    /// Translates a moment; nothing when it is older than all readings. Between the reading before it and the moment
    /// the lease's clock moved at least as far as tokio's.
    pub(crate) fn translate(&self, moment: Instant) -> Option<BootTime> {
        let readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        let (instant, boot) = readings.iter().rev().find(|(instant, _)| *instant <= moment)?;
        Some(*boot + moment.duration_since(*instant))
    }
}

#[cfg(test)]
mod tests {
    use model::time::Timestamp;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn boot_time(&self) -> BootTime {
            BootTime(self.0.load(Ordering::Relaxed))
        }

        fn boot_id(&self) -> Option<u128> {
            None
        }

        fn wall_time(&self) -> Timestamp {
            Timestamp(0)
        }
    }

    #[test]
    fn a_suspend_after_the_moment_does_not_move_it() {
        let bridge = ClockBridge::new(Duration::ZERO);
        let hand = Hand(AtomicU64::new(1_000));
        let before = Instant::now();
        bridge.read(&hand);
        let moment = Instant::now();
        hand.0.store(10_000_000_000, Ordering::Relaxed);
        bridge.read(&hand);
        let translated = bridge.translate(moment).unwrap();
        assert!(translated.since(BootTime(1_000)) <= before.elapsed());
        assert_eq!(bridge.translate(before - Duration::from_secs(1)), None);
    }
}
