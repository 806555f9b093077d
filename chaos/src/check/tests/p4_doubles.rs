//! P4: what the checks of repeated arrivals find.

use super::build::{BERLIN, DUBLIN, OSLO, Run, run};
use super::{found, passed};
use crate::history::{Class, FaultKind};

const ONCE: &str = "p4_at_most_once";
const TWICE: &str = "p4_twice_only_when_cut_off";

/// A message that arrives from Oslo at 5 s and again from Dublin at 8 s.
fn twice(class: Class) -> Run {
    run().send_as(4_900, "m", class).arrive(5_000, "m", OSLO).arrive(8_000, "m", DUBLIN)
}

#[test]
fn at_most_once_means_that_whatever_happens() {
    passed(&run().send_as(1_000, "m", Class::AtMostOnce).arrive(5_000, "m", OSLO).finding(ONCE), 1);
    let twice = twice(Class::AtMostOnce).fault(FaultKind::Kill, OSLO, 5_100, 7_000);
    found(
        &twice.finding(ONCE),
        &["m (at_most_once) reached to-m from oslo at 5.000 s and again from dublin at 8.000 s"],
    );
}

#[test]
fn at_least_once_means_once_when_nothing_is_wrong() {
    passed(&run().send(4_900, "m").arrive(5_000, "m", OSLO).finding(TWICE), 1);
    found(
        &twice(Class::AtLeastOnce).finding(TWICE),
        &["again from dublin at 8.000 s", "no fault of oslo explains that"],
    );
}

#[test]
fn a_fault_of_the_first_sender_explains_a_second_arrival() {
    let twice = twice(Class::AtLeastOnce);
    for kind in [FaultKind::Kill, FaultKind::PowerCut, FaultKind::Isolation, FaultKind::Pause] {
        passed(&twice.clone().fault(kind, OSLO, 5_900, 7_000).finding(TWICE), 1);
    }
    passed(&twice.clone().cut(BERLIN, OSLO, 5_900, 7_000).finding(TWICE), 1);
    found(
        &twice.clone().fault(FaultKind::ClockJump, OSLO, 5_900, 7_000).finding(TWICE),
        &["no fault of oslo explains that"],
    );
    found(
        &twice.clone().fault(FaultKind::Kill, DUBLIN, 5_900, 7_000).finding(TWICE),
        &["no fault of oslo explains that"],
    );
    found(&twice.fault(FaultKind::Kill, OSLO, 6_100, 7_000).finding(TWICE), &["no fault of oslo explains that"]);
}

#[test]
fn the_consequences_of_a_fault_end() {
    let late = run().send(1_000, "m").arrive(12_950, "m", OSLO).arrive(15_000, "m", DUBLIN);
    passed(&late.clone().fault(FaultKind::Isolation, OSLO, 2_000, 7_000).finding(TWICE), 1);
    found(&late.fault(FaultKind::Isolation, OSLO, 2_000, 6_900).finding(TWICE), &["no fault of oslo explains that"]);
}

#[test]
fn a_sender_that_was_paused_may_come_second() {
    let twice = twice(Class::AtLeastOnce);
    passed(&twice.clone().fault(FaultKind::Pause, DUBLIN, 4_950, 7_950).finding(TWICE), 1);
    found(
        &twice.clone().fault(FaultKind::Pause, DUBLIN, 4_950, 7_850).finding(TWICE),
        &["no fault of oslo explains that"],
    );
    found(&twice.fault(FaultKind::Isolation, DUBLIN, 4_950, 7_950).finding(TWICE), &["no fault of oslo explains that"]);
}

#[test]
fn each_arrival_explains_one_more() {
    let thrice = twice(Class::AtLeastOnce).arrive(9_500, "m", BERLIN);
    let by_dublin = thrice.clone().fault(FaultKind::Kill, DUBLIN, 8_100, 9_000);
    found(&by_dublin.finding(TWICE), &["again from dublin at 8.000 s"]);
    let by_oslo = thrice.fault(FaultKind::Kill, OSLO, 5_100, 6_000);
    found(&by_oslo.finding(TWICE), &["from dublin at 8.000 s and again from berlin at 9.500 s"]);
    passed(&by_oslo.fault(FaultKind::Kill, DUBLIN, 8_100, 9_000).finding(TWICE), 1);
}
