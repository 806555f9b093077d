//! Accounting: where the accepted messages of an app are. It closes in every state.

use std::ops::AddAssign;

use crate::message::Status;

/// Counts of an app's messages in one or more groups. `accepted` is the sum of all the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accounting {
    /// Accepted since the app was made.
    pub accepted: u64,
    /// Taken by a provider.
    pub delivered: u64,
    /// Failed for good.
    pub failed: u64,
    /// Forbidden before they were dispatched, as far as is known.
    pub opted_out: u64,
    /// No longer worth sending, and not taken by a provider as far as is known.
    pub expired: u64,
    /// Waiting for a decision.
    pub held: u64,
    /// Waiting to be sent.
    pub pending: u64,
}

impl Accounting {
    /// Returns the count of messages that stand at `status`.
    pub fn of(&mut self, status: Status) -> &mut u64 {
        match status {
            Status::Waiting => &mut self.pending,
            Status::Held => &mut self.held,
            Status::Delivered => &mut self.delivered,
            Status::Failed => &mut self.failed,
            Status::OptedOut => &mut self.opted_out,
            Status::Expired => &mut self.expired,
        }
    }

    /// Moves one message from a status to another.
    pub fn shift(&mut self, from: Status, to: Status) {
        let count = self.of(from);
        *count = count.saturating_sub(1);
        *self.of(to) += 1;
    }

    /// Says whether every accepted message is counted exactly once.
    pub fn invariant_closed(&self) -> bool {
        self.accepted == self.delivered + self.failed + self.opted_out + self.expired + self.held + self.pending
    }
}

impl AddAssign for Accounting {
    fn add_assign(&mut self, other: Accounting) {
        self.accepted += other.accepted;
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.opted_out += other.opted_out;
        self.expired += other.expired;
        self.held += other.held;
        self.pending += other.pending;
    }
}
