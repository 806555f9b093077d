//! The detector on the faults F1 to F9 of the health specification, by the generator of `examples/faults`, which
//! measures the same over many more runs: what is this region's is left in time, and what isn't moves nothing.

#[path = "../examples/faults/delays.rs"]
mod delays;
#[path = "../examples/faults/fault.rs"]
mod fault;
#[path = "../examples/faults/peers.rs"]
mod peers;
#[path = "../examples/faults/random.rs"]
mod random;
#[path = "../examples/faults/trial.rs"]
mod trial;
#[path = "health_faults/two.rs"]
mod two;
#[path = "../examples/faults/world.rs"]
mod world;

use std::ops::Range;

use fault::{Fault, Injected};
use traffic::health::{Advice, Judgement, Part};
use trial::FAULT_AT;

/// Runs each seed until the right thing is done, and requires that it is within so many seconds and nothing else is
/// moved.
fn is_answered(fault: Fault, rate: f64, seeds: Range<u64>, within: u64) {
    for seed in seeds {
        let trial = trial::run(seed, rate, fault, within, false);
        assert!(trial.wrong.is_empty(), "{fault:?} at {rate}/s, seed {seed}: {:#?}", trial.wrong);
        assert!(trial.right.is_some(), "{fault:?} at {rate}/s, seed {seed}: not seen within {within} s");
    }
}

/// Requires that nothing is moved in so many seconds.
fn moves_nothing(fault: Fault, rate: f64, seeds: Range<u64>, seconds: u64) {
    for seed in seeds {
        let trial = trial::run(seed, rate, fault, seconds, false);
        assert!(trial.wrong.is_empty(), "{fault:?} at {rate}/s, seed {seed}: {:#?}", trial.wrong);
    }
}

#[test]
fn a_region_whose_sends_fail_is_left() {
    is_answered(Fault::HardLoss, 10.0, 0..8, 20);
    is_answered(Fault::Errors(0.98), 10.0, 0..8, 20);
    is_answered(Fault::Errors(0.5), 10.0, 0..8, 40);
    is_answered(Fault::Errors(0.2), 10.0, 0..8, 120);
    is_answered(Fault::Errors(0.2), 1_000.0, 0..2, 8);
    is_answered(Fault::HardLoss, 1.0 / 6.0, 0..8, 600);
    is_answered(Fault::Creep, 10.0, 0..2, 1_800);
}

#[test]
fn a_region_whose_events_do_not_come_is_left() {
    is_answered(Fault::EventsLost(1.0), 10.0, 0..8, 30);
    is_answered(Fault::EventsLost(0.3), 10.0, 0..8, 300);
    is_answered(Fault::EventsLost(1.0), 1_000.0, 0..2, 8);
    is_answered(Fault::Delays, 10.0, 0..4, 900);
}

#[test]
fn only_the_destination_is_moved_that_one_region_does_not_reach() {
    is_answered(Fault::DestinationUnreachable, 10.0, 0..8, 60);
    is_answered(Fault::DestinationUnreachable, 1_000.0, 0..2, 8);
}

#[test]
fn throttling_is_shed() {
    is_answered(Fault::Throttled, 10.0, 0..8, 60);
}

#[test]
fn what_is_the_same_everywhere_moves_nothing() {
    for fault in [Fault::DestinationDown, Fault::DestinationSilent, Fault::ProviderDown] {
        moves_nothing(fault, 10.0, 0..4, 600);
    }
    moves_nothing(Fault::ProviderDown, 1_000.0, 0..1, 60);
}

#[test]
fn one_customers_list_moves_nothing() {
    for fault in [Fault::BadListRefused, Fault::BadListSilent] {
        moves_nothing(fault, 10.0, 0..4, 600);
    }
    moves_nothing(Fault::BadListRefused, 1_000.0, 0..1, 60);
}

/// The world has campaigns of five times the traffic, blips of two seconds, and drifts, at all times.
#[test]
fn health_moves_nothing() {
    moves_nothing(Fault::None, 10.0, 0..4, 3_600);
    moves_nothing(Fault::None, 1.0 / 6.0, 0..8, 3_600);
}

#[test]
fn a_fault_that_comes_and_goes_moves_traffic_three_times_at_most() {
    let flapping = Injected { fault: Fault::Flapping, from: FAULT_AT, until: FAULT_AT + 2_400 };
    for seed in 0..4 {
        let made = trial::follow(seed, 10.0, flapping, FAULT_AT + 2_400);
        let shifts = made.iter().filter(|judgement| matches!(judgement.advice, Advice::Shift { .. })).count();
        assert!((1..=3).contains(&shifts), "seed {seed}: {made:#?}");
    }
}

#[test]
fn traffic_comes_back_in_steps_after_the_fault_and_its_hold() {
    let mended = FAULT_AT + 300;
    let outage = Injected { fault: Fault::Errors(0.98), from: FAULT_AT, until: mended };
    for seed in 0..4 {
        let made = trial::follow(seed, 10.0, outage, mended + 900);
        let [shift, returns @ ..] = made.as_slice() else { panic!("seed {seed}: nothing was decided") };
        let weights: Vec<f64> = returns
            .iter()
            .map(|judgement| match judgement {
                Judgement { part: Part::Whole, advice: Advice::Return { weight }, tick, .. } if *tick >= mended => {
                    *weight
                }
                other => panic!("seed {seed}: {other:#?}"),
            })
            .collect();
        assert!(matches!(shift.advice, Advice::Shift { hold: 60 }), "seed {seed}: {shift:#?}");
        assert!(weights.is_sorted() && weights.last() == Some(&1.0) && weights.len() == 3, "seed {seed}: {weights:?}");
    }
}

#[test]
fn the_simple_rules_leave_a_region_for_what_is_not_its_own() {
    let trial = trial::run(1, 10.0, Fault::DestinationDown, 600, true);
    assert!(trial.bad_minutes.is_some() && trial.wrong.is_empty(), "{trial:#?}");
}
