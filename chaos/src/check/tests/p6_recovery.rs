//! P6: what is measured after a fault, and what its checks find.

use super::build::{BERLIN, DUBLIN, OSLO, Run, address_of, done, refused, run};
use super::{excused, found, not_tested, passed};
use crate::check::{Measured, Recovery};
use crate::history::{Class, FaultKind, Line, Op};

const NEW: &str = "p6_new_messages_flow";
const WAITING: &str = "p6_waiting_messages_flow";
/// What takes a region away.
const LOSSES: [FaultKind; 5] =
    [FaultKind::Kill, FaultKind::PowerCut, FaultKind::Isolation, FaultKind::FullDisk, FaultKind::LostDisk];

/// A message every half second from 10 s to 18 s, asked for in Dublin. Those before `flows_ms` arrive then, each other
/// one after 100 ms.
fn sends(flows_ms: u64) -> Run {
    (20..36).map(|half| half * 500).fold(run(), |run, at_ms| {
        let message = format!("m{at_ms}");
        run.send(at_ms, &message).arrive((at_ms + 100).max(flows_ms), &message, DUBLIN)
    })
}

/// Oslo is lost from 10 s to 20 s.
fn lost(flows_ms: u64) -> Run {
    sends(flows_ms).fault(FaultKind::Kill, OSLO, 10_000, 20_000)
}

/// Also, a message waits when Oslo is lost, and arrives at a time.
fn waited(class: Class, arrival_ms: u64) -> Run {
    lost(10_000).send_as(9_900, "w", class).arrive(arrival_ms, "w", DUBLIN)
}

fn recovery(run: &Run) -> Recovery {
    run.report().recoveries.remove(0)
}

#[test]
fn new_messages_flow_from_the_last_one_on_that_was_late() {
    assert_eq!(recovery(&lost(10_000)).flowing, Measured::After(0));
    // What was asked for at 12.5 s arrived in time, at 13.5 s, and what was at 12 s did not.
    let recovery = recovery(&lost(13_500));
    assert_eq!((recovery.flowing, recovery.new), (Measured::After(2_000_000), 16));
    assert!(recovery.last_late.unwrap().contains("m12000 to to-m12000"));
    passed(&lost(13_500).finding(NEW), 1);
}

#[test]
fn new_messages_that_flow_too_late_or_never() {
    let late = lost(14_700).finding(NEW);
    found(
        &late,
        &["When oslo was killed at 10.000 s", "new messages flowed only 3.500 s later (limit 3.000 s)", "m13500"],
    );
    found(&lost(30_000).finding(NEW), &["flowed not even 8.900 s later"]);
    let in_vain = lost(10_000).send_in_vain(13_600, "x", refused());
    found(&in_vain.finding(NEW), &["flowed only 3.600 s later", "asked for in dublin at 13.600 s was not accepted"]);
}

#[test]
fn what_the_fault_touches_or_callers_forbid_is_not_late() {
    let address = address_of("x");
    let op = Op::Send { address, class: Class::AtLeastOnce, time_to_live_ms: 10_000 };
    passed(&lost(10_000).call(13_600, OSLO, op, refused()).finding(NEW), 1);
    let opted_out = lost(10_000).send(13_600, "x").end("x", "opted_out").opt_out(13_500, "x", done());
    passed(&opted_out.finding(NEW), 1);
}

#[test]
fn only_losses_and_cut_lines_that_came_alone_and_lasted_are_judged() {
    let late = sends(14_700);
    for kind in LOSSES {
        found(&late.clone().fault(kind, OSLO, 10_000, 20_000).finding(NEW), &["flowed only 3.500 s"]);
        not_tested(&late.clone().fault(kind, OSLO, 10_000, 14_000).finding(NEW));
    }
    found(&late.clone().cut(BERLIN, OSLO, 10_000, 20_000).finding(NEW), &["the line between berlin and oslo was cut"]);
    for kind in [FaultKind::Pause, FaultKind::ClockJump, FaultKind::SlowDisk] {
        not_tested(&late.clone().fault(kind, OSLO, 10_000, 20_000).finding(NEW));
    }
    let loss = lost(14_700);
    not_tested(&loss.clone().fault(FaultKind::Pause, BERLIN, 4_000, 5_000).finding(NEW));
    not_tested(&loss.clone().fault(FaultKind::Pause, BERLIN, 13_000, 14_000).finding(NEW));
    found(&loss.clone().fault(FaultKind::Pause, BERLIN, 4_000, 4_900).finding(NEW), &["flowed only 3.500 s"]);
    found(&loss.clone().fault(FaultKind::ClockJump, BERLIN, 9_000, 19_000).finding(NEW), &["flowed only 3.500 s"]);
    let mut of_witness = loss;
    if let Line::Setting(setting) = &mut of_witness.lines[0] {
        setting.witness = Some(OSLO);
    }
    not_tested(&of_witness.finding(NEW));
}

#[test]
fn a_listener_beside_a_cut_line_may_refuse_unless_it_says_that_it_is_ready() {
    let cut = sends(10_000).cut(BERLIN, OSLO, 10_000, 20_000).send_in_vain(13_600, "x", refused());
    passed(&cut.finding(NEW), 1);
    let ready = cut.ready(1_000, DUBLIN, true);
    found(&ready.finding(NEW), &["at 13.600 s was not accepted"]);
    passed(&ready.clone().ready(14_650, DUBLIN, false).finding(NEW), 1);
    passed(&ready.ready(13_000, DUBLIN, false).ready(14_000, DUBLIN, true).finding(NEW), 1);
}

