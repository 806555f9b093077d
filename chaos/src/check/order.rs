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
    /// Nothing when nobody knows whether it ever had an effect.
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
        let writes = candidates.iter().rev().filter_map(|place| configuration.after_write(*place, &sorted));
        let before = open.len();
        open.extend(writes);
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
    let (mut writers, mut read_by): (BTreeMap<u64, usize>, BTreeMap<u64, u64>) = (BTreeMap::new(), BTreeMap::new());
    for step in steps.iter() {
        match (step.what, step.ended) {
            (What::Write(value), _) => *writers.entry(value).or_default() += 1,
            (What::Read(Some(value)), Some(ended)) => {
                let by = read_by.entry(value).or_insert(ended);
                *by = ended.min(*by);
            }
            _ => {}
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

impl Configuration {
    fn count(&self) -> usize {
        self.first + self.beyond.len()
    }

    /// How much it counts of what may be kept.
    fn size(&self) -> usize {
        1 + self.beyond.len()
    }

    /// Returns the places of the calls that may be next, those that end first before others, and the call that ends
    /// first: whatever begins after its end isn't next. With nothing left that certainly had an effect there is none.
    fn candidates<'a>(&self, steps: &'a [Step]) -> (Vec<usize>, Option<&'a Step>) {
        let (mut candidates, mut next): (Vec<usize>, Option<&Step>) = (Vec::new(), None);
        let end = |step: &Step| step.ended.unwrap_or(u64::MAX);
        for (place, step) in steps.iter().enumerate().skip(self.first) {
            if next.is_some_and(|next| step.begun > end(next)) {
                break;
            }
            if self.beyond.binary_search(&place).is_ok() {
                continue;
            }
            candidates.push(place);
            if step.ended.is_some() && next.is_none_or(|next| end(step) < end(next)) {
                next = Some(step);
            }
        }
        candidates.sort_by_key(|place| end(&steps[*place]));
        (candidates, next)
    }

    /// Lets every read have its effect that may be next and returns what the register holds: it changes nothing, so
    /// that no order needs it later.
    fn read_all(&mut self, steps: &[Step]) {
        loop {
            let mut reads = self.candidates(steps).0;
            reads.retain(|place| steps[*place].what == What::Read(self.held));
            if reads.is_empty() {
                return;
            }
            reads.into_iter().for_each(|place| self.add(place));
        }
    }

    /// Returns what comes of a write.
    fn after_write(&self, place: usize, steps: &[Step]) -> Option<Configuration> {
        let What::Write(value) = steps[place].what else { return None };
        let mut after = Configuration { held: Some(value), ..self.clone() };
        after.add(place);
        Some(after)
    }

    fn add(&mut self, place: usize) {
        let at = self.beyond.partition_point(|other| *other < place);
        self.beyond.insert(at, place);
        let together = self.beyond.iter().enumerate().take_while(|(step, place)| **place == self.first + step).count();
        self.first += together;
        self.beyond.drain(..together);
    }
}
