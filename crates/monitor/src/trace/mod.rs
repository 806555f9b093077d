//! Traces of what a channel counted, in files: read them, and ask the detector what it would have done.
//!
//! A trace is `NAME.json`, which says what the regions, carriers and customers are called and what is normal, with
//! `NAME.csv` beside it, which has the counts of each second. docs/design/health.md describes both.

mod error;
mod header;
mod replay;
mod rows;

pub use error::TraceError;
pub use header::TraceHeader;
pub use replay::{Replay, ReplayedDecision};
