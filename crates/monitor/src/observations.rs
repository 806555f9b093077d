//! Counting what sending looks like from this node: metrics, and channels whose provider takes nothing any more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{counter, histogram};
use model::channel::Channel;
use model::time::BootTime;
use service::ports::{Clock, DispatchObservation, Observations};

/// The result of a dispatch that the provider took.
const ACCEPTED: &str = "accepted";
/// How many dispatches in a row that were not taken are worth an operator's look: fewer may be one bad address.
const REFUSED_MIN: u64 = 5;
/// How long a refusal is news. Longer than messages rest between two attempts.
const REFUSED_AGE_MAX: Duration = Duration::from_secs(600);

/// Turns observations into metrics (dispatches by channel and result, and how long batches took), and remembers the
/// refusals in a row of each channel.
pub struct SendCounters {
    clock: Arc<dyn Clock>,
    refused: Mutex<BTreeMap<Channel, Refused>>,
}

/// Dispatches of a channel that were not taken, since the last one that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) count: u64,
    pub(crate) last: BootTime,
}

impl SendCounters {
    /// Begins with nothing seen.
    pub fn new(clock: Arc<dyn Clock>) -> SendCounters {
        SendCounters { clock, refused: Mutex::default() }
    }

    /// Returns the channels of which nothing is taken any more.
    pub(crate) fn refusing(&self) -> BTreeMap<Channel, Refused> {
        let now = self.clock.boot_time();
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = |refused: &Refused| refused.count >= REFUSED_MIN && now.since(refused.last) < REFUSED_AGE_MAX;
        refused.iter().filter(|(_, refused)| counts(refused)).map(|(channel, refused)| (*channel, *refused)).collect()
    }
}

impl Observations for SendCounters {
    fn observe(&self, observation: &DispatchObservation) {
        let channel = observation.channel.as_str();
        for (result, count) in &observation.results {
            counter!("signalbox_dispatches_total", "channel" => channel, "result" => *result).increment(*count);
        }
        histogram!("signalbox_dispatch_seconds", "channel" => channel).record(observation.took.as_secs_f64());
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if observation.results.contains_key(ACCEPTED) {
            refused.remove(&observation.channel);
        } else if !observation.results.is_empty() {
            let last = self.clock.boot_time();
            let known = refused.entry(observation.channel).or_insert(Refused { count: 0, last });
            *known = Refused { count: known.count.saturating_add(observation.results.values().sum()), last };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use model::time::Timestamp;

    use super::*;

    struct TestClock(AtomicU64);

    impl Clock for TestClock {
        fn wall_time(&self) -> Timestamp {
            Timestamp(0)
        }

        fn boot_time(&self) -> BootTime {
            BootTime(self.0.load(Ordering::Relaxed))
        }

        fn boot_id(&self) -> Option<u128> {
            None
        }
    }

    fn seen(counters: &SendCounters, channel: Channel, results: &[(&'static str, u64)]) {
        let results = results.iter().copied().collect();
        counters.observe(&DispatchObservation { channel, took: Duration::ZERO, results });
    }

    #[test]
    fn a_channel_of_which_nothing_is_taken_is_told_until_something_is() {
        let clock = Arc::new(TestClock(AtomicU64::new(0)));
        let counters = SendCounters::new(clock.clone());
        seen(&counters, Channel::Sms, &[("temporary", 2), ("unknown", 2)]);
        seen(&counters, Channel::Email, &[("permanent", 9), ("accepted", 1)]);
        seen(&counters, Channel::Sms, &[]);
        assert!(counters.refusing().is_empty());
        seen(&counters, Channel::Sms, &[("throttled", 1)]);
        let expected = BTreeMap::from([(Channel::Sms, Refused { count: 5, last: BootTime(0) })]);
        assert_eq!(counters.refusing(), expected);
        clock.0.store(600_000_000_000, Ordering::Relaxed);
        assert!(counters.refusing().is_empty(), "that is long ago");
        seen(&counters, Channel::Sms, &[("permanent", 1)]);
        assert_eq!(counters.refusing().len(), 1);
        seen(&counters, Channel::Sms, &[("permanent", 3), ("accepted", 1)]);
        assert!(counters.refusing().is_empty());
    }
}
