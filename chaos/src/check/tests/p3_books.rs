//! P3: what the checks of the accounting find.

use super::build::{BERLIN, DUBLIN, OSLO, Run, run, unknown};
use super::{found, not_tested, passed};
use crate::history::Line;

const CLOSE: &str = "p3_books_close";
const AGREE: &str = "p3_books_agree";
const COUNT: &str = "p3_books_count_what_was_accepted";
const REST: &str = "p3_everything_comes_to_rest";

/// A message that arrived, and the accounting of all regions; Oslo's is given.
fn books(accepted: u64, by_status: &[(&str, u64)]) -> Run {
    let run = run().send(1_000, "m").arrive(1_100, "m", OSLO);
    let run = run.books(BERLIN, 1, &[("delivered", 1)]).books(DUBLIN, 1, &[("delivered", 1), ("held", 0)]);
    run.books(OSLO, accepted, by_status)
}

#[test]
fn books_that_are_right() {
    let right = books(1, &[("delivered", 1)]);
    for check in [CLOSE, AGREE, COUNT, REST] {
        passed(&right.finding(check), 3);
        not_tested(&run().finding(check));
    }
}

#[test]
fn books_that_do_not_close() {
    found(&books(1, &[("delivered", 2)]).finding(CLOSE), &["oslo accepted 1 messages and accounts for 2: 2 delivered"]);
}

#[test]
fn books_that_differ() {
    let differ = books(1, &[("failed", 1)]);
    passed(&differ.finding(CLOSE), 3);
    found(&differ.finding(AGREE), &["oslo accounts for 1 failed, but berlin for 1 delivered"]);
}

#[test]
fn a_region_without_books() {
    let mut lacks = books(1, &[]);
    lacks.lines.pop();
    found(&lacks.finding(AGREE), &["oslo showed no accounting"]);
    if let Line::Setting(setting) = &mut lacks.lines[0] {
        setting.witness = Some(OSLO);
    }
    passed(&lacks.finding(AGREE), 2);
}

#[test]
fn books_that_lack_a_message_or_have_one_too_many() {
    found(&books(0, &[]).finding(COUNT), &["oslo accepted 0 messages, callers know of 1 to 1"]);
    let more = books(2, &[("delivered", 2)]);
    found(&more.finding(COUNT), &["oslo accepted 2"]);
    passed(&more.send_in_vain(2_000, "other", unknown()).finding(COUNT), 3);
}

#[test]
fn books_with_something_that_waits() {
    found(&books(1, &[("waiting", 1)]).finding(REST), &["1 messages still wait"]);
    found(&books(1, &[("pending", 1)]).finding(REST), &["1 messages still wait"]);
}
