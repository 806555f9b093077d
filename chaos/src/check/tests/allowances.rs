//! What a fault excuses, and for how long.

use super::build::{BERLIN, OSLO, run};
use crate::check::index::Index;
use crate::history::FaultKind;

const SECOND: u64 = 1_000_000;

#[test]
fn without_a_fault_near_it_is_done_in_the_usual_time() {
    let history = run().fault(FaultKind::Kill, OSLO, 10_000, 20_000).history();
    let index = Index::new(&history);
    for from in [1, 5, 13, 27] {
        assert_eq!(index.done_by(from * SECOND, SECOND, 2 * SECOND), (from + 1) * SECOND, "{from}");
    }
}

#[test]
fn the_beginning_and_the_end_of_a_fault_make_it_begin_anew() {
    let history =
        run().fault(FaultKind::Kill, OSLO, 10_000, 12_000).fault(FaultKind::Pause, BERLIN, 14_000, 30_000).history();
    let index = Index::new(&history);
    assert_eq!(index.done_by(9 * SECOND, SECOND, 2 * SECOND), 16 * SECOND);
    assert_eq!(index.done_by(15 * SECOND, SECOND, 2 * SECOND), 16 * SECOND);
    assert_eq!(index.done_by(17 * SECOND, SECOND, 2 * SECOND), 18 * SECOND);
}

#[test]
fn clocks_that_jump_hold_nothing_up() {
    let history = run().fault(FaultKind::ClockJump, OSLO, 10_000, 12_000).history();
    let index = Index::new(&history);
    assert_eq!(index.done_by(10 * SECOND, SECOND, 2 * SECOND), 11 * SECOND);
    assert_eq!(index.longest_calm(9 * SECOND, 14 * SECOND, SECOND), 5 * SECOND);
}

#[test]
fn calm_is_before_between_and_after_faults() {
    let history =
        run().fault(FaultKind::Kill, OSLO, 10_000, 12_000).fault(FaultKind::Kill, BERLIN, 11_000, 14_000).history();
    let index = Index::new(&history);
    for (from, to, calm) in [(1, 5, 4), (7, 13, 3), (10, 14, 0), (12, 15, 0), (12, 18, 3), (16, 20, 4)] {
        assert_eq!(index.longest_calm(from * SECOND, to * SECOND, SECOND), calm * SECOND, "from {from} to {to}");
    }
}
