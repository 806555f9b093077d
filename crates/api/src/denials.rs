//! Callers who prove no key: each is counted, and a log line tells of them now and then, however many there are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::time::BootTime;

/// How often a line is logged at most.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// The failed authentications of a listener.
pub(crate) struct Denials {
    listener: &'static str,
    /// When the next line may be logged, in nanoseconds of [`BootTime`].
    next: AtomicU64,
    untold: AtomicU64,
}

impl Denials {
    pub(crate) fn new(listener: &'static str) -> Denials {
        Denials { listener, next: AtomicU64::new(0), untold: AtomicU64::new(0) }
    }

    /// Counts a failure, and logs a line if one is due.
    pub(crate) fn tell(&self, now: BootTime) {
        metrics::counter!("signalbox_authentication_failures_total", "listener" => self.listener).increment(1);
        if let Some(failures) = self.count(now) {
            tracing::info!(listener = self.listener, failures, "authentication failed");
        }
    }

    /// Counts a failure; returns those since the last line if another one is due.
    fn count(&self, now: BootTime) -> Option<u64> {
        self.untold.fetch_add(1, Ordering::Relaxed);
        let next = self.next.load(Ordering::Relaxed);
        let after = (now + LINE_INTERVAL).0;
        let due =
            now.0 >= next && self.next.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        due.then(|| self.untold.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_failures_are_few_lines() {
        let denials = Denials::new("rest");
        let lines: Vec<_> = (0..2_500_u64)
            .filter_map(|number| denials.count(BootTime(0) + Duration::from_millis(number * 10)))
            .collect();
        assert_eq!(lines, [1, 1_000, 1_000]);
    }
}
