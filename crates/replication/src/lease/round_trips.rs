//! How long calls to the other nodes take: the shortest of the last ten seconds, which no busy moment of a node makes
//! longer. What is measured is a lease call, from before it is sent until its answer is taken.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::id::NodeId;
use model::time::BootTime;

/// How long a measured round trip counts.
const KEPT: Duration = Duration::from_secs(10);
/// The parts of that time; of each the shortest is kept.
const PARTS: usize = 10;

/// The shortest round trips. Bounded by the number of nodes.
#[derive(Default)]
pub(crate) struct RoundTrips(Mutex<BTreeMap<NodeId, [Option<Part>; PARTS]>>);

/// The shortest round trip of one part of the time.
#[derive(Debug, Clone, Copy)]
struct Part {
    number: u64,
    shortest: Duration,
}

impl RoundTrips {
    /// Takes note that the answer to a call took this long.
    pub(crate) fn took(&self, node: NodeId, now: BootTime, round_trip: Duration) {
        let number = part(now);
        let mut nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = nodes.entry(node).or_default();
        let known = &mut parts[usize::try_from(number % PARTS as u64).unwrap_or_default()];
        match known {
            Some(part) if part.number == number => part.shortest = part.shortest.min(round_trip),
            _ => *known = Some(Part { number, shortest: round_trip }),
        }
    }

    /// Returns the shortest round trip of the last ten seconds to each node that answered in that time.
    pub(crate) fn shortest(&self, now: BootTime) -> BTreeMap<NodeId, Duration> {
        let nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |known: &&Part| part(now).saturating_sub(known.number) < PARTS as u64;
        let of = |parts: &[Option<Part>; PARTS]| parts.iter().flatten().filter(fresh).map(|part| part.shortest).min();
        nodes.iter().filter_map(|(node, parts)| Some((*node, of(parts)?))).collect()
    }

    /// Forgets a node that was removed.
    pub(crate) fn forget(&self, node: NodeId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&node);
    }
}

fn part(now: BootTime) -> u64 {
    let length = u64::try_from((KEPT / PARTS as u32).as_nanos()).unwrap_or(u64::MAX);
    now.0 / length
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(2);

    fn at(seconds: u64) -> BootTime {
        BootTime(seconds * 1_000_000_000)
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_shortest_of_ten_seconds_counts() {
        let trips = RoundTrips::default();
        for (second, round_trip) in [(100, 80), (101, 7), (101, 90), (105, 800), (110, 700)] {
            trips.took(NODE, at(second), ms(round_trip));
        }
        assert_eq!(trips.shortest(at(110)), BTreeMap::from([(NODE, ms(7))]));
        assert_eq!(trips.shortest(at(111)), BTreeMap::from([(NODE, ms(700))]), "what was shorter is too old");
        assert_eq!(trips.shortest(at(120)), BTreeMap::new(), "nothing was measured lately");
        trips.took(NODE, at(121), ms(5));
        trips.forget(NODE);
        assert_eq!(trips.shortest(at(121)), BTreeMap::new());
    }
}
