//! P2: what the check of linearizable reads finds. A call takes 50 ms.

use super::build::{BERLIN, DUBLIN, OSLO, done, refused, run, unknown};
use super::{found, not_tested, passed};
use crate::check::index::Index;
use crate::check::shared::look;

const LINEARIZABLE: &str = "p2_linearizable_reads";

#[test]
fn a_stale_read_is_found() {
    let written = run().write_shared(1_000, BERLIN, 1, done()).write_shared(2_000, DUBLIN, 2, done());
    passed(&written.clone().read_shared(3_000, OSLO, 2).finding(LINEARIZABLE), 3);
    found(
        &written.clone().read_shared(3_000, OSLO, 1).finding(LINEARIZABLE),
        &["oslo returned 1 between 3.000 s and 3.050 s", "the register held 2"],
    );
    // The read began when the write had not been answered: both are right.
    passed(&written.clone().read_shared(2_040, OSLO, 1).finding(LINEARIZABLE), 3);
    passed(&written.read_shared(2_040, OSLO, 2).finding(LINEARIZABLE), 3);
}

#[test]
fn a_lost_write_is_found() {
    let written = run().write_shared(1_000, BERLIN, 1, done());
    found(&written.clone().read_shared(2_000, OSLO, 0).finding(LINEARIZABLE), &["oslo returned nothing", "held 1"]);
    let seen = written.write_shared(2_000, BERLIN, 2, done()).read_shared(3_000, OSLO, 2);
    found(&seen.read_shared(4_000, OSLO, 1).finding(LINEARIZABLE), &["returned 1 between 4.000 s", "held 2"]);
}

#[test]
fn two_writes_have_one_order_for_everybody() {
    let at_once = run().write_shared(1_000, BERLIN, 1, done()).write_shared(1_010, DUBLIN, 2, done());
    passed(&at_once.clone().read_shared(2_000, OSLO, 1).read_shared(3_000, BERLIN, 1).finding(LINEARIZABLE), 4);
    passed(&at_once.clone().read_shared(2_000, OSLO, 2).read_shared(3_000, BERLIN, 2).finding(LINEARIZABLE), 4);
    found(
        &at_once.read_shared(2_000, OSLO, 1).read_shared(3_000, BERLIN, 2).finding(LINEARIZABLE),
        &["berlin returned 2 between 3.000 s"],
    );
}

#[test]
fn a_read_does_not_go_back_behind_one_that_ended_elsewhere() {
    let seen = run().write_shared(1_000, BERLIN, 1, done()).write_shared_slowly(2_000, 2).read_shared(2_100, OSLO, 2);
    passed(&seen.clone().read_shared(2_140, DUBLIN, 1).finding(LINEARIZABLE), 4);
    found(&seen.read_shared(2_200, DUBLIN, 1).finding(LINEARIZABLE), &["dublin returned 1 between 2.200 s"]);
}

#[test]
fn a_write_with_an_unknown_outcome_may_take_effect_late_or_never_and_once() {
    let unclear = run().write_shared(1_000, BERLIN, 1, done()).write_shared(2_000, DUBLIN, 2, unknown());
    passed(&unclear.clone().read_shared(9_000, OSLO, 1).finding(LINEARIZABLE), 3);
    let late = unclear.read_shared(9_000, OSLO, 1).read_shared(40_000, OSLO, 2);
    passed(&late.finding(LINEARIZABLE), 4);
    let again = late.clone().write_shared(41_000, OSLO, 3, done()).read_shared(42_000, OSLO, 2);
    found(&again.finding(LINEARIZABLE), &["oslo returned 2 between 42.000 s", "held 3"]);
    found(&late.read_shared(41_000, BERLIN, 1).finding(LINEARIZABLE), &["berlin returned 1", "held 2"]);
}

#[test]
fn a_write_that_has_its_effect_a_second_time_before_it_is_answered_is_found() {
    // A write of 2 takes two seconds from 2 s on; it is read, and then another one is acknowledged and read.
    let begun = run().write_shared(1_000, BERLIN, 1, done()).write_shared_slowly(2_000, 2).read_shared(2_200, OSLO, 2);
    let between = begun.write_shared(2_500, DUBLIN, 3, done()).read_shared(2_700, OSLO, 3);
    passed(&between.clone().read_shared(5_000, OSLO, 3).finding(LINEARIZABLE), 6);
    found(&between.clone().read_shared(3_000, OSLO, 2).finding(LINEARIZABLE), &["oslo returned 2 between 3.000 s"]);
    found(&between.read_shared(5_000, OSLO, 2).finding(LINEARIZABLE), &["oslo returned 2", "held 3"]);
}

#[test]
fn what_was_refused_is_never_read() {
    let turned_away = run().write_shared(1_000, BERLIN, 1, refused());
    passed(&turned_away.clone().read_shared(2_000, OSLO, 0).finding(LINEARIZABLE), 2);
    found(&turned_away.read_shared(2_000, OSLO, 1).finding(LINEARIZABLE), &["oslo returned 1", "held nothing"]);
}

#[test]
fn a_run_without_shared_registers_tests_nothing() {
    not_tested(&run().write(1_000, 1, done()).read(2_000, OSLO, 1).finding(LINEARIZABLE));
}

#[test]
fn what_can_not_be_searched_is_not_judged_which_is_not_passed() {
    let many = (0..18).fold(run(), |run, value| run.write_shared(1_000, BERLIN, value, done()));
    let history = many.read_shared(2_000, OSLO, 99).history();
    let seen = look(&Index::new(&history), 1_000);
    assert_eq!((seen.violations.len(), seen.unjudged.len()), (0, 1), "{seen:?}");
    assert!(seen.unjudged[0].contains("too many of the 19 calls on r"), "{seen:?}");
}
