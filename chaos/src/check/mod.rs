//! The promises (docs/promises.md), checked against what a run's callers and its provider saw. Pure: it reads a
//! [`History`] and knows no process, network or clock.
//!
//! A check counts what it looked at. One that looked at nothing is not tested, and one that could not look at all of it
//! is not judged: neither is passed. Where a rule needs
//! an allowance, because the harness sees an arrival and not the beginning of its dispatch, the allowance is a constant
//! with its reason, and errs on the side of the accused.

mod allowance;
mod index;
mod record;
mod report;
mod words;

mod books;
mod doubles;
mod liveness;
mod losses;
mod messages;
mod opt_outs;
mod order;
mod plans;
mod readiness;
mod recovery;
mod registers;
mod shared;
mod span;
mod strangers;
mod upgrades;

#[cfg(test)]
pub(crate) mod tests;

pub use record::{History, NoSetting};
pub use recovery::{FLOWING_MAX_US, Measured, Recovery, WAITING_MAX_US};
pub use report::{Finding, Outcome, Promise, Report};

use index::Index;
use report::Check;

const CHECKS: [Check; 29] = [
    opt_outs::NOTHING_AFTER_AN_OPT_OUT,
    registers::ACKNOWLEDGED_WRITES_SURVIVE,
    registers::LISTENERS_READ_THE_SAME,
    registers::READS_NEVER_GO_BACK,
    registers::READS_SEE_ONLY_WHAT_WAS_WRITTEN,
    shared::READS_ARE_LINEARIZABLE,
    upgrades::REPLICAS_ARE_THE_SAME,
    upgrades::FORMER_BUILD_IS_TURNED_AWAY,
    messages::ACCEPTED_MESSAGES_ARRIVE_OR_END,
    messages::OPTED_OUT_ONLY_WHEN_ASKED,
    strangers::NOTHING_ARRIVES_THAT_NOBODY_SENT,
    books::BOOKS_CLOSE,
    books::BOOKS_AGREE,
    books::BOOKS_COUNT_WHAT_WAS_ACCEPTED,
    books::EVERYTHING_COMES_TO_REST,
    doubles::AT_MOST_ONCE,
    doubles::TWICE_ONLY_WHEN_CUT_OFF,
    plans::EPOCHS_OF_A_MESSAGE_NEVER_FALL,
    plans::ONE_TEXT_PER_PLAN,
    plans::LISTENERS_NEVER_GO_BACK,
    plans::LATER_PLANS_TAKE_OVER,
    plans::EVACUATED_REGIONS_SEND_NOTHING,
    losses::NEW_MESSAGES_FLOW,
    losses::WAITING_MESSAGES_FLOW,
    readiness::CUT_OFF_LISTENERS_SAY_SO,
    readiness::OTHERS_STAY_READY,
    liveness::LISTENERS_ANSWER,
    liveness::NO_LISTENER_IS_AT_FAULT,
    liveness::LISTENERS_ARE_READY,
];

/// Runs every check.
pub fn check(history: &History) -> Report {
    let mut index = Index::new(history);
    index.recoveries = recovery::measure(&index);
    let findings = CHECKS.iter().map(|check| check.find(&index)).collect();
    Report { findings, recoveries: index.recoveries }
}
