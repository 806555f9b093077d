//! The answer to proposals that were handed in together.

use model::id::LogIndex;
use model::outcome::Outcome;

/// What became of proposals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    /// One per proposal, in their order.
    pub(crate) outcomes: Vec<Outcome>,
    /// The entry that held them.
    pub(crate) index: LogIndex,
}
