//! The right to begin, while there is none: how often it is asked for, and when it has been away for so long that claims
//! are given back.

use std::time::Duration;

use delivery::retry::RetryPolicy;
use tokio::time::Instant;

/// How far apart a lease that is missing is asked for while messages are due.
const TRIES: RetryPolicy = RetryPolicy { first: Duration::from_millis(10), factor: 2, max: Duration::from_millis(100) };

/// How long claims of what can't begin are kept without a lease: longer than a leadership takes to move. After that, this
/// node is cut off, or another one of its region sends for the partition, and what it has claimed would wait for ever.
const CLAIMS_KEPT: Duration = Duration::from_secs(5);

/// What is known of the right to begin; as at first when there is one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LeaseTries {
    refusals: u32,
    until: Option<Instant>,
    since: Option<Instant>,
}

impl LeaseTries {
    /// Returns when it may be asked for again, if not now.
    pub(super) fn rests_until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }

    /// Takes note that there is none now. Says whether that has lasted for so long that claims are given back.
    pub(super) fn closed(&mut self, now: Instant) -> bool {
        now.duration_since(*self.since.get_or_insert(now)) >= CLAIMS_KEPT
    }

    /// Takes note of a refusal; a number that was drawn spreads the tries. Says whether it is the first one in a row.
    pub(super) fn refused(&mut self, now: Instant, drawn: u64) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        self.until = Some(now + TRIES.wait(self.refusals, drawn, None));
        self.refusals == 1
    }
}