#[test]
fn accepting_is_the_end_of_the_last_call_that_was_refused_or_slow() {
    assert_eq!(recovery(&lost(10_000)).accepting, None);
    let refused_twice = lost(10_000).send_in_vain(10_500, "x", refused()).send_in_vain(11_000, "y", refused());
    assert_eq!(recovery(&refused_twice).accepting, Some(1_050_000));
}

#[test]
fn what_waited_arrives_within_five_seconds() {
    passed(&waited(Class::AtLeastOnce, 15_100).finding(WAITING), 1);
    assert_eq!(recovery(&waited(Class::AtLeastOnce, 15_100)).waiting, Measured::After(5_100_000));
    let late = waited(Class::AtLeastOnce, 15_101).finding(WAITING);
    found(&late, &["When oslo was killed at 10.000 s, what waited had arrived only 5.101 s later", "w to to-w"]);
    let never = lost(10_000).send(9_900, "w");
    found(&never.finding(WAITING), &["not even 50.000 s later", "w to to-w"]);
}

#[test]
fn what_is_asked_for_right_after_the_loss_may_wait_in_the_lost_region() {
    found(&lost(10_000).send(12_900, "w").arrive(15_200, "w", DUBLIN).finding(WAITING), &["5.200 s"]);
}

#[test]
fn what_is_held_does_not_count_as_waiting() {
    found(&waited(Class::AtMostOnce, 15_101).finding(WAITING), &["5.101 s"]);
    passed(&waited(Class::AtMostOnce, 20_100).finding(WAITING), 1);
    found(&waited(Class::AtLeastOnce, 20_100).finding(WAITING), &["10.100 s"]);
    let held = lost(10_000).send_as(9_900, "w", Class::AtMostOnce).end("w", "held");
    passed(&held.finding(WAITING), 1);
    assert_eq!(recovery(&held).held, 1);
    let held_long_after = lost(10_000).send_as(40_000, "w", Class::AtMostOnce).end("w", "held");
    assert_eq!(recovery(&held_long_after).held, 0);
    found(&lost(10_000).send_as(10_100, "w", Class::AtMostOnce).end("w", "held").finding(WAITING), &["w to to-w"]);
    let expired = lost(10_000).send_as(9_900, "w", Class::AtMostOnce).end("w", "expired");
    passed(&expired.finding(WAITING), 1);
}

#[test]
fn what_opts_out_or_expires_does_not_count_as_waiting() {
    let never = lost(10_000).send(9_900, "w");
    passed(&never.opt_out(12_000, "w", done()).finding(WAITING), 1);
    let op = Op::Send { address: address_of("w"), class: Class::AtLeastOnce, time_to_live_ms: 5_000 };
    let answer = crate::history::Answer::Accepted { message: "w".to_owned() };
    passed(&lost(10_000).call(9_900, DUBLIN, op, answer).finding(WAITING), 1);
}

#[test]
fn the_next_fault_ends_what_can_be_seen() {
    let late = waited(Class::AtLeastOnce, 15_101);
    not_tested(&late.clone().fault(FaultKind::Pause, BERLIN, 15_000, 16_000).finding(WAITING));
    found(&late.fault(FaultKind::Pause, BERLIN, 15_101, 16_000).finding(WAITING), &["5.101 s"]);
}

#[test]
fn doubles_are_counted_with_the_fault_that_explains_them() {
    let doubled = lost(10_000).send(9_800, "d").arrive(9_900, "d", OSLO).arrive(12_400, "d", DUBLIN);
    assert_eq!(recovery(&doubled).doubled, 1);
    assert_eq!(recovery(&lost(10_000)).doubled, 0);
}

/// So many losses, one every 30 s, with a message that waits and arrives after 1 s, in the first ones after 6 s.
fn losses(count: u64, late: u64) -> Run {
    (0..count).fold(run(), |run, number| {
        let (at_ms, message) = (number * 30_000 + 10_000, format!("w{number}"));
        let arrival_ms = at_ms + if number < late { 6_000 } else { 1_000 };
        let run = run.fault(FaultKind::Kill, OSLO, at_ms, at_ms + 8_000);
        run.send(at_ms - 100, &message).arrive(arrival_ms, &message, DUBLIN)
    })
}

#[test]
fn one_loss_in_a_hundred_may_take_longer() {
    found(&losses(99, 1).finding(WAITING), &["6.000 s"]);
    excused(&losses(100, 1).finding(WAITING));
    assert_eq!(losses(100, 2).finding(WAITING).violations.len(), 2);
}

#[test]
fn what_was_overdue_before_is_no_consequence_and_what_is_on_time_did_not_wait() {
    let overdue = lost(10_000).send(2_900, "w");
    let recovery_of_overdue = recovery(&overdue);
    assert_eq!((recovery_of_overdue.waiting, recovery_of_overdue.waited), (Measured::After(0), 0));
    found(&lost(10_000).send(8_900, "w").finding(WAITING), &["w to to-w"]);
}
