//! P1: what the check of opt-outs finds.

use super::build::{BERLIN, OSLO, Run, done, run, unknown};
use super::{excused, found, not_tested, passed};
use crate::history::FaultKind;

const CHECK: &str = "p1_nothing_after_an_opt_out";

/// An opt-out that is acknowledged at 2.050 s, and a message to the address at a time.
fn opted_out(arrival_ms: u64) -> Run {
    run().send(1_000, "m").opt_out(2_000, "m", done()).arrive(arrival_ms, "m", OSLO)
}

#[test]
fn a_message_may_be_on_its_way_when_the_opt_out_is_acknowledged_and_not_begin_later() {
    passed(&opted_out(2_150).finding(CHECK), 1);
    found(&opted_out(2_151).finding(CHECK), &["m from oslo", "to-m at 2.151 s", "0.101 s after its opt-out"]);
}

#[test]
fn what_was_measured_is_what_a_message_may_take() {
    let slow = |longest_ms| opted_out(2_251).flight(500, BERLIN, 3).flight(1_500, OSLO, longest_ms);
    passed(&slow(151).finding(CHECK), 1);
    found(&slow(150).finding(CHECK), &["0.201 s after its opt-out"]);
    let quick = opted_out(2_120).flight(500, BERLIN, 3);
    found(&quick.finding(CHECK), &["0.070 s after its opt-out"]);
}

#[test]
fn an_opt_out_that_was_not_acknowledged_forbids_nothing() {
    not_tested(&run().send(1_000, "m").opt_out(2_000, "m", unknown()).arrive(9_000, "m", OSLO).finding(CHECK));
}

#[test]
fn the_first_acknowledgement_counts() {
    let twice = opted_out(9_000).opt_out(8_950, "m", done());
    found(&twice.finding(CHECK), &["6.950 s after"]);
}

#[test]
fn only_a_pause_of_the_sender_that_began_in_time_and_has_just_ended_excuses() {
    let late = opted_out(9_000);
    excused(&late.clone().fault(FaultKind::Pause, OSLO, 2_100, 8_950).finding(CHECK));
    for (kind, region, begun_ms, ended_ms) in [
        (FaultKind::Pause, BERLIN, 2_100, 8_950),
        (FaultKind::Pause, OSLO, 2_200, 8_950),
        (FaultKind::Pause, OSLO, 2_100, 8_800),
        (FaultKind::Isolation, OSLO, 2_100, 8_950),
        (FaultKind::ClockJump, OSLO, 2_100, 8_950),
    ] {
        found(&late.clone().fault(kind, region, begun_ms, ended_ms).finding(CHECK), &["to-m at 9.000 s"]);
    }
}
