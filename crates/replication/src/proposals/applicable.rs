//! What may enter a log: proposals that every replica can apply. An entry that one can't apply stops it for good.

use bytes::Bytes;
use model::Proposal;
use registry::ApplyError;
use wire::{Stored as _, with_source};

use crate::node::group::Group;
use crate::proposals::submission::{Failed, Submission};

/// Answers those of what wasn't checked yet that can't be applied, and returns the rest.
pub(super) fn applicable(group: &Group, submissions: Vec<Submission>) -> Vec<Submission> {
    let mut kept = Vec::with_capacity(submissions.len());
    for submission in submissions {
        match if submission.checked { Ok(()) } else { check(group, &submission.proposals) } {
            Ok(()) => kept.push(submission),
            Err(failed) => submission.answer(Err(failed)),
        }
    }
    kept
}

/// Checks that each proposal is one that every replica can apply: this build knows it, and the group's version has it. A
/// leader that doesn't know yet that the version was raised isn't told what to do about it.
pub(super) fn check(group: &Group, proposals: &[Bytes]) -> Result<(), Failed> {
    for (place, bytes) in proposals.iter().enumerate() {
        let invalid = |reason: String| Failed::Invalid(format!("proposal {place} can't be applied: {reason}"));
        let proposal = Proposal::decode(bytes).map_err(|error| invalid(with_source(&error)))?;
        let admitted = registry::admits(group.version.known(), group.version.now(), &proposal.command);
        admitted.map_err(|error| match error {
            ApplyError::VersionNotReached { .. } => Failed::NotLeader(None),
            other => invalid(other.to_string()),
        })?;
    }
    Ok(())
}
