//! What one node counted in one second.

use model::{AppId, Channel, Destination};

use crate::health::{AGE_BINS, CellCounts};

/// What is counted together: an app's messages on a channel to a destination.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct CellKey {
    pub channel: Channel,
    pub destination: Destination,
    /// Nothing for apps that have no place of their own.
    pub app: Option<AppId>,
}

/// How a send ended, as health sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SendOutcome {
    /// The provider took it.
    Accepted,
    /// It was too much for the provider.
    Throttled,
    /// The provider refused this message: its recipient's or its sender's fault.
    Rejected,
    /// Something on the way failed, or nobody knows what came of it.
    Failed,
}

/// The counts of one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellSecond {
    /// Which cell.
    pub key: CellKey,
    /// Its counts; `late` is about messages that were accepted [`super::Counter::LATE_AFTER`] seconds before.
    pub counts: CellCounts,
    /// The first events of messages, by the bin of their age.
    pub ages: [u32; AGE_BINS],
}

/// A second of one node: the cells in which anything happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSecond {
    /// Which second of the control group's time.
    pub second: u64,
    /// In the order of their keys; at most [`super::CELLS_MAX`] and one more for each channel.
    pub cells: Vec<CellSecond>,
    /// Events were missed here or come late, because the node's replica lags or was replaced: what was sent before is
    /// not to be waited for.
    pub missed_events: bool,
}

impl CellKey {
    /// The cell of everything on a channel that has no place of its own.
    pub fn other(channel: Channel) -> CellKey {
        CellKey { channel, destination: Destination::OTHER, app: None }
    }
}
