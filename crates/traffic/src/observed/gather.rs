//! Bringing the seconds of all nodes together. A second is judged when every node that told the one before has told it,
//! or has had [`WAIT`] seconds for it.

use std::collections::{BTreeMap, BTreeSet};

use model::{Incarnation, NodeId, RegionId};

use super::second::{CellSecond, NodeSecond};

/// How many seconds a node may be late. What comes later is dropped: it can't be judged any more.
pub const WAIT: u64 = 3;
/// How far behind it may be; further, it begins anew at the present.
const BEHIND_MAX: u64 = 30;
/// How far ahead of the present a node's second may be: clocks of the cluster differ by less.
const AHEAD_MAX: u64 = 5;

/// Who told a second.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Reporter {
    pub node: NodeId,
    pub region: RegionId,
    pub incarnation: Incarnation,
}

/// A second of the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatheredSecond {
    /// Which one.
    pub second: u64,
    /// What was counted, by region.
    pub regions: BTreeMap<RegionId, Vec<CellSecond>>,
    /// The regions of which other nodes tell than told the second before, or whose nodes missed events. What was sent
    /// there before is not to be waited for: who would hear of it may be gone, or hears late.
    pub changed: BTreeSet<RegionId>,
}

/// Seconds that wait for each other.
#[derive(Debug, Default)]
pub struct Gather {
    /// The next one to be judged.
    next: Option<u64>,
    /// Bounded by what is taken: at most [`WAIT`] and [`AHEAD_MAX`] and one, of every node.
    waiting: BTreeMap<u64, BTreeMap<NodeId, (Reporter, NodeSecond)>>,
    /// Who told the second before.
    told: BTreeMap<NodeId, Reporter>,
}

impl Reporter {
    /// Names who told.
    pub fn new(node: NodeId, region: RegionId, incarnation: Incarnation) -> Reporter {
        Reporter { node, region, incarnation }
    }
}

impl Gather {
    /// Takes a node's second. Says whether it came in time; the same one again is dropped as well.
    pub fn add(&mut self, now: u64, reporter: Reporter, second: NodeSecond) -> bool {
        let oldest = self.next.unwrap_or_else(|| now.saturating_sub(WAIT));
        if second.second < oldest || second.second > now + AHEAD_MAX {
            return false;
        }
        let waiting = self.waiting.entry(second.second).or_default();
        let new = !waiting.contains_key(&reporter.node);
        waiting.entry(reporter.node).or_insert((reporter, second));
        new
    }

    /// Returns the seconds that can be judged now, in their order.
    pub fn ready(&mut self, now: u64) -> Vec<GatheredSecond> {
        let mut ready = Vec::new();
        let mut next = self.next.unwrap_or_else(|| now.saturating_sub(WAIT));
        if now.saturating_sub(next) > BEHIND_MAX {
            next = now.saturating_sub(WAIT);
            self.waiting.retain(|second, _| *second >= next);
        }
        while next < now && (now - next > WAIT || self.is_complete(next)) {
            ready.push(self.take(next));
            next += 1;
        }
        self.next = Some(next);
        ready
    }

    fn is_complete(&self, second: u64) -> bool {
        let told = self.waiting.get(&second);
        !self.told.is_empty() && self.told.keys().all(|node| told.is_some_and(|told| told.contains_key(node)))
    }

    fn take(&mut self, second: u64) -> GatheredSecond {
        let told = self.waiting.remove(&second).unwrap_or_default();
        let before = std::mem::take(&mut self.told);
        let mut regions: BTreeMap<RegionId, Vec<CellSecond>> = BTreeMap::new();
        let mut changed = BTreeSet::new();
        for (node, (reporter, told)) in told {
            regions.entry(reporter.region.clone()).or_default().extend(told.cells);
            if told.missed_events {
                changed.insert(reporter.region.clone());
            }
            self.told.insert(node, reporter);
        }
        let same = |reporter: &&Reporter| {
            before.get(&reporter.node) == Some(reporter) && self.told.get(&reporter.node) == Some(reporter)
        };
        let all = before.values().chain(self.told.values());
        changed.extend(all.filter(|reporter| !same(reporter)).map(|reporter| reporter.region.clone()));
        GatheredSecond { second, regions, changed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reporter(node: u64, incarnation: u64) -> Reporter {
        let region = RegionId::new(if node < 3 { "a" } else { "b" }).expect("a name");
        Reporter::new(NodeId(node), region, Incarnation(incarnation))
    }

    fn empty(second: u64) -> NodeSecond {
        NodeSecond { second, cells: Vec::new(), missed_events: false }
    }

    fn seconds(ready: &[GatheredSecond]) -> Vec<(u64, Vec<&str>)> {
        ready.iter().map(|ready| (ready.second, ready.changed.iter().map(RegionId::as_str).collect())).collect()
    }

    #[test]
    fn a_second_is_judged_when_all_have_told_it_or_had_their_time() {
        let mut gather = Gather::default();
        assert_eq!(seconds(&gather.ready(100)), []);
        for node in [1, 2, 3] {
            assert!(gather.add(100, reporter(node, 1), empty(100)));
        }
        assert_eq!(seconds(&gather.ready(104)), [(97, vec![]), (98, vec![]), (99, vec![]), (100, vec!["a", "b"])]);
        for node in [1, 2] {
            assert!(gather.add(102, reporter(node, 1), empty(101)));
        }
        assert_eq!(seconds(&gather.ready(102)), [], "node 3 has time yet");
        assert!(gather.add(102, reporter(3, 1), empty(101)));
        assert!(!gather.add(102, reporter(3, 1), empty(101)), "told again");
        assert_eq!(seconds(&gather.ready(102)), [(101, vec![])], "at once when all have told");
        assert!(gather.add(103, reporter(1, 1), empty(102)));
        assert!(gather.add(103, reporter(3, 1), empty(102)));
        assert_eq!(seconds(&gather.ready(105)), []);
        assert_eq!(seconds(&gather.ready(106)), [(102, vec!["a"])], "node 2 had its time");
        assert!(!gather.add(106, reporter(2, 1), empty(102)), "too late");
    }

    #[test]
    fn a_node_that_restarted_tells_of_its_region_anew() {
        let mut gather = Gather::default();
        gather.ready(100);
        for (second, incarnation) in [(100, 1), (101, 1), (102, 2), (103, 2)] {
            assert!(gather.add(second, reporter(1, incarnation), empty(second)));
        }
        let ready = gather.ready(104);
        let changed: Vec<u64> = ready.iter().filter(|ready| !ready.changed.is_empty()).map(|r| r.second).collect();
        assert_eq!(changed, [100, 102]);
    }

    #[test]
    fn a_node_that_missed_events_tells_of_its_region_anew() {
        let mut gather = Gather::default();
        gather.ready(100);
        for second in 100..104 {
            let missed_events = second == 102;
            gather.add(second, reporter(3, 1), NodeSecond { missed_events, ..empty(second) });
        }
        let ready = gather.ready(104);
        let changed: Vec<u64> = ready.iter().filter(|ready| !ready.changed.is_empty()).map(|r| r.second).collect();
        assert_eq!(changed, [100, 102], "it is new in the first");
    }

    #[test]
    fn what_was_away_for_long_begins_at_the_present() {
        let mut gather = Gather::default();
        gather.ready(100);
        assert_eq!(gather.ready(10_000), [], "nothing of the past is judged");
        assert!(gather.add(10_000, reporter(1, 1), empty(9_998)));
        assert!(!gather.add(10_000, reporter(1, 1), empty(10_006)), "no clock is so far ahead");
        assert_eq!(gather.ready(10_002).len(), 2);
    }
}
