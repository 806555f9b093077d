//! What a finished write leaves to be stored.

use model::id::GroupId;

use super::applied::AppliedRow;
use super::overlays::Overlays;
use crate::batch::Batch;

/// A finished write of a group.
pub(super) struct Commit {
    pub group: GroupId,
    /// The applied row when the write began.
    pub begun: AppliedRow,
    /// The applied row after it.
    pub applied: AppliedRow,
    /// Its changes, with the applied row.
    pub batch: Batch,
    /// What the write knows of rows.
    pub overlays: Overlays,
}
