//! Counting on the node that sends: a second after the other, by cell.

use std::collections::{BTreeMap, VecDeque};

use super::second::{CellKey, CellSecond, NodeSecond, SendOutcome};
use crate::health::{AGE_BINS, CellCounts, age_bin};

/// How many cells a node counts apart at most; what comes beyond counts as other.
pub const CELLS_MAX: usize = 1_024;
/// How many closed seconds wait to be taken at most. Older ones are lost, as those of a node that stands still are.
const CLOSED_MAX: usize = 10;
/// How long a cell without traffic keeps its place, in seconds: longer than anything of it is waited for.
const IDLE_MAX: u64 = 300;
/// The seconds in which a message may still become late, and the one that is open.
const SLOTS: usize = Counter::LATE_AFTER as usize + 1;

/// Counts what one node sends and hears.
#[derive(Debug, Default)]
pub struct Counter {
    /// The second that is counted now.
    open: u64,
    cells: BTreeMap<CellKey, Cell>,
    /// Whether events of the open second were missed.
    missed_events: bool,
    closed: VecDeque<NodeSecond>,
}

#[derive(Debug)]
struct Cell {
    counts: CellCounts,
    ages: [u32; AGE_BINS],
    /// Of each second: how many messages the provider took, and how many of them have an event.
    sent: [Cohort; SLOTS],
    used: u64,
}

/// The messages of one second.
#[derive(Debug, Clone, Copy, Default)]
struct Cohort {
    second: u64,
    accepted: u32,
    heard_of: u32,
}

impl Counter {
    /// The age in seconds by which a message without an event is late, where most have one by then.
    pub const LATE_AFTER: u64 = 64;

    /// Takes note of a send that ended in a second.
    pub fn sent(&mut self, second: u64, key: &CellKey, outcome: SendOutcome) {
        let cell = self.cell(second, key);
        cell.counts.sends += 1;
        match outcome {
            SendOutcome::Accepted => cell.cohort(second).accepted += 1,
            SendOutcome::Throttled => cell.counts.throttled += 1,
            SendOutcome::Rejected => cell.counts.rejected += 1,
            SendOutcome::Failed => cell.counts.errors += 1,
        }
    }

    /// Takes note of the first event of a message that was accepted `age` seconds before.
    pub fn heard_of(&mut self, second: u64, key: &CellKey, age: u64) {
        let cell = self.cell(second, key);
        let Some(bin) = age_bin(age) else { return };
        cell.counts.events += 1;
        cell.ages[bin] += 1;
        if age <= Counter::LATE_AFTER {
            let cohort = cell.cohort(second.saturating_sub(age));
            cohort.heard_of = cohort.heard_of.saturating_add(1);
        }
    }

    /// Takes note that events were missed, or come later than they were told.
    pub fn missed_events(&mut self, second: u64) {
        self.advance(second);
        self.missed_events = true;
    }

    /// Ends the seconds before `now`, and returns those that ended since the last time.
    pub fn close(&mut self, now: u64) -> Vec<NodeSecond> {
        self.advance(now);
        self.closed.drain(..).collect()
    }

    /// Opens a second. Those between the open one and it had nothing; when there are too many of them, they are left
    /// out, as if the node had not been there.
    fn advance(&mut self, now: u64) {
        if now <= self.open {
            return;
        }
        let stood_still = now - self.open > CLOSED_MAX as u64;
        if self.open > 0 && !stood_still {
            for second in self.open..now {
                let closed = self.end(second);
                self.closed.push_back(closed);
            }
        } else {
            self.cells.clear();
            self.closed.clear();
            self.missed_events = false;
        }
        let over = self.closed.len().saturating_sub(CLOSED_MAX);
        self.closed.drain(..over);
        self.open = now;
    }

    fn end(&mut self, second: u64) -> NodeSecond {
        let mut cells = Vec::new();
        self.cells.retain(|key, cell| {
            let late = second.checked_sub(Counter::LATE_AFTER).and_then(|old| cell.known(old));
            cell.counts.late = late.map_or(0, |cohort| cohort.accepted.saturating_sub(cohort.heard_of));
            let (counts, ages) = (std::mem::take(&mut cell.counts), std::mem::take(&mut cell.ages));
            if counts != CellCounts::default() {
                cells.push(CellSecond { key: key.clone(), counts, ages });
            }
            second.saturating_sub(cell.used) < IDLE_MAX
        });
        NodeSecond { second, cells, missed_events: std::mem::take(&mut self.missed_events) }
    }

    /// Finds the place of a key, in the second that is open at least.
    fn cell(&mut self, second: u64, key: &CellKey) -> &mut Cell {
        self.advance(second);
        let has_place = self.cells.len() < CELLS_MAX || self.cells.contains_key(key);
        let key = if has_place { key.clone() } else { CellKey::other(key.channel) };
        let cell = self.cells.entry(key).or_insert_with(Cell::new);
        cell.used = self.open;
        cell
    }
}

