//! What a correct cluster shows is never a violation, whatever faults come.

use proptest::collection::vec;
use proptest::prelude::*;

use super::model::{Planned, REGIONS, Scenario, history};
use crate::check::{History, Outcome, Promise, check};
use crate::history::{Answer, Arrival, Call, Class, Line, Op};

fn planned() -> impl Strategy<Value = Planned> {
    (0..10_usize, 0..REGIONS, 500..12_000_u64, 7_000..20_000_u64)
        .prop_map(|(kind, region, lasts_ms, rests_ms)| Planned { kind, region, lasts_ms, rests_ms })
}

fn scenario() -> impl Strategy<Value = Scenario> {
    (any::<u64>(), vec(planned(), 0..4)).prop_map(|(seed, faults)| Scenario { seed, sends_per_second: 20, faults })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_correct_history_has_no_violation(scenario in scenario()) {
        let report = check(&History::new(history(&scenario)).unwrap());
        let violations: Vec<&String> = report.findings.iter().flat_map(|finding| &finding.violations).collect();
        prop_assert!(violations.is_empty(), "{violations:#?}");
    }
}

/// A run of one fault of each kind, long enough to be judged.
pub fn all_faults(seed: u64, sends_per_second: u64) -> Scenario {
    let faults = (0..10).map(|kind| Planned { kind, region: kind % REGIONS, lasts_ms: 9_000, rests_ms: 14_000 });
    Scenario { seed, sends_per_second, faults: faults.collect() }
}

#[test]
fn the_model_gives_every_check_something_to_look_at() {
    let report = check(&History::new(history(&all_faults(1, 60))).unwrap());
    for finding in &report.findings {
        assert_eq!(finding.outcome(), Outcome::Passed, "{finding:?}");
    }
    let excused: usize = report.findings.iter().map(|finding| finding.excused.len()).sum();
    let counted = report.recoveries.iter().fold((0, 0), |sum, one| (sum.0 + one.doubled, sum.1 + one.held));
    assert!(excused > 0 && counted.0 > 0 && counted.1 > 0, "{excused} excused, {counted:?}");
    assert_eq!(report.of(Promise::P6).map(|finding| finding.looked_at).collect::<Vec<_>>(), [7, 7]);
}

/// Something that is planted in a history that is right, and the check that must find it.
type Planted = (&'static str, fn(&mut Vec<Line>));

const PLANTED: [Planted; 11] = [
    ("p1_nothing_after_an_opt_out", |lines| {
        let late = |arrival: &mut Arrival| arrival.at_us += 50_000_000;
        arrivals(lines).filter(|arrival| arrival.address.starts_with("+49")).take(4).for_each(late);
    }),
    ("p2_acknowledged_writes_survive", |lines| {
        let reads = calls(lines).filter(|call| matches!(call.answer, Answer::Value { .. }));
        reads.for_each(|call| call.answer = Answer::Value { value: Some(1) });
    }),
    ("p2_linearizable_reads", |lines| {
        let reads: Vec<&mut Call> = calls(lines)
            .filter(|call| matches!((&call.op, &call.answer), (Op::ReadShared { .. }, Answer::Value { .. })))
            .collect();
        let old = reads[20].answer.clone();
        reads.into_iter().last().unwrap().answer = old;
    }),
    ("p3_accepted_messages_arrive_or_end", |lines| {
        let place = lines.iter().rposition(|line| matches!(line, Line::Arrival(_))).unwrap();
        lines.remove(place);
    }),
    ("p3_nothing_arrives_that_nobody_sent", |lines| {
        arrivals(lines).nth(100).unwrap().address.push('0');
    }),
    ("p4_at_most_once", |lines| {
        let once = arrivals(lines).find(|arrival| arrival.class == Class::AtMostOnce).cloned().unwrap();
        lines.push(Line::Arrival(Arrival { at_us: once.at_us + 20_000_000, ..once }));
    }),
    ("p4_twice_only_when_cut_off", |lines| {
        let first = arrivals(lines).find(|arrival| arrival.class == Class::AtLeastOnce).cloned().unwrap();
        lines.push(Line::Arrival(Arrival { at_us: first.at_us + 20_000_000, ..first }));
    }),
    ("p5_later_plans_take_over", |lines| arrivals(lines).for_each(|arrival| arrival.epoch = 1)),
    ("p6_new_messages_flow", |lines| {
        let slow = |arrival: &mut Arrival| arrival.at_us += 1_500_000;
        arrivals(lines).for_each(slow);
    }),
    ("live_listeners_answer", |lines| {
        let last = calls(lines).filter(|call| matches!(call.op, Op::Read { .. })).last().unwrap();
        last.answer = Answer::Unknown { why: "no answer".to_owned() };
    }),
    ("live_no_listener_is_at_fault", |lines| {
        let early = calls(lines).find(|call| matches!(call.op, Op::Send { .. })).unwrap();
        early.answer = Answer::Unknown { why: "Internal: it answered something else than a message".to_owned() };
    }),
];

#[test]
fn what_is_planted_in_the_model_is_found() {
    for (name, plant) in PLANTED {
        let mut lines = history(&all_faults(1, 60));
        plant(&mut lines);
        let report = check(&History::new(lines).unwrap());
        let finding = report.findings.iter().find(|finding| finding.check == name).unwrap();
        assert_eq!(finding.outcome(), Outcome::Failed, "{name}");
    }
}

fn arrivals(lines: &mut [Line]) -> impl Iterator<Item = &mut Arrival> {
    lines.iter_mut().filter_map(|line| if let Line::Arrival(arrival) = line { Some(arrival) } else { None })
}

fn calls(lines: &mut [Line]) -> impl Iterator<Item = &mut Call> {
    lines.iter_mut().filter_map(|line| if let Line::Call(call) = line { Some(call) } else { None })
}
