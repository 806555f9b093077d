//! Which faults come when: drawn from a seed as data, so that a run can be repeated and read before it begins. Pure.

use std::time::Duration;

use crate::history::{FaultKind, Region};

/// When the first fault comes: before, everything is seen to work.
const QUIET: Duration = Duration::from_secs(10);
/// How long a fault lasts, in milliseconds: longer than noticing it and acting on it takes.
const LENGTH_MS: std::ops::Range<u64> = 6_000..11_000;
/// How far clocks jump, in seconds.
const JUMPS_S: [i64; 4] = [-86_400, -3_600, 3_600, 86_400];
/// How long everything rests after a fault until the next: a region comes back, is given its share again, and what
/// waited is sent.
pub const REST: Duration = Duration::from_secs(14);

/// A fault to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// When, after the run's begin.
    pub at: Duration,
    pub kind: FaultKind,
    pub region: Region,
    /// Of a cut line, its other end.
    pub other: Option<Region>,
    pub length: Duration,
    /// Of a clock that jumps, by how many seconds; it jumps back at the end.
    pub jump_s: i64,
}

/// What is drawn from.
#[derive(Debug, Clone, Copy)]
pub struct Drawing<'a> {
    pub seed: u64,
    /// The kinds that may come; each comes once before any comes again.
    pub kinds: &'a [FaultKind],
    /// How many regions there are.
    pub regions: usize,
    /// How long the run is.
    pub length: Duration,
}

/// Draws the faults of a run, in the order of their times; never two at once.
pub fn draw(drawing: Drawing<'_>) -> Vec<Planned> {
    let mut random = fastrand::Rng::with_seed(drawing.seed);
    let mut planned = Vec::new();
    let mut round: Vec<FaultKind> = Vec::new();
    let mut at = QUIET;
    loop {
        if round.is_empty() {
            round = drawing.kinds.to_vec();
            random.shuffle(&mut round);
        }
        let Some(kind) = round.pop() else { return planned };
        let fault = draw_fault(&mut random, kind, drawing.regions, at);
        at += fault.length + REST;
        if at > drawing.length {
            return planned;
        }
        planned.push(fault);
    }
}

/// Draws where a fault of a kind comes, and for how long.
pub fn draw_fault(random: &mut fastrand::Rng, kind: FaultKind, regions: usize, at: Duration) -> Planned {
    let length = Duration::from_millis(random.u64(LENGTH_MS));
    let region = random.usize(..regions);
    let further = random.usize(1..regions);
    let other = matches!(kind, FaultKind::CutLine | FaultKind::CutOneWay);
    let other = other.then_some((region + further) % regions);
    let jump_s = random.choice(JUMPS_S).unwrap_or_default();
    Planned { at, kind, region, other, length, jump_s }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [FaultKind; 4] = [FaultKind::Kill, FaultKind::Isolation, FaultKind::CutLine, FaultKind::Pause];

    fn drawn(seed: u64, minutes: u64) -> Vec<Planned> {
        draw(Drawing { seed, kinds: &KINDS, regions: 3, length: Duration::from_secs(60 * minutes) })
    }

    #[test]
    fn the_same_seed_draws_the_same_faults_and_another_one_others() {
        assert_eq!(drawn(7, 10), drawn(7, 10));
        assert_ne!(drawn(7, 10), drawn(8, 10));
    }

    #[test]
    fn faults_come_one_after_the_other_and_each_kind_before_any_comes_again() {
        for seed in 0..100 {
            let planned = drawn(seed, 10);
            assert!(planned.len() >= 2 * KINDS.len(), "{planned:?}");
            for pair in planned.windows(2) {
                assert!(pair[0].at + pair[0].length + REST <= pair[1].at, "{pair:?}");
            }
            for round in planned.chunks_exact(KINDS.len()) {
                assert!(KINDS.iter().all(|kind| round.iter().any(|fault| fault.kind == *kind)), "{round:?}");
            }
            for fault in &planned {
                assert!(fault.region < 3 && fault.other.is_none_or(|other| other < 3 && other != fault.region));
            }
        }
    }

    #[test]
    fn a_run_too_short_for_a_fault_has_none() {
        assert_eq!(draw(Drawing { seed: 1, kinds: &KINDS, regions: 3, length: Duration::from_secs(20) }), []);
    }
}
