//! Whether calls on one register can have had their effects one after the other, each between its beginning and its
//! end, so that every read returns what was last written: whether they are linearizable (Herlihy and Wing, 1990). The
//! search is Wing and Gong's (1993) with Lowe's memory of configurations that were met before (2017). Knows no history
//! and no clock.

use std::collections::{BTreeMap, HashSet};

/// A call on a register, with when it had its effect, at the earliest and at the latest. Times are of any unit; two
/// calls of which one ends when the other begins are concurrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What the answer names it by.
    pub number: usize,
    pub begun: u64,
    /// Nothing when that may be at any time, or never.
    pub ended: Option<u64>,
    pub what: What,
}

/// What a call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Write(u64),
    /// What was returned; nothing from a register that was never written.
    Read(Option<u64>),
}

/// What came of the search for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// There is one.
    Found,
    /// There is none. Of the attempt that got furthest: the number of the call that fits nowhere, and what the register
    /// held then.
    Missing { stuck: usize, held: Option<u64> },
    /// The search was given up: there was more to keep than may be kept.
    GivenUp,
}

/// The calls that had their effect, and what the register holds after them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Configuration {
    /// All calls before this place had their effect, in the order of their beginnings; this one had not.
    first: usize,
    /// The places beyond it that had theirs too, rising.
    beyond: Vec<usize>,
    held: Option<u64>,
}

/// Searches for an order of calls that begin with a register that was never written. Time and memory are bounded by how
/// many configurations are kept, each counted once and once more for each place that it names beyond its first.
pub fn search(steps: &[Step], kept_max: usize) -> Order {
    let mut sorted = steps.to_vec();
    sorted.sort_by_key(|step| step.begun);
    let (mut open, mut met, mut kept) = (vec![Configuration::default()], HashSet::new(), 0);
    let (mut furthest, mut missing) = (None, Order::Found);
    while let Some(mut configuration) = open.pop() {
        configuration.read_all(&sorted);
        let (candidates, Some(next)) = configuration.candidates(&sorted) else { return Order::Found };
        if furthest < Some(configuration.count()) {
            furthest = Some(configuration.count());
            missing = Order::Missing { stuck: next.number, held: configuration.held };
        }
        if met.contains(&configuration) {
            continue;
        }
        let before = open.len();
        open.extend(candidates.iter().rev().filter_map(|place| configuration.after(*place, &sorted)));
        kept += open[before..].iter().map(Configuration::size).sum::<usize>() + configuration.size();
        met.insert(configuration);
        if kept > kept_max {
            return Order::GivenUp;
        }
    }
    missing
}

/// Narrows calls whose effect nobody knows, which doesn't change whether there is an order: a value that nobody read
/// may never have been written, and one that was read, and that no other call wrote, was written before that read
/// ended. What neither is said of stays open to the end.
pub fn narrow(steps: &mut Vec<Step>) {
    let (mut writers, read_by): (BTreeMap<u64, usize>, _) = (BTreeMap::new(), read_by(steps));
    for step in steps.iter() {
        if let What::Write(value) = step.what {
            *writers.entry(value).or_default() += 1;
        }
    }
    steps.retain_mut(|step| {
        let (What::Write(value), None) = (step.what, step.ended) else { return true };
        let Some(by) = read_by.get(&value) else { return false };
        // A read that ended before is wrong whatever this does: it stays so, and the search tells it.
        if writers.get(&value) == Some(&1) && step.begun <= *by {
            step.ended = Some(*by);
        }
        true
    });
}

/// Returns when the first read of each value ended.
fn read_by(steps: &[Step]) -> BTreeMap<u64, u64> {
    let mut read_by = BTreeMap::new();
    for step in steps {
        if let (What::Read(Some(value)), Some(ended)) = (step.what, step.ended) {
            let by = read_by.entry(value).or_insert(ended);
            *by = ended.min(*by);
        }
    }
    read_by
}

impl Step {
    /// Returns when it had its effect at the latest.
    fn end(&self) -> u64 {
        self.ended.unwrap_or(u64::MAX)
    }
}

impl Configuration {
    fn count(&self) -> usize {
        self.first + self.beyond.len()
    }

    /// How much it counts of what may be kept.
    fn size(&self) -> usize {
        1 + self.beyond.len()
    }

    /// Returns the places of the calls that may be next, those that end first before others; and of those that had an
    /// effect for certain the one that ends first: whatever begins after its end isn't next. With none left there is an
    /// order.
    fn candidates<'a>(&self, steps: &'a [Step]) -> (Vec<usize>, Option<&'a Step>) {
        let (mut candidates, mut next): (Vec<usize>, Option<&Step>) = (Vec::new(), None);
        for (place, step) in steps.iter().enumerate().skip(self.first) {
            if next.is_some_and(|next| step.begun > next.end()) {
                break;
            }
            if self.beyond.binary_search(&place).is_ok() {
                continue;
            }
            candidates.push(place);
            if step.ended.is_some() && next.is_none_or(|next| step.end() < next.end()) {
                next = Some(step);
            }
        }
        candidates.sort_by_key(|place| steps[*place].end());
        (candidates, next)
    }

    /// Lets every read have its effect that may be next and returns what the register holds: it changes nothing, so
    /// that no order needs it later.
    fn read_all(&mut self, steps: &[Step]) {
        loop {
            let mut candidates = self.candidates(steps).0;
            candidates.retain(|place| steps[*place].what == What::Read(self.held));
            if candidates.is_empty() {
                return;
            }
            candidates.into_iter().for_each(|place| self.add(place));
        }
    }

    /// Returns what comes of a call; nothing when it returned something else than the register holds, and of one that may
    /// have had no effect when nobody can have read next what it wrote: without its effect there is an order, too.
    fn after(&self, place: usize, steps: &[Step]) -> Option<Configuration> {
        let held = match steps[place].what {
            What::Write(value) => Some(value),
            What::Read(value) if value == self.held => value,
            What::Read(_) => return None,
        };
        let mut after = Configuration { held, ..self.clone() };
        after.add(place);
        let is_read = || after.candidates(steps).0.iter().any(|next| steps[*next].what == What::Read(held));
        let is_of_use = steps[place].ended.is_some() || is_read();
        is_of_use.then_some(after)
    }

    fn add(&mut self, place: usize) {
        let at = self.beyond.partition_point(|other| *other < place);
        self.beyond.insert(at, place);
        while self.beyond.first() == Some(&self.first) {
            self.beyond.remove(0);
            self.first += 1;
        }
    }
}
