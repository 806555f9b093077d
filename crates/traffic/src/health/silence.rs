//! Is a region heard? The word of any one observer is left out: it may be the one that is cut off.

use super::settings::HealthSettings;

/// How often a heartbeat of a region that is lost is missed.
const MISSED_WHEN_LOST: f64 = 0.9;

/// How silent a region is to each of its observers.
#[derive(Debug, Clone)]
pub(crate) struct Silence {
    scores: Vec<f64>,
}

impl Silence {
    pub(crate) fn new(observers: usize) -> Silence {
        Silence { scores: vec![0.0; observers] }
    }

    /// Takes over who heard the region this second. Observers that say nothing about it leave their score as it is.
    pub(crate) fn add(&mut self, heard: &[bool], settings: &HealthSettings) {
        let tolerated = super::signal::Signal::Errors.tolerated(settings.heartbeat_missed);
        let missed = (MISSED_WHEN_LOST / tolerated).ln().min(settings.cap(settings.threshold));
        let arrived = ((1.0 - MISSED_WHEN_LOST) / (1.0 - tolerated)).ln();
        for (score, heard) in self.scores.iter_mut().zip(heard) {
            let gain = if *heard { arrived } else { missed };
            *score = (*score + gain).clamp(0.0, 2.0 * settings.threshold);
        }
    }

    /// Returns the second highest score: how silent the region is without the observer that hears the least.
    pub(crate) fn score(&self) -> f64 {
        let mut scores = self.scores.clone();
        scores.sort_by(f64::total_cmp);
        scores.iter().rev().nth(1).copied().unwrap_or(0.0)
    }
}
