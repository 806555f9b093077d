//! How long answers took. A histogram of fixed size: three digits are kept, from a microsecond to two minutes.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest time that is told apart, in microseconds; what took longer counts as this.
const MICROS_MAX: u64 = 120_000_000;

/// The digits that are kept of a time.
const DIGITS: u8 = 3;

/// Times that were recorded.
#[derive(Debug, Clone)]
pub struct Latency(Histogram<u64>);

/// The times that most answers stayed below, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of them.
    pub p50_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// 999 of 1,000.
    pub p999_ms: f64,
    /// All.
    pub max_ms: f64,
}

impl Default for Latency {
    fn default() -> Latency {
        Latency(
            Histogram::new_with_bounds(1, MICROS_MAX, DIGITS).expect("the bounds and digits are constants that fit"),
        )
    }
}

impl Latency {
    /// Adds a time.
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(MICROS_MAX);
        self.0.saturating_record(micros.max(1));
    }

    /// Adds all times of another.
    pub fn add(&mut self, other: &Latency) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// Returns the percentiles; all 0 when nothing was recorded.
    pub fn percentiles(&self) -> Percentiles {
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1_000.0;
        Percentiles { p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999), max_ms: self.0.max() as f64 / 1_000.0 }
    }
}

impl std::fmt::Display for Percentiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Percentiles { p50_ms, p99_ms, p999_ms, max_ms } = self;
        write!(f, "p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, p99.9 {p999_ms:.1} ms, max {max_ms:.1} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_recorded_on_either_side() {
        let (mut all, mut other) = (Latency::default(), Latency::default());
        assert_eq!(all.percentiles().max_ms, 0.0);
        for ms in 1..=500 {
            all.record(Duration::from_millis(ms));
            other.record(Duration::from_millis(500 + ms));
        }
        all.add(&other);
        let found = all.percentiles();
        for (found, wanted) in [(found.p50_ms, 500.0), (found.p99_ms, 990.0), (found.max_ms, 1_000.0)] {
            assert!((found / wanted - 1.0_f64).abs() < 0.002, "{found} {wanted}");
        }
    }

    #[test]
    fn what_took_too_long_or_no_time_is_kept_at_the_bounds() {
        let mut latency = Latency::default();
        latency.record(Duration::ZERO);
        latency.record(Duration::from_secs(1_000));
        assert!((latency.percentiles().max_ms - 120_000.0).abs() < 120.0);
    }
}
