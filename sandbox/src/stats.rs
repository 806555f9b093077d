//! Counts since the start, by name. Pure; the names come from outside, so their number is bounded.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Different names counted each for itself; what comes after is counted together under [`OTHER`].
const NAMES_MAX: usize = 64;
/// The name that stands for all names beyond the first [`NAMES_MAX`].
const OTHER: &str = "(other)";

/// A count per name.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct CountsByName(BTreeMap<String, u64>);

impl CountsByName {
    /// Adds one to `name`.
    pub(crate) fn add(&mut self, name: &str) {
        if let Some(count) = self.0.get_mut(name) {
            *count += 1;
        } else {
            let name = if self.0.len() < NAMES_MAX { name } else { OTHER };
            *self.0.entry(name.to_owned()).or_default() += 1;
        }
    }

    /// Name and count, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, count)| (name.as_str(), *count))
    }
}

/// What became of the events, since the start.
#[derive(Debug, Default)]
pub(crate) struct EventCounts {
    sent: AtomicU64,
    dropped: AtomicU64,
    lost_by_fault: AtomicU64,
}

/// [`EventCounts`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventCountsRead {
    /// Taken by a callback.
    pub(crate) sent: u64,
    /// Given up: no room, no callback, or none that took it in time.
    pub(crate) dropped: u64,
    /// Left out because a fault said so.
    pub(crate) lost_by_fault: u64,
}

impl EventCounts {
    pub(crate) fn add_sent(&self, count: u64) {
        self.sent.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn add_dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn add_lost_by_fault(&self, count: u64) {
        self.lost_by_fault.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> EventCountsRead {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        EventCountsRead {
            sent: load(&self.sent),
            dropped: load(&self.dropped),
            lost_by_fault: load(&self.lost_by_fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_bound_are_counted_together() {
        let mut counts = CountsByName::default();
        for name in 0..100 {
            counts.add(&format!("n{name:03}"));
            counts.add("n000");
        }
        assert_eq!(counts.iter().count(), NAMES_MAX + 1);
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 200);
        assert_eq!(counts.iter().find(|(name, _)| *name == OTHER), Some((OTHER, 36)));
    }
}
