//! Whether a node takes part in a group: what the way back after the loss of its disk (`rejoin`) allows it so far.

use std::sync::{Mutex, PoisonError};

use crate::raft::type_config::Vote;

/// Whether a node takes part in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Silent: it doesn't know yet what it may have forgotten. Becomes `Barred` or `Full`.
    Asking,
    /// Follows leaders from `least` on, and refuses votes until it applied an entry of that term. Becomes `Full`.
    Barred {
        /// The highest vote that another member knew.
        least: Vote,
    },
    /// Takes part.
    Full,
}

/// One group's answer to whether this node takes part.
pub(crate) struct Rejoin(Mutex<Part>);

impl Rejoin {
    pub(crate) fn new(part: Part) -> Rejoin {
        Rejoin(Mutex::new(part))
    }

    pub(crate) fn part(&self) -> Part {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether a leader's message may be taken; if not, and there is one, the vote that is higher.
    pub(crate) fn admits(&self, vote: &Vote) -> Result<(), Option<Vote>> {
        match self.part() {
            Part::Asking => Err(None),
            Part::Barred { least } if *vote >= least => Ok(()),
            Part::Barred { least } => Err(Some(least)),
            Part::Full => Ok(()),
        }
    }

    /// Says whether this node may vote and stand.
    pub(crate) fn may_vote(&self) -> bool {
        self.part() == Part::Full
    }

    pub(super) fn set(&self, part: Part) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = part;
    }
}
