//! A group's rows as bytes, in chunks, for a replica that is too far behind for the log.

use std::sync::Arc;

use bytes::Bytes;
use model::id::GroupId;

use super::applied::{AppliedRow, OWN_TABLE};
use super::view::GroupView;
use crate::engine::Range;
use crate::error::{EngineError, StoreError};
use crate::keys::{group_end, group_prefix, table_prefix};

/// A row of a snapshot: its key, which begins with the table's number and names no group, and its value.
pub type SnapshotRow = (Bytes, Bytes);

/// Reads the rows of one moment of a group, in the order of their keys.
pub struct SnapshotReader {
    view: Arc<GroupView>,
    applied: AppliedRow,
    next: Vec<u8>,
}

impl SnapshotReader {
    pub(super) fn new(view: Arc<GroupView>) -> Result<SnapshotReader, StoreError> {
        let applied = view.applied()?;
        let next = first_row(view.group());
        Ok(SnapshotReader { view, applied, next })
    }

    /// Returns how far the group had got.
    pub fn applied(&self) -> &AppliedRow {
        &self.applied
    }

    /// Returns the next rows, at most `bytes_max` bytes of them but at least one; nothing at the end.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn next_chunk(&mut self, bytes_max: usize) -> Result<Option<Vec<SnapshotRow>>, EngineError> {
        let group = self.view.group();
        let range = Range { from: &self.next, to: &group_end(group), limit: usize::MAX, bytes_max };
        let rows = self.view.engine().scan(range)?;
        let Some((last, _)) = rows.last() else { return Ok(None) };
        self.next = after(last);
        let relative = |key: Vec<u8>| Bytes::from(key).slice(group_prefix(group).len()..);
        Ok(Some(rows.into_iter().map(|(key, value)| (relative(key), Bytes::from(value))).collect()))
    }
}

fn first_row(group: GroupId) -> Vec<u8> {
    table_prefix(group, OWN_TABLE + 1)
}

fn after(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}
