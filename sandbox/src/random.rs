//! A small seeded generator, so that faults with a share hit the same deliveries when a run is repeated.
//! Not for secrets.

/// SplitMix64 (Steele, Lea, Flood 2014): one word of state, any seed will do.
#[derive(Debug, Clone)]
pub(crate) struct SeededRandom(u64);

impl SeededRandom {
    /// Starts the `stream`-th sequence of `seed`; sequences of one seed don't resemble each other.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut start = Self(seed);
        let base = start.next();
        Self(base ^ stream.wrapping_mul(0xD6E8_FEB8_6659_FD93))
    }

    /// Draws a number in 0..1000. The bias of the modulus (1 in 2^54) doesn't matter here.
    pub(crate) fn per_mille(&mut self) -> u16 {
        (self.next() % 1000) as u16
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_for_a_seed_and_differs_between_streams() {
        let draw = |seed, stream| {
            let mut random = SeededRandom::new(seed, stream);
            (0..64).map(|_| random.per_mille()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, 0), draw(7, 0));
        assert_ne!(draw(7, 0), draw(7, 1));
        assert_ne!(draw(7, 0), draw(8, 0));
    }

    #[test]
    fn is_even_enough_for_shares() {
        let mut random = SeededRandom::new(1, 0);
        let below = (0..100_000).filter(|_| random.per_mille() < 250).count();
        assert!((24_000..26_000).contains(&below), "{below}");
    }
}
