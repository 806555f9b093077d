//! Two faults at once: each is answered as if it were alone.

use traffic::health::{Advice, Judgement, Part};

use super::fault::{FAILING_DESTINATION, Fault, Faults, Injected, OTHER_DESTINATION};
use super::trial::{self, FAULT_AT};

/// How many seconds the first fault is there before the second one comes.
const LAGS: [u64; 6] = [0, 3, 8, 20, 60, 400];

/// Everything that was moved away by a detector whose advice everybody follows.
fn moved(seed: u64, faults: Vec<Injected>, until: u64) -> Vec<Judgement> {
    let made = trial::follow(seed, 10.0, Faults(faults), until);
    made.into_iter().filter(|judgement| matches!(judgement.advice, Advice::Shift { .. })).collect()
}

fn injected(fault: Fault, from: u64, until: u64) -> Injected {
    Injected { fault, from, until }
}

/// Requires that with two faults, the second one `lag` after the first, these parts of region 0 are moved within so
/// many seconds of the second and no other is.
fn moves_only(faults: [Fault; 2], lag: u64, parts: &[Part], within: u64) {
    let (second, until) = (FAULT_AT + lag, FAULT_AT + lag + within);
    for seed in 0..6 {
        let both = faults.iter().zip([FAULT_AT, second]).map(|(fault, from)| injected(*fault, from, until)).collect();
        let moved = moved(seed, both, until);
        let wrong = moved.iter().find(|judgement| judgement.region != 0 || !parts.contains(&judgement.part));
        assert!(wrong.is_none(), "{faults:?} {lag} s apart, seed {seed}: {wrong:#?}");
        for part in parts {
            let seen = moved.iter().any(|judgement| judgement.part == *part);
            assert!(seen, "{faults:?} {lag} s apart, seed {seed}: {part:?} not moved in {within} s: {moved:#?}");
        }
    }
}

#[test]
fn one_destination_that_is_down_hides_no_other_that_one_region_does_not_reach() {
    for lag in LAGS {
        let faults = [Fault::DestinationDown, Fault::OtherDestinationUnreachable];
        moves_only(faults, lag, &[Part::Destination(OTHER_DESTINATION)], 90);
        moves_only([faults[1], faults[0]], lag, &[Part::Destination(OTHER_DESTINATION)], 90);
    }
}

#[test]
fn two_destinations_that_are_down_move_nothing() {
    for lag in LAGS {
        moves_only([Fault::DestinationDown, Fault::OtherDestinationDown], lag, &[], 300);
    }
}

#[test]
fn two_destinations_that_one_region_does_not_reach_move_one_after_the_other() {
    for lag in [20, 60, 400] {
        let parts = [FAILING_DESTINATION, OTHER_DESTINATION].map(Part::Destination);
        moves_only([Fault::DestinationUnreachable, Fault::OtherDestinationUnreachable], lag, &parts, 90);
    }
}

#[test]
fn a_region_that_fails_is_left_also_while_a_destination_is_down() {
    for lag in LAGS {
        moves_only([Fault::DestinationDown, Fault::HardLoss], lag, &[Part::Whole], 40);
        moves_only([Fault::DestinationDown, Fault::Errors(0.5)], lag, &[Part::Whole], 90);
        moves_only([Fault::DestinationDown, Fault::EventsLost(1.0)], lag, &[Part::Whole], 90);
    }
}

#[test]
fn a_region_that_fails_is_left_also_while_a_customer_sends_to_a_bad_list() {
    for lag in LAGS {
        for list in [Fault::BadListRefused, Fault::BadListSilent] {
            moves_only([list, Fault::HardLoss], lag, &[Part::Whole], 60);
            moves_only([list, Fault::Errors(0.5)], lag, &[Part::Whole], 120);
        }
    }
}

/// A region comes back from an outage, and on its way one destination can't be reached from it.
#[test]
fn what_one_destination_fails_is_no_relapse() {
    let (mended, until) = (FAULT_AT + 100, FAULT_AT + 900);
    for unreachable in [FAULT_AT, FAULT_AT + 150, FAULT_AT + 190] {
        for seed in 0..6 {
            let outage = injected(Fault::Errors(0.98), FAULT_AT, mended);
            let faults = vec![outage, injected(Fault::OtherDestinationUnreachable, unreachable, until)];
            let moved = moved(seed, faults, until);
            let left = moved.iter().filter(|judgement| judgement.part == Part::Whole).count();
            let alone = moved.iter().any(|judgement| judgement.part == Part::Destination(OTHER_DESTINATION));
            assert!(left == 1 && alone, "from {unreachable}, seed {seed}: {moved:#?}");
        }
    }
}
