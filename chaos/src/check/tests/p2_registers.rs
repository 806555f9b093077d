//! P2: what the checks of registers find.

use super::build::{BERLIN, DUBLIN, OSLO, Run, done, refused, run, unknown};
use super::{found, not_tested, passed};
use crate::history::FaultKind;

const SURVIVE: &str = "p2_acknowledged_writes_survive";
const SAME: &str = "p2_listeners_read_the_same";
const BACK: &str = "p2_reads_never_go_back";
const WRITTEN: &str = "p2_reads_see_only_what_was_written";

/// Two writes, a kill until 20 s, and a read once that is settled.
fn killed(read: u64) -> Run {
    let run = run().write(1_000, 1, done()).write(2_000, 2, done());
    run.fault(FaultKind::Kill, BERLIN, 10_000, 20_000).read(31_000, OSLO, read)
}

#[test]
fn the_last_acknowledged_write_is_there_at_the_end() {
    passed(&killed(2).finding(SURVIVE), 1);
    found(&killed(1).finding(SURVIVE), &["oslo returned 1 for r at 31.000 s", "2 was acknowledged at 2.050 s"]);
    found(&killed(0).finding(SURVIVE), &["oslo returned nothing"]);
}

#[test]
fn reads_before_everything_is_settled_are_not_judged() {
    not_tested(
        &run().write(1_000, 1, done()).fault(FaultKind::Kill, 0, 9_000, 9_500).read(19_000, OSLO, 0).finding(SURVIVE),
    );
}

#[test]
fn a_write_with_an_unknown_outcome_may_have_had_its_effect_early_late_or_never() {
    let later = run().write(1_000, 1, done()).write(2_000, 2, unknown());
    let overtaken = run().write(1_000, 1, unknown()).write(2_000, 2, done());
    for (run, value) in [(&later, 1), (&later, 2), (&overtaken, 1), (&overtaken, 2)] {
        passed(&run.clone().read(31_000, OSLO, value).finding(SURVIVE), 1);
    }
    found(&later.read(31_000, OSLO, 0).finding(SURVIVE), &["1 was acknowledged"]);
    found(&overtaken.read(31_000, OSLO, 0).finding(SURVIVE), &["2 was acknowledged"]);
}

#[test]
fn a_write_that_was_acknowledged_a_moment_ago_may_not_be_everywhere_yet() {
    passed(&run().write(30_000, 1, done()).read(31_000, OSLO, 0).finding(SURVIVE), 1);
    found(&run().write(30_000, 1, done()).read(31_050, OSLO, 0).finding(SURVIVE), &["returned nothing"]);
}

#[test]
fn at_the_end_all_listeners_return_the_same() {
    let unclear = run().write(1_000, 1, done()).write(2_000, 2, unknown()).read(31_000, OSLO, 2);
    passed(&unclear.clone().read(32_000, BERLIN, 2).finding(SAME), 2);
    let apart = unclear.read(32_000, BERLIN, 1);
    passed(&apart.finding(SURVIVE), 2);
    found(&apart.finding(SAME), &["oslo returned 2", "berlin returned 1"]);
}

#[test]
fn listeners_are_compared_only_once_nothing_can_change_any_more() {
    let written = run().write(30_000, 1, unknown()).read(31_000, OSLO, 0).read(32_000, BERLIN, 1);
    not_tested(&written.finding(SAME));
    passed(&written.read(41_000, BERLIN, 1).finding(SAME), 1);
}

#[test]
fn a_listener_does_not_go_back() {
    let forth = run().write(1_000, 1, done()).write(2_000, 2, done()).read(3_000, OSLO, 2);
    passed(&forth.clone().read(3_100, OSLO, 2).read(3_200, DUBLIN, 1).finding(BACK), 1);
    let back = forth.clone().read(3_100, OSLO, 1);
    found(&back.finding(BACK), &["oslo returned 1 for r at 3.100 s", "after oslo returned 2 for r at 3.000 s"]);
    found(&forth.clone().read(3_100, OSLO, 0).finding(BACK), &["returned nothing"]);
    found(&back.clone().fault(FaultKind::Isolation, OSLO, 2_900, 3_050).finding(BACK), &["returned 1"]);
    found(&back.clone().fault(FaultKind::Kill, BERLIN, 3_060, 3_090).finding(BACK), &["returned 1"]);
    found(&back.clone().fault(FaultKind::SlowDisk, OSLO, 3_060, 3_090).finding(BACK), &["returned 1"]);
    for kind in [FaultKind::PowerCut, FaultKind::FullDisk, FaultKind::LostDisk] {
        not_tested(&back.clone().fault(kind, OSLO, 3_060, 3_090).finding(BACK));
    }
    let restarted = back.fault(FaultKind::Kill, OSLO, 3_060, 3_090);
    not_tested(&restarted.finding(BACK));
    found(&restarted.read(3_200, OSLO, 2).read(3_300, OSLO, 1).finding(BACK), &["at 3.300 s"]);
}

#[test]
fn an_unclear_write_may_come_after_a_later_one() {
    let overtaken = run().write(1_000, 1, unknown()).write(2_000, 2, done());
    passed(&overtaken.read(3_000, OSLO, 2).read(3_100, OSLO, 1).finding(BACK), 1);
}

#[test]
fn a_value_that_is_read_was_written_before() {
    passed(&run().write(1_000, 1, unknown()).read(1_050, OSLO, 1).finding(WRITTEN), 1);
    found(&run().read(1_000, OSLO, 1).finding(WRITTEN), &["oslo returned 1", "which nobody wrote"]);
    found(&run().write(1_000, 1, refused()).read(2_000, OSLO, 1).finding(WRITTEN), &["was refused"]);
    found(&run().write(1_100, 1, done()).read(1_000, OSLO, 1).finding(WRITTEN), &["written only from 1.100 s"]);
}
