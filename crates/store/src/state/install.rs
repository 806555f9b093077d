//! Replacing a group's rows by those of a snapshot, so that a crash at any moment leaves the old ones or the new ones.
//!
//! The new rows, with the applied row, are staged beside the old ones and made durable. Then one batch deletes the old
//! rows and names what is staged, in the marker row: from its sync on the replacement is decided. The engine takes in
//! what is staged, at one stroke, and the marker goes. Whoever opens the states and finds a marker goes on from there;
//! what is staged without one is discarded.

use std::sync::Arc;

use bytes::Bytes;
use model::id::GroupId;

use super::applied::{AppliedRow, OWN_TABLE, applied_key, installed_key, marker_key, read_applied};
use super::snapshot::SnapshotRow;
use super::store::StateStore;
use crate::batch::Batch;
use crate::engine::{Engine, Staging};
use crate::error::StoreError;
use crate::keys::{group_end, group_prefix};

/// What ends a part's name in the marker; file names don't hold it.
const NAME_END: char = '\n';

/// Collects the rows of a snapshot beside a group's present ones, which stay as they are until
/// [`finish`](Installer::finish). Dropping it forgets the rows.
pub struct Installer {
    store: StateStore,
    engine: Arc<dyn Engine>,
    group: GroupId,
    staging: Box<dyn Staging>,
    applied: AppliedRow,
    last: Bytes,
}

impl Installer {
    pub(super) fn new(
        store: StateStore,
        engine: Arc<dyn Engine>,
        group: GroupId,
        applied: AppliedRow,
    ) -> Result<Installer, StoreError> {
        let mut staging = engine.stage()?;
        staging.put(&applied_key(group), &applied.encode())?;
        staging.put(&installed_key(group), applied.last.as_deref().unwrap_or_default())?;
        Ok(Installer { store, engine, group, staging, applied, last: Bytes::new() })
    }

    /// Takes rows as [`SnapshotReader`](super::SnapshotReader) gives them.
    ///
    /// # Errors
    /// When a row's key doesn't ascend or belongs to no table, or the disk is full or fails.
    pub fn put(&mut self, rows: &[SnapshotRow]) -> Result<(), StoreError> {
        for (key, value) in rows {
            let in_a_table = key.first().is_some_and(|table| !matches!(*table, OWN_TABLE | u8::MAX));
            if !in_a_table || *key <= self.last {
                return Err(StoreError::SnapshotOrder { group: self.group });
            }
            let mut stored = group_prefix(self.group);
            stored.extend_from_slice(key);
            self.staging.put(&stored, value)?;
            self.last = key.clone();
        }
        Ok(())
    }

    /// Replaces the group's rows by those taken, durably. Views taken before and meanwhile show the rows of before. A
    /// crash in the middle leaves them, or the new ones once the states are opened again.
    ///
    /// # Errors
    /// When the disk is full or fails; then the group takes no writes until the node is started again.
    pub fn finish(self) -> Result<(), StoreError> {
        let parts = self.staging.seal()?;
        self.store.begin_replacing(self.group);
        let mut decided = Batch::new();
        decided.delete_range(group_prefix(self.group), group_end(self.group));
        decided.put(marker_key(self.group), encode_parts(&parts));
        self.engine.write(&decided)?;
        self.engine.sync()?;
        take_in(&*self.engine, self.group, &parts)?;
        self.store.end_replacing(self.group, self.applied);
        Ok(())
    }
}

/// Ends the replacement of a group's rows that a crash cut off after it was decided, if there is one.
pub(super) fn resume(engine: &dyn Engine, group: GroupId) -> Result<(), StoreError> {
    let Some(marker) = engine.get(&marker_key(group))? else { return Ok(()) };
    let parts = decode_parts(&marker).ok_or(StoreError::Malformed { group, what: "marker of a snapshot" })?;
    take_in(engine, group, &parts)
}

/// Takes in what is staged, unless that is done, and removes the marker. The old rows are gone, the applied row with
/// them: when there is one, it came with the new ones.
fn take_in(engine: &dyn Engine, group: GroupId, parts: &[String]) -> Result<(), StoreError> {
    if read_applied(engine, group)?.last.is_none() {
        engine.ingest(parts)?;
    }
    let mut done = Batch::new();
    done.delete(marker_key(group));
    engine.write(&done)?;
    engine.sync()?;
    Ok(())
}

fn encode_parts(parts: &[String]) -> String {
    parts.iter().map(|part| format!("{part}{NAME_END}")).collect()
}

fn decode_parts(marker: &[u8]) -> Option<Vec<String>> {
    let names = std::str::from_utf8(marker).ok()?.strip_suffix(NAME_END)?;
    Some(names.split(NAME_END).map(str::to_owned).collect())
}
