//! The report as a whole, and the check that the cluster is of use again.

use std::collections::BTreeSet;

use super::build::{BERLIN, DUBLIN, OSLO, Run, refused, run, unknown};
use super::{found, not_tested, passed};
use crate::check::{History, Report};
use crate::check::{NoSetting, Outcome, Promise, check};
use crate::history::{FaultKind, Line};

const ANSWER: &str = "live_listeners_answer";
const READY: &str = "live_listeners_are_ready";

/// A kill until 20 s, and a read at each listener once that is settled.
fn settled() -> Run {
    let run = run().fault(FaultKind::Kill, OSLO, 10_000, 20_000).write(1_000, 1, super::build::done());
    [BERLIN, DUBLIN, OSLO].into_iter().fold(run, |run, listener| run.read(31_000, listener, 1))
}

#[test]
fn at_the_end_every_listener_answers() {
    passed(&settled().finding(ANSWER), 3);
    passed(&settled().send_in_vain(30_000, "m", refused()).finding(ANSWER), 3);
    found(
        &settled().send_in_vain(30_001, "m", refused()).finding(ANSWER),
        &["dublin refused a message: not ready (gRPC, at 30.001 s)"],
    );
    found(&settled().write(32_000, 2, unknown()).finding(ANSWER), &["berlin left a write without an answer"]);
}

#[test]
fn a_listener_that_is_not_asked_is_not_tested() {
    let mut run = settled();
    run.lines.pop();
    not_tested(&run.finding(ANSWER));
    if let Line::Setting(setting) = &mut run.lines[0] {
        setting.witness = Some(OSLO);
    }
    passed(&run.finding(ANSWER), 2);
}

#[test]
fn at_the_end_every_listener_is_ready() {
    let ready = run().ready(1_000, BERLIN, true).ready(2_000, BERLIN, false).ready(3_000, BERLIN, true);
    passed(&ready.finding(READY), 1);
    found(
        &ready.ready(4_000, BERLIN, false).finding(READY),
        &["berlin isn't ready any more since 4.000 s: no send lease"],
    );
    not_tested(&run().finding(READY));
}

#[test]
fn an_empty_run_tests_nothing() {
    let report = run().report();
    assert_eq!(report.outcome(), Outcome::NotTested);
    assert!(!report.passed());
    assert_eq!(report.with(Outcome::NotTested).count(), report.findings.len());
}

#[test]
fn one_failure_fails_the_run() {
    let report = settled().report();
    assert!(report.passed(), "{report:?}");
    assert_eq!(settled().write(32_000, 2, unknown()).report().outcome(), Outcome::Failed);
}

#[test]
fn what_could_not_be_judged_is_no_pass_and_hides_no_failure() {
    let mut report = settled().report();
    report.findings[0].unjudged.push("too much of it".to_owned());
    assert_eq!((report.outcome(), report.passed()), (Outcome::NotJudged, false));
    report.findings[0].violations.push("wrong".to_owned());
    assert_eq!(report.outcome(), Outcome::Failed);
}

#[test]
fn names_are_of_their_promise_and_stand_once() {
    let Report { findings, .. } = run().report();
    let names: BTreeSet<&str> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(names.len(), findings.len());
    for finding in &findings {
        let promise = match finding.promise {
            Promise::Liveness => "live".to_owned(),
            promise => format!("{promise:?}").to_lowercase(),
        };
        assert_eq!(finding.check.split('_').next(), Some(promise.as_str()));
    }
    assert!(findings.is_sorted_by_key(|finding| finding.promise));
}

#[test]
fn twenty_violations_are_shown() {
    let many = (0..25).fold(run(), |run, number| run.arrive(1_000, &format!("m{number}"), OSLO));
    let report = many.report();
    let strangers = report.of(Promise::P3).find(|finding| finding.outcome() == Outcome::Failed).unwrap();
    let (shown, more) = strangers.shown();
    assert_eq!((shown.len(), more), (20, 5));
}

#[test]
fn lines_may_come_in_any_order_and_need_a_setting() {
    let run = settled();
    let mut reversed = run.lines.clone();
    reversed.reverse();
    let reversed = check(&History::new(reversed).unwrap());
    assert!(reversed.passed(), "{reversed:?}");
    assert_eq!(History::new(run.lines[1..].iter().cloned()), Err(NoSetting));
}
