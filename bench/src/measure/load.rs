//! Load: many callers that share one schedule. With a rate the loop is open: each request has its intended start, and
//! its time counts from there, so that a stall is charged to every request that it held up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::latency::Latency;

/// The smallest wait that is worth a timer: tokio's timers are that fine.
const TIMER_GRAIN: Duration = Duration::from_millis(1);

/// How long a caller rests after a request that failed, so that a refusal isn't answered with a storm.
const REST_AFTER_FAILURE: Duration = Duration::from_millis(20);

/// How fast requests begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Each caller begins the next one when it has the answer to the last: a closed loop.
    Max,
    /// So many requests a second over all callers, whatever becomes of them: an open loop.
    PerSecond(f64),
}

/// What is asked of the callers.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// How fast requests begin.
    pub pace: Pace,
    /// For how long requests begin; what is under way at its end is waited for.
    pub length: Duration,
    /// The number of requests at which it ends earlier.
    pub requests_max: u64,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// How many things it did: messages accepted, records written.
    pub units: u64,
    /// How many it was asked for and refused.
    pub refused: u64,
}

/// One client with a connection of its own.
pub trait Caller: Send + 'static {
    /// Makes the request with this number; numbers are never repeated in a run.
    fn call(&mut self, number: u64) -> impl Future<Output = Result<Done, String>> + Send;
}

/// What became of all requests.
#[derive(Debug, Default)]
pub struct Tally {
    /// Requests that were answered well.
    pub requests: u64,
    /// Things done by them.
    pub units: u64,
    /// Things that were refused.
    pub refused: u64,
    /// Requests that failed as a whole.
    pub failures: u64,
    /// What the first of them failed with.
    pub first_failure: Option<String>,
    /// How long the answered ones took: from the intended start in an open loop, from the start in a closed one.
    pub latency: Latency,
    /// From the first start to the last answer.
    pub took: Duration,
}

impl Tally {
    /// Returns the things done in a second.
    pub fn units_per_second(&self) -> f64 {
        if self.took.is_zero() { 0.0 } else { self.units as f64 / self.took.as_secs_f64() }
    }

    fn add(&mut self, other: Tally) {
        self.requests += other.requests;
        self.units += other.units;
        self.refused += other.refused;
        self.failures += other.failures;
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.latency.add(&other.latency);
    }
}

/// Puts the load on: each caller takes the next number of the shared schedule when it is free.
///
/// # Panics
/// When a caller panics.
pub async fn run<C: Caller>(load: Load, callers: Vec<C>) -> Tally {
    let schedule = Arc::new(Schedule { load, began: Instant::now(), next: AtomicU64::new(0) });
    let mut tasks = JoinSet::new();
    for caller in callers {
        tasks.spawn(work(caller, Arc::clone(&schedule)));
    }
    let mut tally = Tally::default();
    for part in tasks.join_all().await {
        tally.add(part);
    }
    tally.took = schedule.began.elapsed();
    tally
}

struct Schedule {
    load: Load,
    began: Instant,
    next: AtomicU64,
}

impl Schedule {
    /// Returns the next request's number and intended start; nothing when the load is over.
    fn take(&self) -> Option<(u64, Instant)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let start = match self.load.pace {
            Pace::Max => Instant::now(),
            Pace::PerSecond(rate) => self.began + Duration::from_secs_f64(number as f64 / rate),
        };
        (number < self.load.requests_max && start < self.began + self.load.length).then_some((number, start))
    }
}

async fn work<C: Caller>(mut caller: C, schedule: Arc<Schedule>) -> Tally {
    let mut tally = Tally::default();
    while let Some((number, start)) = schedule.take() {
        if start > Instant::now() + TIMER_GRAIN {
            sleep_until(start).await;
        }
        match caller.call(number).await {
            Ok(done) => {
                tally.latency.record(start.elapsed());
                tally.requests += 1;
                tally.units += done.units;
                tally.refused += done.refused;
            }
            Err(failure) => {
                tally.failures += 1;
                tally.first_failure.get_or_insert(failure);
                tokio::time::sleep(REST_AFTER_FAILURE).await;
            }
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers after a time of its own; the first request stalls.
    struct Slow {
        answer: Duration,
        stall: Duration,
    }

    impl Caller for Slow {
        async fn call(&mut self, number: u64) -> Result<Done, String> {
            tokio::time::sleep(if number == 0 { self.stall } else { self.answer }).await;
            if number == 5 { Err("no".to_owned()) } else { Ok(Done { units: 2, refused: 1 }) }
        }
    }

    fn load(pace: Pace, requests_max: u64) -> Load {
        Load { pace, length: Duration::from_secs(10), requests_max }
    }

    fn slow(stall_ms: u64) -> Slow {
        Slow { answer: Duration::from_millis(2), stall: Duration::from_millis(stall_ms) }
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_loop_charges_a_stall_to_every_request_that_it_held_up() {
        let tally = run(load(Pace::PerSecond(100.0), 1_000), vec![slow(1_000)]).await;
        assert_eq!((tally.requests, tally.units, tally.refused, tally.failures), (999, 1_998, 999, 1));
        assert_eq!(tally.first_failure.as_deref(), Some("no"));
        // A hundred requests were due during the stall of a second: a tenth of all waited, half a second in the middle.
        let found = tally.latency.percentiles();
        assert!(found.p50_ms < 5.0 && found.p99_ms > 800.0, "{found}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_loop_counts_from_the_start_and_ends_with_the_length() {
        let tally = run(load(Pace::Max, u64::MAX), vec![slow(2), slow(2)]).await;
        let found = tally.latency.percentiles();
        assert!(found.p999_ms <= 3.1, "{found}");
        assert!((tally.units_per_second() - 2_000.0).abs() < 20.0, "{}", tally.units_per_second());
    }
}
