//! Two simple rules that others use, on the same counts: an alarm on three bad minutes in a row, and five failures in a
//! row. Both know one action: leave the region.

use traffic::health::Counted;

use super::random::Draws;
use super::world::REGIONS;

/// The failure rate of a minute that is bad, and the share of the messages without an event.
const BAD_MINUTE: (f64, f64) = (0.10, 0.25);
const MINUTES: usize = 3;
const FAILURES: u64 = 5;

/// Leaves a region after three minutes in a row with 10 % errors, or with events of less than 75 % of the messages.
#[derive(Default)]
pub struct BadMinutes {
    regions: [Minutes; REGIONS],
}

#[derive(Default, Clone, Copy)]
struct Minutes {
    sends: u64,
    errors: u64,
    events: u64,
    failing: usize,
    silent: usize,
}

impl BadMinutes {
    /// Takes over a second, and returns the regions to be left.
    pub fn step(&mut self, tick: u64, counted: &[Counted]) -> Vec<usize> {
        for Counted { region, counts, .. } in counted {
            let minutes = &mut self.regions[*region];
            minutes.sends += u64::from(counts.sends);
            minutes.errors += u64::from(counts.errors) + u64::from(counts.throttled);
            minutes.events += u64::from(counts.events);
        }
        if !(tick + 1).is_multiple_of(60) {
            return Vec::new();
        }
        let mut left = Vec::new();
        for (region, minutes) in self.regions.iter_mut().enumerate() {
            let accepted = minutes.sends - minutes.errors;
            let failing = minutes.errors as f64 >= BAD_MINUTE.0 * minutes.sends as f64 && minutes.sends > 0;
            // The first minutes have fewer events because nothing was sent before.
            let silent = tick >= 300 && (minutes.events as f64) < (1.0 - BAD_MINUTE.1) * accepted as f64;
            let in_a_row = |row: usize, bad: bool| if bad { row + 1 } else { 0 };
            *minutes = Minutes {
                failing: in_a_row(minutes.failing, failing),
                silent: in_a_row(minutes.silent, silent),
                ..Minutes::default()
            };
            if minutes.failing >= MINUTES || minutes.silent >= MINUTES {
                left.push(region);
            }
        }
        left
    }
}

/// Leaves a region after five failed sends in a row.
pub struct FailuresInARow {
    draws: Draws,
    rows: [u64; REGIONS],
}

impl FailuresInARow {
    pub fn new(seed: u64) -> FailuresInARow {
        FailuresInARow { draws: Draws::new(seed), rows: [0; REGIONS] }
    }

    /// Takes over a second, and returns the regions to be left. In which order a second's sends failed is drawn.
    pub fn step(&mut self, counted: &[Counted]) -> Vec<usize> {
        let mut left = Vec::new();
        for region in 0..REGIONS {
            let own = counted.iter().filter(|counted| counted.region == region);
            let (mut sends, mut failed) = own.fold((0_u64, 0_u64), |(sends, failed), Counted { counts, .. }| {
                (sends + u64::from(counts.sends), failed + u64::from(counts.errors) + u64::from(counts.throttled))
            });
            let mut longest = 0;
            while sends > 0 {
                if self.draws.below(sends) < failed {
                    self.rows[region] += 1;
                    failed -= 1;
                } else {
                    self.rows[region] = 0;
                }
                longest = longest.max(self.rows[region]);
                sends -= 1;
            }
            if longest >= FAILURES {
                left.push(region);
            }
        }
        left
    }
}
