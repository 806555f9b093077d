//! Counting what sending looks like from this node: metrics, channels whose provider takes nothing any more, and the
//! seconds that health is judged by.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{counter, histogram};
use model::channel::Channel;
use model::id::{AppId, GroupId, RegionId};
use model::time::BootTime;
use model::{Address, Destination};
use registry::effect::Effect;
use service::ports::{Clock, DispatchObservation, GroupTime, Observations, SendObservation};
use traffic::observed::{CellKey, Counter, NodeSecond};

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
    /// What all nodes count by.
    time: Arc<dyn GroupTime>,
    refused: Mutex<BTreeMap<Channel, Refused>>,
    counter: Mutex<Counter>,
}

/// Dispatches of a channel that were not taken, since the last one that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) count: u64,
    pub(crate) last: BootTime,
}

impl SendCounters {
    /// Begins with nothing seen.
    pub fn new(clock: Arc<dyn Clock>, time: Arc<dyn GroupTime>) -> SendCounters {
        SendCounters { clock, time, refused: Mutex::default(), counter: Mutex::default() }
    }

    /// Takes the effects of an entry: events of messages that were sent from `region`.
    pub fn heard_of(&self, region: &RegionId, effects: &[Effect]) {
        let heard = effects.iter().filter_map(|effect| match effect {
            Effect::HeardOf { region: of, app, channel, address, age } if of == region => {
                Some((key(*app, *channel, address), age.as_secs()))
            }
            _ => None,
        });
        let mut heard = heard.peekable();
        let Some(second) = heard.peek().is_some().then(|| self.second()).flatten() else { return };
        let mut counter = self.counter();
        heard.for_each(|(key, age)| counter.heard_of(second, &key, age));
    }

    /// Takes note that events were missed here, or come late, because effects were skipped or the replicas lag.
    pub fn missed(&self) {
        if let Some(second) = self.second() {
            self.counter().missed_events(second);
        }
    }

    /// Ends the seconds before `now`, and returns what was counted in those that ended since the last time.
    pub fn close(&self, now: u64) -> Vec<NodeSecond> {
        self.counter().close(now)
    }

    fn count(&self, channel: Channel, sends: &[SendObservation]) {
        let Some(second) = self.second().filter(|_| !sends.is_empty()) else { return };
        let mut counter = self.counter();
        for SendObservation { app, address, outcome } in sends {
            counter.sent(second, &key(*app, channel, address), *outcome);
        }
    }

    /// Returns the second of the time that all nodes count by; nothing while it isn't known, when nothing is counted.
    fn second(&self) -> Option<u64> {
        self.time.now(GroupId::CONTROL).map(|now| now.0 / 1_000)
    }

    fn counter(&self) -> MutexGuard<'_, Counter> {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.count(observation.channel, &observation.sends);
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

fn key(app: AppId, channel: Channel, address: &Address) -> CellKey {
    CellKey { channel, destination: Destination::of(channel, address), app: Some(app) }
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

    impl GroupTime for TestClock {
        fn now(&self, _: GroupId) -> Option<Timestamp> {
            Some(Timestamp(self.0.load(Ordering::Relaxed) / 1_000_000))
        }
    }

    fn seen(counters: &SendCounters, channel: Channel, results: &[(&'static str, u64)]) {
        let results = results.iter().copied().collect();
        let sends = Vec::new();
        counters.observe(&DispatchObservation { channel, took: Duration::ZERO, results, sends });
    }

    #[test]
    fn a_channel_of_which_nothing_is_taken_is_told_until_something_is() {
        let clock = Arc::new(TestClock(AtomicU64::new(0)));
        let counters = SendCounters::new(clock.clone(), clock.clone());
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

    /// Returns of each closed second how many events it heard of, and whether some were missed.
    fn closed(counters: &SendCounters, now: u64) -> Vec<(u64, u32, bool)> {
        let told = |second: NodeSecond| {
            let events = second.cells.iter().map(|cell| cell.counts.events).sum();
            (second.second, events, second.missed_events)
        };
        counters.close(now).into_iter().map(told).collect()
    }

    #[test]
    fn events_of_this_region_count_and_missed_ones_are_told() {
        let clock = Arc::new(TestClock(AtomicU64::new(100_000_000_000)));
        let counters = SendCounters::new(clock.clone(), clock.clone());
        let (address, _) = Address::normal(Channel::Sms, "+12065550100").expect("an address");
        let heard = |region: &str| Effect::HeardOf {
            region: RegionId::new(region).expect("a name"),
            app: AppId(1),
            channel: Channel::Sms,
            address: address.clone(),
            age: Duration::from_secs(5),
        };
        let here = RegionId::new("a").expect("a name");
        counters.heard_of(&here, &[heard("a"), heard("b"), Effect::Forbids]);
        clock.0.store(101_000_000_000, Ordering::Relaxed);
        counters.heard_of(&here, &[heard("b"), heard("a")]);
        counters.missed();
        assert_eq!(closed(&counters, 103), [(100, 1, false), (101, 1, true), (102, 0, false)]);
    }
}
