//! What the page shows.

use std::sync::Arc;

use crate::control::Stats;
use crate::message::Message;

/// Messages shown.
pub(super) const ROWS_MAX: usize = 100;

/// What the page shows.
pub(super) struct View {
    pub(super) filter: String,
    /// Newest first.
    pub(super) rows: Vec<(u64, Arc<Message>)>,
    pub(super) stats: Stats,
    pub(super) faults: Vec<FaultView>,
}

/// A fault as the page shows it.
pub(super) struct FaultView {
    pub(super) name: String,
    pub(super) rule: String,
    pub(super) hits: u64,
}
