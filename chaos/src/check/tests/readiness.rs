//! What the checks of `/readyz` find.

use super::build::{BERLIN, DUBLIN, OSLO, Run, run};
use super::{found, not_tested, passed};
use crate::history::FaultKind;

const CUT_OFF: &str = "live_cut_off_listeners_say_so";
const OTHERS: &str = "live_others_stay_ready";

/// Berlin is isolated from 10 s to 20 s; when it says so is given.
fn isolated(told_ms: u64) -> Run {
    let run = run().ready(0, BERLIN, true).ready(0, OSLO, true).fault(FaultKind::Isolation, BERLIN, 10_000, 20_000);
    run.ready(told_ms, BERLIN, false).ready(21_000, BERLIN, true)
}

#[test]
fn a_cut_off_listener_says_so_in_time() {
    passed(&isolated(13_100).finding(CUT_OFF), 1);
    found(&isolated(14_100).finding(CUT_OFF), &["When berlin was isolated at 10.000 s", "still said at 14.000 s"]);
    not_tested(&run().finding(CUT_OFF));
}

#[test]
fn an_isolation_that_is_over_before_it_must_be_told_is_not_judged() {
    let short = run().ready(0, BERLIN, true).fault(FaultKind::Isolation, BERLIN, 10_000, 13_000);
    not_tested(&short.finding(CUT_OFF));
}

#[test]
fn a_listener_that_nothing_hit_stays_ready() {
    passed(&isolated(13_100).finding(OTHERS), 4);
    let other = isolated(13_100).ready(13_100, OSLO, false).ready(13_300, OSLO, true);
    found(&other.finding(OTHERS), &["oslo said at 13.100 s", "no send lease"]);
    let later = isolated(13_100).ready(45_000, BERLIN, false).ready(45_200, BERLIN, true);
    found(&later.finding(OTHERS), &["berlin said at 45.000 s"]);
}

#[test]
fn both_ends_of_a_cut_line_may_be_unready() {
    let cut = |listener| run().cut(BERLIN, OSLO, 10_000, 20_000).ready(15_000, listener, false);
    passed(&cut(BERLIN).finding(OTHERS), 1);
    passed(&cut(OSLO).finding(OTHERS), 1);
    found(&cut(DUBLIN).finding(OTHERS), &["dublin said"]);
}
