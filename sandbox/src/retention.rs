//! A window over the newest entries: pure, numbered without gaps, read in slices so that no reader holds it for long.

use std::collections::VecDeque;
use std::sync::Arc;

/// What holding an entry costs.
pub(crate) trait Cost {
    /// Bytes of memory, estimated; the same each time it is asked.
    fn bytes(&self) -> usize;
}

/// The newest entries, oldest first. Entry number `n` is the n-th ever pushed, from 1.
#[derive(Debug)]
pub(crate) struct Window<T> {
    entries: VecDeque<Arc<T>>,
    first_seq: u64,
    bytes: usize,
    fell_out: u64,
}

/// Entries found by a bounded look into a [`Window`], and where the next look begins.
#[derive(Debug)]
pub(crate) struct Slice<T> {
    /// Number and entry, in the order looked at.
    pub(crate) found: Vec<(u64, Arc<T>)>,
    /// Where to look on; `None` when the end was reached.
    pub(crate) next: Option<u64>,
}

/// Bounds one look into a [`Window`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Entries looked at, at most.
    pub(crate) scan_max: usize,
    /// Entries found, at most.
    pub(crate) take_max: usize,
}

impl<T: Cost> Window<T> {
    pub(crate) fn new() -> Self {
        Self { entries: VecDeque::new(), first_seq: 1, bytes: 0, fell_out: 0 }
    }

    /// Adds an entry and returns its number. The caller evicts.
    pub(crate) fn push(&mut self, entry: Arc<T>) -> u64 {
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        self.last_seq()
    }

    /// Drops the oldest entry and counts it as fallen out.
    pub(crate) fn evict(&mut self) -> Option<Arc<T>> {
        let entry = self.entries.pop_front()?;
        self.first_seq += 1;
        self.bytes -= entry.bytes();
        self.fell_out += 1;
        Some(entry)
    }

    /// Empties the window and returns what was in it; numbers go on, nothing counts as fallen out.
    pub(crate) fn clear(&mut self) -> VecDeque<Arc<T>> {
        self.first_seq = self.last_seq() + 1;
        self.bytes = 0;
        std::mem::take(&mut self.entries)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Entries evicted since the start.
    pub(crate) fn fell_out(&self) -> u64 {
        self.fell_out
    }

    /// The number of the newest entry ever pushed; 0 before the first.
    pub(crate) fn last_seq(&self) -> u64 {
        self.first_seq + self.entries.len() as u64 - 1
    }

    /// Looks from entry `from` towards the newest.
    pub(crate) fn forward(&self, from: u64, look: Look, wanted: impl Fn(&T) -> bool) -> Slice<T> {
        let start = self.index_of(from);
        let mut found = Vec::new();
        for (index, entry) in self.entries.iter().enumerate().skip(start).take(look.scan_max) {
            if wanted(entry) {
                found.push((self.first_seq + index as u64, Arc::clone(entry)));
            }
            if found.len() == look.take_max {
                let next = index + 1;
                return Slice { found, next: (next < self.len()).then(|| self.first_seq + next as u64) };
            }
        }
        let end = start.saturating_add(look.scan_max);
        Slice { found, next: (end < self.len()).then(|| self.first_seq + end as u64) }
    }

    /// Looks from the entry before `before` towards the oldest.
    pub(crate) fn backward(&self, before: u64, look: Look, wanted: impl Fn(&T) -> bool) -> Slice<T> {
        let start = self.index_of(before);
        let stop = start.saturating_sub(look.scan_max);
        let mut found = Vec::new();
        for index in (stop..start).rev() {
            let entry = &self.entries[index];
            if wanted(entry) {
                found.push((self.first_seq + index as u64, Arc::clone(entry)));
            }
            if found.len() == look.take_max {
                return Slice { found, next: (index > 0).then_some(self.first_seq + index as u64) };
            }
        }
        Slice { found, next: (stop > 0).then_some(self.first_seq + stop as u64) }
    }

    /// The place of entry `seq`, or of the nearest that is kept; `len` when it is yet to come.
    fn index_of(&self, seq: u64) -> usize {
        let offset = usize::try_from(seq.saturating_sub(self.first_seq)).unwrap_or(usize::MAX);
        offset.min(self.entries.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Cost for u64 {
        fn bytes(&self) -> usize {
            *self as usize
        }
    }

    fn window(entries: u64, evicted: u64) -> Window<u64> {
        let mut window = Window::new();
        for entry in 1..=entries {
            assert_eq!(window.push(Arc::new(entry)), entry);
        }
        for _ in 0..evicted {
            window.evict().unwrap();
        }
        window
    }

    fn numbers(slice: &Slice<u64>) -> Vec<u64> {
        slice
            .found
            .iter()
            .map(|(seq, entry)| {
                assert_eq!(seq, &**entry);
                *seq
            })
            .collect()
    }

    #[test]
    fn slices_say_where_to_go_on() {
        let window = window(10, 4);
        let look = Look { scan_max: 3, take_max: 2 };
        let cases = [(0, vec![5, 6], Some(7)), (7, vec![7, 8], Some(9)), (9, vec![9, 10], None), (11, vec![], None)];
        for (from, found, next) in cases {
            let slice = window.forward(from, look, |_| true);
            assert_eq!((numbers(&slice), slice.next), (found, next), "forward from {from}");
        }
        let cases = [(u64::MAX, vec![10, 9], Some(9)), (7, vec![6, 5], None), (5, vec![], None), (1, vec![], None)];
        for (before, found, next) in cases {
            let slice = window.backward(before, look, |_| true);
            assert_eq!((numbers(&slice), slice.next), (found, next), "backward before {before}");
        }
    }

    #[test]
    fn clearing_keeps_the_numbers_going_and_counts_nothing_as_fallen_out() {
        let mut window = window(5, 2);
        assert_eq!(window.clear().len(), 3);
        assert_eq!((window.len(), window.bytes(), window.fell_out(), window.last_seq()), (0, 0, 2, 5));
        assert_eq!(window.push(Arc::new(6)), 6);
    }

    proptest! {
        #[test]
        fn walking_either_way_meets_each_wanted_entry_once(
            pushed in 0_u64..60, evicted in 0_u64..60, scan_max in 1_usize..9, take_max in 1_usize..5, modulus in 1_u64..4
        ) {
            let window = window(pushed, evicted.min(pushed));
            prop_assert_eq!(window.bytes() as u64, (evicted.min(pushed) + 1..=pushed).sum::<u64>());
            let look = Look { scan_max, take_max };
            let wanted = |entry: &u64| entry.is_multiple_of(modulus);
            let expected: Vec<u64> = (evicted.min(pushed) + 1..=pushed).filter(wanted).collect();
            let (mut met, mut next) = (Vec::new(), Some(0));
            while let Some(from) = next {
                let slice = window.forward(from, look, wanted);
                met.extend(numbers(&slice));
                next = slice.next;
            }
            prop_assert_eq!(&met, &expected);
            let (mut met, mut next) = (Vec::new(), Some(u64::MAX));
            while let Some(before) = next {
                let slice = window.backward(before, look, wanted);
                met.extend(numbers(&slice));
                next = slice.next;
            }
            met.reverse();
            prop_assert_eq!(&met, &expected);
        }
    }
}
