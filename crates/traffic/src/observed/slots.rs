//! Names in a bounded number of places: the busiest have one each, all others share the last.

use std::collections::BTreeMap;

/// How much busier a name must be than the one whose place it takes. Names that change places make what was sent under
/// them unknown, so that it should be rare.
const BUSIER: f64 = 2.0;
/// For how many names in each place volumes are known.
const KNOWN_PER_PLACE: usize = 4;

/// The places of one kind of names.
#[derive(Debug, Clone)]
pub struct Slots<N> {
    /// Who has each place but the last, which is shared.
    named: Vec<Option<N>>,
    /// How much each name sent lately; those with a place, and some that may get one.
    volumes: BTreeMap<N, f64>,
}

impl<N: Ord + Clone> Slots<N> {
    /// Makes so many places, at least two.
    pub fn new(places: usize) -> Slots<N> {
        Slots { named: vec![None; places.max(2) - 1], volumes: BTreeMap::new() }
    }

    /// How many places there are.
    pub fn places(&self) -> usize {
        self.named.len() + 1
    }

    /// Returns a name's place. An unknown one takes a free place if there is one.
    pub fn place(&mut self, name: &N) -> usize {
        if let Some(place) = self.named.iter().position(|named| named.as_ref() == Some(name)) {
            return place;
        }
        match self.named.iter().position(Option::is_none) {
            Some(free) => {
                self.named[free] = Some(name.clone());
                free
            }
            None => self.named.len(),
        }
    }

    /// Returns who has a place; nobody of the last one, which is shared.
    pub fn name(&self, place: usize) -> Option<&N> {
        self.named.get(place)?.as_ref()
    }

    /// Takes note of what a name sent. Of more names than are known, the least busy is forgotten, and the new one is
    /// taken to be as busy (the space-saving sketch of Metwally, Agrawal and El Abbadi, 2005).
    pub fn note(&mut self, name: &N, sends: u32) {
        let mut before = 0.0;
        if !self.volumes.contains_key(name) && self.volumes.len() >= self.places() * KNOWN_PER_PLACE {
            let placed = |name: &N| self.named.iter().flatten().any(|named| named == name);
            let known = self.volumes.iter().filter(|(name, _)| !placed(name));
            let least = known.min_by(|one, other| one.1.total_cmp(other.1));
            if let Some((least, volume)) = least.map(|(name, volume)| (name.clone(), *volume)) {
                self.volumes.remove(&least);
                before = volume;
            }
        }
        *self.volumes.entry(name.clone()).or_insert(before) += f64::from(sends);
    }

    /// Lets the past count for less, and gives places to names that are much busier than those that have them, unless
    /// their places are kept. Returns the places that changed hands.
    pub fn review(&mut self, remaining: f64, is_kept: impl Fn(usize) -> bool) -> Vec<usize> {
        for volume in self.volumes.values_mut() {
            *volume *= remaining;
        }
        let mut changed = Vec::new();
        while let Some((name, place)) = self.promotion(&is_kept) {
            self.named[place] = Some(name);
            changed.push(place);
        }
        changed
    }

    /// Gives a name a place of its own: the one that it has, a free one, or the least busy one that isn't kept. Returns
    /// it, and whether it was another's; nothing when all are kept.
    pub fn claim(&mut self, name: &N, is_kept: impl Fn(usize) -> bool) -> Option<(usize, bool)> {
        let place = self.place(name);
        if place < self.named.len() {
            return Some((place, false));
        }
        let (place, _) = self.least(&is_kept)?;
        self.named[place] = Some(name.clone());
        Some((place, true))
    }

    fn volume(&self, name: &N) -> f64 {
        self.volumes.get(name).copied().unwrap_or(0.0)
    }

    /// The place whose name is the least busy, of those that aren't kept.
    fn least(&self, is_kept: &impl Fn(usize) -> bool) -> Option<(usize, f64)> {
        let free = self.named.iter().enumerate().filter(|(place, _)| !is_kept(*place));
        let places = free.map(|(place, named)| (place, named.as_ref().map_or(0.0, |name| self.volume(name))));
        places.min_by(|one, other| one.1.total_cmp(&other.1))
    }

    fn promotion(&self, is_kept: &impl Fn(usize) -> bool) -> Option<(N, usize)> {
        let outside = self.volumes.iter().filter(|(name, _)| !self.named.iter().flatten().any(|named| named == *name));
        let (busiest, most) = outside.max_by(|one, other| one.1.total_cmp(other.1))?;
        let (place, least) = self.least(is_kept)?;
        (*most > 0.0 && *most > BUSIER * least).then(|| (busiest.clone(), place))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_busiest_have_places_and_a_little_more_changes_nothing() {
        let mut slots = Slots::new(3);
        for (name, sends) in [("a", 10), ("b", 10), ("c", 15), ("d", 1)] {
            slots.place(&name);
            slots.note(&name, sends);
        }
        assert_eq!([slots.place(&"a"), slots.place(&"b"), slots.place(&"c"), slots.place(&"d")], [0, 1, 2, 2]);
        assert!(slots.review(1.0, |_| false).is_empty(), "c is not twice as busy");
        slots.note(&"c", 15);
        assert_eq!(slots.review(1.0, |_| false), [0]);
        assert_eq!((slots.name(0), slots.name(1), slots.name(2)), (Some(&"c"), Some(&"b"), None));
    }

    #[test]
    fn a_place_that_is_kept_is_nobody_else_s() {
        let mut slots = Slots::new(3);
        for (name, sends) in [("a", 1), ("b", 5), ("c", 100), ("d", 0)] {
            slots.place(&name);
            slots.note(&name, sends);
        }
        assert_eq!(slots.review(1.0, |place| place == 0), [1], "c is busier than b, and a's place is kept");
        assert_eq!(slots.claim(&"d", |place| place == 1), Some((0, true)), "however little it sends");
        assert_eq!(slots.claim(&"d", |_| true), Some((0, false)));
        assert_eq!(slots.claim(&"e", |_| true), None);
    }

    proptest! {
        #[test]
        fn tables_are_bounded_and_a_name_with_half_of_the_traffic_gets_a_place(
            others in prop::collection::vec(1_u32..400, 1..300),
        ) {
            let mut slots = Slots::new(4);
            for other in &others {
                for name in [*other, 0] {
                    slots.place(&name);
                    slots.note(&name, 1);
                }
            }
            while !slots.review(1.0, |_| false).is_empty() {}
            prop_assert!(slots.volumes.len() <= 4 * KNOWN_PER_PLACE);
            prop_assert!(slots.place(&0) < 3);
        }
    }
}
