//! What may enter a log: proposals that every replica can apply. An entry that one can't apply stops it for good.

use bytes::Bytes;
use model::Proposal;
use wire::{Stored as _, with_source};

use crate::proposals::submission::{Failed, Submission};

/// Answers those of what wasn't checked yet that can't be applied, and returns the rest.
pub(super) fn applicable(submissions: Vec<Submission>) -> Vec<Submission> {
    let mut kept = Vec::with_capacity(submissions.len());
    for submission in submissions {
        match if submission.checked { Ok(()) } else { check(&submission.proposals) } {
            Ok(()) => kept.push(submission),
            Err(failed) => submission.answer(Err(failed)),
        }
    }
    kept
}

/// Checks that each proposal is one that every replica can apply.
pub(super) fn check(proposals: &[Bytes]) -> Result<(), Failed> {
    for (place, bytes) in proposals.iter().enumerate() {
        let invalid = |reason: String| Failed::Invalid(format!("proposal {place} can't be applied: {reason}"));
        let proposal = Proposal::decode(bytes).map_err(|error| invalid(with_source(&error)))?;
        registry::check(&proposal).map_err(|error| invalid(error.to_string()))?;
    }
    Ok(())
}
