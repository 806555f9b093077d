//! The alarms of a node in one place: those that its replication raises now, and those of the last look at the rest. A
//! condition that two of them tell is told once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::alarm::{ALARM_NAMES, Alarm, AlarmName};
use model::id::RegionId;
use model::time::BootTime;
use service::ports::{Alarms, ClusterControl};

/// The board of one node.
pub struct AlarmBoard {
    cluster: Arc<dyn ClusterControl>,
    /// This node's region.
    region: RegionId,
    found: Mutex<Vec<Alarm>>,
}

impl AlarmBoard {
    /// Begins with what the replication says alone.
    pub fn new(cluster: Arc<dyn ClusterControl>, region: RegionId) -> AlarmBoard {
        AlarmBoard { cluster, region, found: Mutex::default() }
    }

    /// Takes what the last look found, in place of what the one before did, and tells the metrics.
    pub(crate) fn replace(&self, found: Vec<Alarm>) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
        let raised = self.raised();
        for name in ALARM_NAMES {
            let count = raised.iter().filter(|alarm| alarm.name == name).count();
            let labels = [("name", name.as_str()), ("severity", name.severity().as_str())];
            metrics::gauge!("signalbox_alarms", &labels).set(count as f64);
        }
    }
}

impl Alarms for AlarmBoard {
    fn raised(&self) -> Vec<Alarm> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        merged(&self.region, self.cluster.status().alarms, found)
    }
}

/// Joins both, each condition once, the most severe first.
fn merged(own: &RegionId, replication: Vec<Alarm>, found: Vec<Alarm>) -> Vec<Alarm> {
    let told = |name: AlarmName| replication.iter().any(|alarm| alarm.name == name);
    // A node without a majority hears too little to speak of other regions, and why its own doesn't send is told already.
    let (alone, no_lease) = (told(AlarmName::MajorityLost), told(AlarmName::NoSendLease));
    let follows = |alarm: &Alarm| {
        let own = alarm.subject == own.as_str();
        alarm.name == AlarmName::RegionNotReady && (alone || no_lease && own)
    };
    let mut all: Vec<Alarm> = found.into_iter().filter(|alarm| !follows(alarm)).chain(replication.clone()).collect();
    // The names are in the order of their severity.
    all.sort();
    all.dedup_by(|one, other| (one.name, &one.subject) == (other.name, &other.subject));
    all
}

/// Keeps alarms back until what they tell has lasted: what passes by itself in a moment, as an election, is none.
#[derive(Default)]
pub(crate) struct Lasting(BTreeMap<(AlarmName, String), BootTime>);

impl Lasting {
    /// Lets those through that have been raised at every look for as long as their names ask.
    pub(crate) fn filter(&mut self, now: BootTime, alarms: Vec<Alarm>) -> Vec<Alarm> {
        let key = |alarm: &Alarm| (alarm.name, alarm.subject.clone());
        self.0.retain(|known, _| alarms.iter().any(|alarm| key(alarm) == *known));
        for alarm in &alarms {
            self.0.entry(key(alarm)).or_insert(now);
        }
        let lasts =
            |alarm: &Alarm| self.0.get(&key(alarm)).is_some_and(|since| now.since(*since) >= patience(alarm.name));
        alarms.into_iter().filter(lasts).collect()
    }
}

/// How long a condition must last to be told.
fn patience(name: AlarmName) -> Duration {
    match name {
        // Longer than an election takes, or a start until the first leases.
        AlarmName::RegionNotReady => Duration::from_secs(5),
        // A node that has just started was heard by some and not yet by others.
        AlarmName::LineCut => Duration::from_secs(2),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(name: AlarmName, subject: &str) -> Alarm {
        Alarm::new(name, subject, "text")
    }

    fn names(alarms: &[Alarm]) -> Vec<AlarmName> {
        alarms.iter().map(|alarm| alarm.name).collect()
    }

    #[test]
    fn the_most_severe_is_first_and_one_condition_is_told_once() {
        let own = RegionId::new("a").expect("a region's name");
        let found = || {
            vec![
                alarm(AlarmName::HeldMessages, "messages"),
                alarm(AlarmName::RegionNotReady, "a"),
                alarm(AlarmName::RegionNotReady, "b"),
                alarm(AlarmName::RegionLost, "c"),
            ]
        };
        let lease = vec![alarm(AlarmName::NoSendLease, "groups 1-2")];
        let all = merged(&own, lease, found());
        let expected =
            [AlarmName::RegionLost, AlarmName::HeldMessages, AlarmName::NoSendLease, AlarmName::RegionNotReady];
        assert_eq!((names(&all).as_slice(), all[3].subject.as_str()), (expected.as_slice(), "b"));
        let alone = vec![alarm(AlarmName::MajorityLost, "groups 0-4")];
        let expected = [AlarmName::MajorityLost, AlarmName::RegionLost, AlarmName::HeldMessages];
        assert_eq!(names(&merged(&own, alone, found())), expected);
        let twice = vec![alarm(AlarmName::RegionLost, "c"), alarm(AlarmName::RegionLost, "c")];
        assert_eq!(merged(&own, Vec::new(), twice).len(), 1);
    }

    #[test]
    fn what_passes_in_a_moment_is_not_told() {
        let mut lasting = Lasting::default();
        let mut at = |ms: u64, alarms: &[Alarm]| names(&lasting.filter(BootTime(ms * 1_000_000), alarms.to_vec()));
        let raised = [alarm(AlarmName::LineCut, "a - b"), alarm(AlarmName::RegionLost, "c")];
        assert_eq!(at(0, &raised), [AlarmName::RegionLost]);
        assert_eq!(at(1_999, &raised), [AlarmName::RegionLost]);
        assert_eq!(at(2_000, &raised), [AlarmName::LineCut, AlarmName::RegionLost]);
        assert_eq!(at(3_000, &raised[1..]), [AlarmName::RegionLost]);
        assert_eq!(at(4_000, &raised), [AlarmName::RegionLost], "it begins anew");
    }
}