impl Cell {
    fn new() -> Cell {
        Cell { counts: CellCounts::default(), ages: [0; AGE_BINS], sent: [Cohort::default(); SLOTS], used: 0 }
    }

    fn cohort(&mut self, second: u64) -> &mut Cohort {
        let cohort = &mut self.sent[(second % SLOTS as u64) as usize];
        if cohort.second < second {
            *cohort = Cohort { second, ..Cohort::default() };
        }
        cohort
    }

    fn known(&self, second: u64) -> Option<Cohort> {
        let cohort = self.sent[(second % SLOTS as u64) as usize];
        (cohort.second == second).then_some(cohort)
    }
}

#[cfg(test)]
mod tests {
    use model::{AppId, Channel, Destination};
    use proptest::prelude::*;

    use super::*;

    fn key(destination: &str) -> CellKey {
        CellKey { channel: Channel::Sms, destination: Destination::named(destination), app: Some(AppId(1)) }
    }

    #[test]
    fn what_has_no_event_in_time_is_late_once() {
        let mut counter = Counter::default();
        for _ in 0..3 {
            counter.sent(100, &key("+1"), SendOutcome::Accepted);
        }
        counter.heard_of(110, &key("+1"), 10);
        let mut late = Vec::new();
        for now in 101..400 {
            late.extend(
                counter
                    .close(now)
                    .into_iter()
                    .flat_map(|second| second.cells.into_iter().map(move |cell| (second.second, cell.counts.late))),
            );
        }
        late.retain(|(_, late)| *late > 0);
        assert_eq!(late, [(100 + Counter::LATE_AFTER, 2)]);
    }

    #[test]
    fn a_node_that_stood_still_begins_anew() {
        let mut counter = Counter::default();
        counter.sent(100, &key("+1"), SendOutcome::Accepted);
        assert_eq!(counter.close(100 + CLOSED_MAX as u64 + 1), [], "nobody knows when what was counted happened");
        let next = counter.close(100 + CLOSED_MAX as u64 + 2);
        let second = 100 + CLOSED_MAX as u64 + 1;
        assert_eq!(next, [NodeSecond { second, cells: Vec::new(), missed_events: false }]);
    }

    #[test]
    fn missed_events_are_told_of_their_second_alone() {
        let mut counter = Counter::default();
        counter.sent(100, &key("+1"), SendOutcome::Accepted);
        counter.missed_events(101);
        let told: Vec<(u64, bool)> =
            counter.close(103).into_iter().map(|second| (second.second, second.missed_events)).collect();
        assert_eq!(told, [(100, false), (101, true), (102, false)]);
    }

    #[test]
    fn what_has_no_place_counts_as_other() {
        let mut counter = Counter::default();
        for number in 0..CELLS_MAX + 5 {
            counter.sent(7, &key(&format!("+{number}")), SendOutcome::Failed);
        }
        let closed = counter.close(8);
        let other = closed[0].cells.iter().find(|cell| cell.key == CellKey::other(Channel::Sms)).expect("other");
        assert_eq!((closed[0].cells.len(), other.counts.errors), (CELLS_MAX + 1, 5));
        let told: u32 = (8..8 + IDLE_MAX + 1).map(|now| counter.close(now + 1).len() as u32).sum();
        assert_eq!((told, counter.cells.len()), (IDLE_MAX as u32 + 1, 0), "idle cells leave");
    }

    proptest! {
        /// Whatever happens in which order: nothing is lost, and the parts of the sends are no more than they.
        #[test]
        fn every_send_and_event_is_counted_once(
            steps in prop::collection::vec((0_u64..3, 0_u8..4, 0_u8..6, 0_u64..300), 1..200),
        ) {
            let (mut counter, mut now) = (Counter::default(), 1_000);
            let (mut sends, mut events) = (0_u32, 0_u32);
            let mut told = Vec::new();
            for (passes, cell, what, age) in steps {
                now += passes;
                let key = key(&format!("+{cell}"));
                match what {
                    0 | 1 => counter.sent(now, &key, SendOutcome::Accepted),
                    2 => counter.sent(now, &key, SendOutcome::Failed),
                    3 => counter.sent(now, &key, SendOutcome::Throttled),
                    4 => counter.sent(now, &key, SendOutcome::Rejected),
                    _ => counter.heard_of(now, &key, age),
                }
                sends += u32::from(what < 5);
                events += u32::from(what == 5 && age_bin(age).is_some());
                told.extend(counter.close(now));
            }
            told.extend(counter.close(now + 1));
            prop_assert!(told.windows(2).all(|pair| pair[0].second + 1 == pair[1].second));
            let cells: Vec<&CellSecond> = told.iter().flat_map(|second| &second.cells).collect();
            prop_assert!(cells.iter().all(|cell| cell.counts.adds_up()));
            prop_assert_eq!(cells.iter().map(|cell| cell.counts.sends).sum::<u32>(), sends);
            prop_assert_eq!(cells.iter().map(|cell| cell.counts.events).sum::<u32>(), events);
        }
    }
}
