//! The journal of begun dispatches: which dispatches of class `at_most_once` began and have no recorded result. It outlives
//! the process and not the machine, so that the node's next start can tell what certainly did not begin from what may
//! have (docs/lease.md, R13). Knows nothing of files: whoever starts the node brings one.
//!
//! Rooms in reading order: `begun` (the journal), `records` (its bytes), `file` (what is asked of a file).

mod begun;

mod records;

mod file;

#[cfg(test)]
mod tests;

pub use begun::Journal;
pub use file::{JournalError, JournalFile};
pub use records::Begun;
