//! P3: what the checks of messages find.

use super::build::{BERLIN, DUBLIN, OSLO, Run, done, refused, run, unknown};
use super::{found, not_tested, passed};
use crate::history::{Answer, Class, FaultKind};

const KEPT: &str = "p3_accepted_messages_arrive_or_end";
const ASKED: &str = "p3_opted_out_only_when_asked";
const STRANGERS: &str = "p3_nothing_arrives_that_nobody_sent";

/// A message that is accepted at 1.050 s, worth sending until 11 s, never arrives and ends in a status.
fn ended(status: &str) -> Run {
    run().send(1_000, "m").end("m", status)
}

fn ended_as(class: Class, status: &str) -> Run {
    run().send_as(1_000, "m", class).end("m", status)
}

#[test]
fn what_was_accepted_arrives() {
    passed(&run().send(1_000, "m").arrive(1_100, "m", OSLO).finding(KEPT), 1);
    found(&run().send(1_000, "m").finding(KEPT), &["m to to-m", "nobody asked what became of it"]);
    for status in ["waiting", "failed", "unknown", "delivered"] {
        found(&ended(status).finding(KEPT), &["asked for in dublin at 1.000 s", "never arrived"]);
    }
}

#[test]
fn opted_out_takes_somebody_who_asked_for_that() {
    found(&ended("opted_out").finding(KEPT), &["nobody asked for that"]);
    found(&ended("opted_out").opt_out(900, "m", refused()).finding(KEPT), &["nobody asked for that"]);
    found(&ended("opted_out").opt_out(900, "other", done()).finding(KEPT), &["nobody asked for that"]);
    passed(&ended("opted_out").opt_out(900, "m", done()).finding(KEPT), 1);
    passed(&ended("opted_out").opt_out(1_200, "m", unknown()).finding(KEPT), 1);
}

#[test]
fn expired_takes_faults_that_left_no_time() {
    found(&ended("expired").finding(KEPT), &["expired after 10.000 s", "10.000 s in a row"]);
    let all_its_life = ended("expired").fault(FaultKind::Isolation, OSLO, 1_500, 9_000);
    passed(&all_its_life.finding(KEPT), 1);
    // From 1 s to 2.2 s, and from 9.8 s (5 s after the fault) to 11 s, there was time.
    found(&ended("expired").fault(FaultKind::Isolation, OSLO, 2_200, 9_000).finding(KEPT), &["1.200 s in a row"]);
    found(&ended("expired").fault(FaultKind::Isolation, OSLO, 1_500, 4_800).finding(KEPT), &["1.200 s in a row"]);
    found(&ended("expired").fault(FaultKind::ClockJump, OSLO, 1_500, 9_000).finding(KEPT), &["10.000 s in a row"]);
}

#[test]
fn nothing_expires_before_its_time() {
    let early = run().send(52_000, "m").end("m", "expired").fault(FaultKind::Isolation, OSLO, 52_000, 60_000);
    found(&early.finding(KEPT), &["its time wasn't over"]);
}

#[test]
fn held_takes_the_class_and_a_fault() {
    let held = ended_as(Class::AtMostOnce, "held");
    found(&held.finding(KEPT), &["no fault was on when it was sent"]);
    for kind in [FaultKind::Kill, FaultKind::PowerCut, FaultKind::Isolation, FaultKind::Pause] {
        passed(&held.clone().fault(kind, OSLO, 2_000, 9_000).finding(KEPT), 1);
    }
    passed(&held.clone().cut(OSLO, BERLIN, 2_000, 9_000).finding(KEPT), 1);
    found(&held.clone().fault(FaultKind::Kill, OSLO, 2_100, 9_000).finding(KEPT), &["no fault was on"]);
    found(&held.fault(FaultKind::ClockJump, OSLO, 2_000, 9_000).finding(KEPT), &["no fault was on"]);
    let other_class = ended_as(Class::AtLeastOnce, "held").fault(FaultKind::Kill, OSLO, 2_000, 9_000);
    found(&other_class.finding(KEPT), &["only at_most_once may be"]);
}

#[test]
fn nobody_is_turned_away_who_did_not_opt_out() {
    let turned_away = run().send_in_vain(3_000, "m", Answer::OptedOut);
    found(&turned_away.finding(ASKED), &["dublin turned a message to to-m away at 3.000 s"]);
    let asked_twice = turned_away.clone().opt_out(2_000, "m", unknown()).opt_out(9_000, "m", done());
    passed(&asked_twice.finding(ASKED), 1);
    found(&turned_away.opt_out(3_050, "m", done()).finding(ASKED), &["nobody asked for"]);
    not_tested(&run().send(1_000, "m").finding(ASKED));
}

#[test]
fn what_arrives_was_asked_for() {
    passed(&run().send(1_000, "m").arrive(1_100, "m", OSLO).finding(STRANGERS), 1);
    let stranger = run().arrive(1_100, "m", OSLO);
    found(&stranger.finding(STRANGERS), &["m from oslo reached to-m at 1.100 s"]);
    found(&stranger.clone().send_in_vain(1_000, "m", refused()).finding(STRANGERS), &["m from oslo"]);
    found(&stranger.clone().send_in_vain(2_000, "m", unknown()).finding(STRANGERS), &["m from oslo"]);
    passed(&stranger.send_in_vain(1_000, "m", unknown()).finding(STRANGERS), 1);
}

#[test]
fn an_unknown_send_explains_one_message_of_its_class() {
    let unclear = run().send_in_vain(1_000, "m", unknown());
    let twice = unclear.clone().arrive(1_100, "m", OSLO).arrive(1_200, "m", DUBLIN);
    passed(&twice.finding(STRANGERS), 2);
    let other_class = unclear.arrive_as(1_100, "m", Class::AtMostOnce, OSLO);
    found(&other_class.finding(STRANGERS), &["m from oslo"]);
}

#[test]
fn what_arrives_is_as_it_was_asked_for() {
    let sent = run().send(1_000, "m");
    found(&sent.clone().arrive_as(1_100, "m", Class::AtMostOnce, OSLO).finding(STRANGERS), &["as at_most_once"]);
    found(&sent.arrive(800, "m", OSLO).finding(STRANGERS), &["at 0.800 s"]);
}
