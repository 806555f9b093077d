//! The search for an order says the same as trying all orders, and gives up at its bound.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::model::random::Random;
use crate::check::order::{Order, Step, What, narrow, search};

const ENOUGH: usize = 100_000;

/// Tries every order in which no call comes after one that began after its end.
fn has_order(left: &[Step], held: Option<u64>) -> bool {
    if left.iter().all(|step| step.ended.is_none()) {
        return true;
    }
    left.iter().enumerate().any(|(place, next)| {
        let others = || left.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, step)| *step);
        let is_before = |other: &Step| other.ended.is_some_and(|ended| ended < next.begun);
        if others().any(|other| is_before(&other)) {
            return false;
        }
        let after = match next.what {
            What::Write(value) => Some(value),
            What::Read(value) if value == held => held,
            What::Read(_) => return false,
        };
        has_order(&others().collect::<Vec<Step>>(), after)
    })
}

/// Calls with values of few, of which some were never written and some twice.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let what = prop_oneof![
        (1..4_u64).prop_map(What::Write),
        (0..4_u64).prop_map(|value| What::Read((value > 0).then_some(value))),
    ];
    let step = (0..20_u64, 0..8_u64, what, 0..5_u8).prop_map(|(begun, took, what, unknown)| {
        let is_open = unknown == 0 && matches!(what, What::Write(_));
        Step { number: 0, begun, ended: (!is_open).then_some(begun + took), what }
    });
    vec(step, 0..8).prop_map(|mut steps| {
        steps.iter_mut().enumerate().for_each(|(number, step)| step.number = number);
        steps
    })
}

/// Calls that had their effects one after the other at random times within them; of some nobody knows the outcome.
fn made(seed: u64, count: u64, span: u64) -> Vec<Step> {
    let mut random = Random(seed);
    let mut times: Vec<(u64, u64, u64)> = Vec::new();
    for _ in 0..count {
        let begun = random.below(count * 10);
        let took = 1 + random.below(span);
        times.push((begun + random.below(took), begun, begun + took));
    }
    times.sort_unstable();
    let mut held = None;
    let steps = times.into_iter().enumerate().map(|(number, (_, begun, ended))| {
        if random.once_in(3) {
            held = Some(number as u64 + 1);
            let ended = (!random.once_in(5)).then_some(ended);
            Step { number, begun, ended, what: What::Write(number as u64 + 1) }
        } else {
            Step { number, begun, ended: Some(ended), what: What::Read(held) }
        }
    });
    steps.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, ..ProptestConfig::default() })]

    #[test]
    fn the_search_says_what_trying_all_orders_says(steps in steps()) {
        let (mut narrowed, expected) = (steps.clone(), has_order(&steps, None));
        prop_assert_eq!(search(&steps, ENOUGH) == Order::Found, expected, "as they are");
        narrow(&mut narrowed);
        prop_assert_eq!(search(&narrowed, ENOUGH) == Order::Found, expected, "narrowed to {:?}", narrowed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn long_histories_that_have_an_order_are_found_to(seed: u64, span in 1..60_u64) {
        let mut steps = made(seed, 2_000, span);
        narrow(&mut steps);
        prop_assert_eq!(search(&steps, ENOUGH), Order::Found);
    }
}

#[test]
fn both_answers_come_often_from_what_is_drawn() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut found = 0;
    for _ in 0..1_000 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        found += u32::from(has_order(&steps, None));
    }
    assert!((200..800).contains(&found), "{found} of 1000 have an order");
}

#[test]
fn what_would_need_more_than_may_be_kept_is_given_up() {
    let write = |number: usize| Step { number, begun: 0, ended: Some(10), what: What::Write(number as u64) };
    let mut steps: Vec<Step> = (0..18).map(write).collect();
    steps.push(Step { number: 18, begun: 20, ended: Some(30), what: What::Read(Some(99)) });
    assert_eq!(search(&steps, ENOUGH), Order::GivenUp);
    assert!(matches!(search(&steps[12..], ENOUGH), Order::Missing { stuck: 18, .. }));
}

#[test]
fn a_value_that_was_written_twice_does_not_tell_which_write_had_an_effect() {
    let step = |number, begun, ended, what| Step { number, begun, ended, what };
    let mut steps = vec![
        step(0, 0, Some(1), What::Write(1)),
        step(1, 2, Some(10), What::Read(Some(1))),
        step(2, 3, Some(4), What::Write(2)),
        step(3, 5, None, What::Write(1)),
        step(4, 20, Some(21), What::Read(Some(2))),
    ];
    narrow(&mut steps);
    assert_eq!(search(&steps, ENOUGH), Order::Found);
}
