//! Floor 2: commands to state. [`apply`] takes the tables of one group, the stamp of a log entry and a command, and
//! returns the answer with the effects that a node acts on. It is total and deterministic: no IO of its own, no clock
//! but the stamp, no randomness, no floating point, no map with random order.
//!
//! Storage is seen as typed tables ([`tables`]); RocksDB and an in-memory map implement them.

pub mod effect;
pub mod tables;

mod context;
mod error;

mod apply;
mod step;
mod versions;

mod control;
mod endpoints;
mod follow_up;
mod forbid;
mod messages;
mod partition;
mod requests;
mod retire;

pub mod dispatch;
pub mod invariants;

pub use apply::{apply, apply_entry};
pub use context::ApplyContext;
pub use dispatch::{Candidate, DispatchChecks, Dispatcher, Verdict};
pub use effect::Effect;
pub use error::ApplyError;
pub use messages::{SETTLED_KEPT, TRACES_KEPT};
pub use versions::{APPLY_VERSION, OLDEST_APPLY_VERSION, PLANS_WITH_PARTS, VERSIONS, admits, fence, known};

#[cfg(test)]
mod tests;
