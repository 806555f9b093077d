//! Submissions that go into one entry.

use model::command::PROPOSAL_BYTES_MAX;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::proposals::pace::Pace;
use crate::proposals::submission::{Origin, Submission};

/// The largest entry, in bytes of encoded proposals.
pub const ENTRY_BYTES_MAX: usize = PROPOSAL_BYTES_MAX;

/// See the module's text.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) submissions: Vec<Submission>,
    bytes: usize,
    begun: Option<Instant>,
}

impl Batch {
    /// Adds a submission, or returns it when it doesn't fit.
    pub(super) fn add(&mut self, submission: Submission) -> Option<Submission> {
        let bytes = submission.bytes();
        if !self.is_empty() && self.bytes + bytes > ENTRY_BYTES_MAX {
            return Some(submission);
        }
        self.begun.get_or_insert_with(Instant::now);
        self.bytes += bytes;
        self.submissions.push(submission);
        None
    }

    /// Takes what is queued, until one doesn't fit: that is put into `next`.
    pub(super) fn fill(&mut self, next: &mut Option<Submission>, queue: &mut mpsc::Receiver<Submission>) {
        while let Some(submission) = next.take().or_else(|| queue.try_recv().ok()) {
            *next = self.add(submission);
            if next.is_some() {
                return;
            }
        }
    }

    /// Takes out what is to be forwarded and fenced.
    pub(super) fn take_fenced(&mut self) -> Vec<Submission> {
        let submissions = std::mem::take(&mut self.submissions);
        let aside = |submission: &Submission| submission.wish.fenced && submission.wish.origin == Origin::Here;
        let (fenced, rest): (Vec<_>, Vec<_>) = submissions.into_iter().partition(aside);
        self.bytes = rest.iter().map(Submission::bytes).sum();
        self.submissions = rest;
        fenced
    }

    pub(super) fn is_empty(&self) -> bool {
        self.submissions.is_empty()
    }

    /// Returns when it has waited for more for long enough.
    pub(super) fn due(&self, pace: &Pace) -> Instant {
        self.begun.map_or_else(Instant::now, |begun| begun + pace.wait())
    }
}
