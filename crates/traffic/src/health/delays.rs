//! How late delivery events usually come, and how many should come this second.

/// For how many seconds after its send an event is expected. What comes later isn't missed before.
pub const EVENT_AGE_MAX: usize = 256;
/// The bounds of the age bins in seconds; the share of events that come within a bin is taken as even over it.
pub(crate) const AGE_BOUNDS: [usize; 17] = [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 90, 128, 181, 256];
/// How many age bins there are.
pub const AGE_BINS: usize = AGE_BOUNDS.len() - 1;

/// Returns the bin of an event's age in seconds; nothing for one that is too old.
pub fn age_bin(age: u64) -> Option<usize> {
    (0..AGE_BINS).find(|bin| age < AGE_BOUNDS[bin + 1] as u64)
}

/// Which share of the messages that are accepted has an event by which age.
#[derive(Debug, Clone, PartialEq)]
pub struct DelayCurve {
    /// The share of events a second, in each bin.
    usual: [f64; AGE_BINS],
    /// The same when everything takes twice as long.
    slow: [f64; AGE_BINS],
}

/// What is wrong with a curve.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DelayCurveError {
    #[error("a delay curve has {EVENT_AGE_MAX} seconds and one value more, and this one has {0}")]
    Length(usize),
    #[error("a delay curve rises from 0 to at most 1, and this one does not at the age of {0} s")]
    Falls(usize),
}

impl DelayCurve {
    /// Takes the share that has an event by each age in seconds, from 0 to [`EVENT_AGE_MAX`].
    ///
    /// # Errors
    ///
    /// When there are not as many shares, or when they fall or leave the range from 0 to 1.
    pub fn new(by_age: &[f64]) -> Result<DelayCurve, DelayCurveError> {
        if by_age.len() != EVENT_AGE_MAX + 1 {
            return Err(DelayCurveError::Length(by_age.len()));
        }
        let falls = |age: usize| !(by_age[age.saturating_sub(1)]..=1.0).contains(&by_age[age]);
        if let Some(age) = (0..by_age.len()).find(|age| by_age[*age] < 0.0 || falls(*age)) {
            return Err(DelayCurveError::Falls(age));
        }
        // Twice as late: what has come by an age is what usually has by half of it.
        let halved = |age: usize| match age % 2 {
            0 => by_age[age / 2],
            _ => 0.5 * (by_age[age / 2] + by_age[age / 2 + 1]),
        };
        let a_second = |by_age: &dyn Fn(usize) -> f64| {
            std::array::from_fn(|bin| {
                let (from, to) = (AGE_BOUNDS[bin], AGE_BOUNDS[bin + 1]);
                (by_age(to) - by_age(from)) / (to - from) as f64
            })
        };
        Ok(DelayCurve { usual: a_second(&|age| by_age[age]), slow: a_second(&halved) })
    }

    /// Takes the share that has an event in each bin. What is negative counts as nothing, and what is beyond 1 in all is
    /// left out.
    pub fn of_bins(shares: &[f64; AGE_BINS]) -> DelayCurve {
        let mut by_age = [0.0; EVENT_AGE_MAX + 1];
        for bin in 0..AGE_BINS {
            let (from, to) = (AGE_BOUNDS[bin], AGE_BOUNDS[bin + 1]);
            let a_second = shares[bin].max(0.0) / (to - from) as f64;
            for age in from + 1..=to {
                by_age[age] = (by_age[age - 1] + a_second).min(1.0);
            }
        }
        // It rises from 0 to 1 at most, whatever the shares are.
        DelayCurve::new(&by_age).unwrap_or(DelayCurve { usual: [0.0; AGE_BINS], slow: [0.0; AGE_BINS] })
    }
}

/// How many messages of each cell a region accepted in the last seconds, as running sums.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    cells: usize,
    /// A slot of `cells` sums for each of the last seconds. They wrap around: only differences count.
    sums: Vec<u32>,
    /// The sums up to now.
    now: Vec<u32>,
    /// The second that was closed last.
    tick: u64,
}

impl Sent {
    /// This second, those in which an event may be expected, and the one before.
    const SLOTS: usize = EVENT_AGE_MAX + 2;
    /// How many cells are added up together, on the stack.
    const CELLS_AT_ONCE: usize = 32;

    pub(crate) fn new(cells: usize) -> Sent {
        Sent { cells, sums: vec![0; Sent::SLOTS * cells], now: vec![0; cells], tick: 0 }
    }

    /// Takes note of messages of a cell that were accepted this second.
    pub(crate) fn add(&mut self, cell: usize, accepted: u32) {
        self.now[cell] = self.now[cell].wrapping_add(accepted);
    }

