//! Every check passes a history that is right, having looked at something, and finds what is planted in it. A model of
//! a correct cluster under faults makes histories that no check may object to.

pub(crate) mod build;
pub(crate) mod model;

mod allowances;
mod order;
mod p1_opt_outs;
mod p2_registers;
mod p2_shared;
mod p2_upgrades;
mod p3_books;
mod p3_messages;
mod p4_doubles;
mod p5_plans;
mod p6_recovery;
pub(crate) mod property;
mod readiness;
mod reports;

use super::{Finding, Outcome};

/// Passed, having looked at so many.
fn passed(finding: &Finding, looked_at: u64) {
    assert_eq!((finding.outcome(), finding.looked_at), (Outcome::Passed, looked_at), "{finding:?}");
}

/// Found one thing, told in a sentence with these parts.
fn found(finding: &Finding, parts: &[&str]) {
    assert_eq!((finding.outcome(), finding.violations.len()), (Outcome::Failed, 1), "{finding:?}");
    for part in parts {
        assert!(finding.violations[0].contains(part), "{part:?} is not in {:?}", finding.violations[0]);
    }
}

/// Passed, and something was excused.
fn excused(finding: &Finding) {
    assert_eq!((finding.outcome(), finding.excused.len()), (Outcome::Passed, 1), "{finding:?}");
}

/// Found nothing to look at.
fn not_tested(finding: &Finding) {
    assert_eq!(finding.outcome(), Outcome::NotTested, "{finding:?}");
}
