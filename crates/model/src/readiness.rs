//! Whether a node could send what is routed to its region, as it says itself.

use std::fmt;

/// The most characters of the reason that a node gives.
pub const READINESS_REASON_MAX: usize = 200;

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadyState {
    /// It holds a send lease of every partition that it has a replica of, and has applied what it must.
    Ready,
    /// The node is in order, and a group has no leader or gives no lease for now, as during an election.
    Waiting(String),
    /// It could not send whatever the others did: it has just started, is about to stop, or isn't a member.
    Unable(String),
}

impl ReadyState {
    /// Cuts the reason to [`READINESS_REASON_MAX`] characters.
    #[must_use]
    pub fn bounded(self) -> ReadyState {
        let cut = |reason: String| reason.chars().take(READINESS_REASON_MAX).collect();
        match self {
            ReadyState::Ready => ReadyState::Ready,
            ReadyState::Waiting(reason) => ReadyState::Waiting(cut(reason)),
            ReadyState::Unable(reason) => ReadyState::Unable(cut(reason)),
        }
    }
}

impl fmt::Display for ReadyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadyState::Ready => f.write_str("ready"),
            ReadyState::Waiting(reason) | ReadyState::Unable(reason) => f.write_str(reason),
        }
    }
}