    /// Ends the second `tick`. Those that were left out had nothing.
    pub(crate) fn close(&mut self, tick: u64) {
        let last = self.slot(0);
        for passed in (self.tick + 1)..tick.min(self.tick + Sent::SLOTS as u64) {
            let slot = self.slot_of(passed);
            self.sums.copy_within(last..last + self.cells, slot);
        }
        self.tick = tick;
        let slot = self.slot(0);
        self.sums[slot..slot + self.cells].copy_from_slice(&self.now);
    }

    /// How many messages of a cell were accepted `age` seconds ago.
    pub(crate) fn accepted(&self, age: usize, cell: usize) -> f64 {
        let (at, before) = (self.slot(age), self.slot(age + 1));
        f64::from(self.sums[at + cell].wrapping_sub(self.sums[before + cell]) as i32)
    }

    /// Adds up how many events should arrive this second for each of the cells from `first`, given how late they
    /// usually come: the lower of what is usual and of what it would be if all were twice as late. So a burst, or a
    /// slow day, leaves nothing missing.
    pub(crate) fn expected(&self, first: usize, curve: &DelayCurve, expected: &mut [f64]) {
        let mut slow = [0.0; Sent::CELLS_AT_ONCE];
        for (chunk, expected) in expected.chunks_mut(Sent::CELLS_AT_ONCE).enumerate() {
            let first = first + chunk * Sent::CELLS_AT_ONCE;
            let slow = &mut slow[..expected.len()];
            slow.fill(0.0);
            expected.fill(0.0);
            for bin in 0..AGE_BINS {
                let (younger, older) = (self.slot(AGE_BOUNDS[bin]) + first, self.slot(AGE_BOUNDS[bin + 1]) + first);
                let younger = &self.sums[younger..younger + expected.len()];
                let older = &self.sums[older..older + expected.len()];
                for cell in 0..expected.len() {
                    let sent = f64::from(younger[cell].wrapping_sub(older[cell]) as i32);
                    expected[cell] += sent * curve.usual[bin];
                    slow[cell] += sent * curve.slow[bin];
                }
            }
            for (expected, slow) in expected.iter_mut().zip(slow) {
                *expected = expected.min(*slow);
            }
        }
    }

    /// Forgets what was sent before: no events of it are expected any more.
    pub(crate) fn forget(&mut self) {
        for slot in self.sums.chunks_mut(self.cells) {
            slot.copy_from_slice(&self.now);
        }
    }

    /// Where the slot of the second begins that was `age` seconds before the one that was closed last.
    fn slot(&self, age: usize) -> usize {
        self.slot_of((self.tick + Sent::SLOTS as u64) - age as u64)
    }

    fn slot_of(&self, tick: u64) -> usize {
        (tick % Sent::SLOTS as u64) as usize * self.cells
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn curve() -> DelayCurve {
        let by_age: Vec<f64> = (0..=EVENT_AGE_MAX).map(|age| 1.0 - (-(age as f64) / 40.0).exp()).collect();
        DelayCurve::new(&by_age).expect("a curve that rises")
    }

    /// What should come at `now` of messages that were accepted in each second.
    fn expected(accepted: &BTreeMap<u64, u32>, now: u64, of: &[f64; AGE_BINS]) -> f64 {
        let of_age = |age: usize| (0..AGE_BINS).find(|bin| age < AGE_BOUNDS[bin + 1]).map_or(0.0, |bin| of[bin]);
        accepted.iter().map(|(at, count)| f64::from(*count) * of_age((now - at) as usize)).sum()
    }

    proptest! {
        /// Also when seconds are left out, for longer than anything is kept.
        #[test]
        fn what_should_come_is_summed_over_what_was_sent(
            seconds in prop::collection::vec((prop_oneof![9 => 1_u64..4, 1 => 1_u64..600], 0_u32..50), 1..60),
            begins in 0_u64..10_000,
        ) {
            let (mut sent, mut now, curve) = (Sent::new(2), begins, curve());
            let mut accepted = BTreeMap::new();
            for (passes, count) in seconds {
                now += passes;
                sent.add(1, count);
                sent.close(now);
                accepted.insert(now, count);
                let mut found = [0.0; 2];
                sent.expected(0, &curve, &mut found);
                let should = expected(&accepted, now, &curve.usual).min(expected(&accepted, now, &curve.slow));
                prop_assert!(found[0] == 0.0 && (found[1] - should).abs() < 1e-6, "{found:?}, and it is {should}");
                for age in [0, 1, 64, EVENT_AGE_MAX] {
                    let then = now.checked_sub(age as u64).and_then(|then| accepted.get(&then)).copied();
                    prop_assert_eq!(sent.accepted(age, 1), f64::from(then.unwrap_or_default()));
                }
            }
            sent.forget();
            let mut found = [0.0; 2];
            sent.expected(0, &curve, &mut found);
            prop_assert_eq!(found, [0.0; 2]);
        }
    }
}
