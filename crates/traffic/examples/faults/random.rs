//! Draws that follow from a seed.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Gamma, LogNormal, Normal, Poisson};

/// Draws for one run.
pub struct Draws(SmallRng);

impl Draws {
    pub fn new(seed: u64) -> Draws {
        Draws(SmallRng::seed_from_u64(seed))
    }

    pub fn chance(&mut self, of: f64) -> bool {
        self.0.random::<f64>() < of
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.random_range(0..bound)
    }

    /// A standard normal deviate.
    pub fn normal(&mut self) -> f64 {
        Normal::new(0.0, 1.0).expect("a distribution").sample(&mut self.0)
    }

    /// Noise around 1 with a standard deviation of 45 %.
    pub fn noise(&mut self) -> f64 {
        Gamma::new(5.0, 0.2).expect("a distribution").sample(&mut self.0)
    }

    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean <= 0.0 {
            return 0;
        }
        let drawn: f64 = Poisson::new(mean).expect("a positive mean").sample(&mut self.0);
        drawn as u64
    }

    pub fn log_normal(&mut self, median: f64, deviation: f64) -> f64 {
        LogNormal::new(median.ln(), deviation).expect("a distribution").sample(&mut self.0)
    }

    /// Draws an index by shares that add up to 1.
    pub fn index(&mut self, shares: &[f64]) -> usize {
        let mut left: f64 = self.0.random();
        for (index, share) in shares.iter().enumerate() {
            left -= share;
            if left < 0.0 {
                return index;
            }
        }
        shares.len() - 1
    }
}

/// A value that drifts around 0: an Ornstein-Uhlenbeck process in steps of a second.
#[derive(Clone, Copy)]
pub struct Drift {
    value: f64,
    deviation: f64,
    seconds: f64,
}

impl Drift {
    pub fn new(deviation: f64, seconds: f64) -> Drift {
        Drift { value: 0.0, deviation, seconds }
    }

    pub fn step(&mut self, draws: &mut Draws) -> f64 {
        let noise = self.deviation * (2.0 / self.seconds).sqrt() * draws.normal();
        self.value += noise - self.value / self.seconds;
        self.value
    }
}
