//! Replacing a group's rows by those of a snapshot.

use std::sync::Arc;

use bytes::Bytes;
use model::id::GroupId;

use super::applied::{AppliedRow, OWN_TABLE, applied_key, marker_key};
use super::snapshot::SnapshotRow;
use super::store::StateStore;
use crate::engine::{Batch, Engine, Staging};
use crate::error::StoreError;
use crate::keys::{group_end, group_prefix};

/// Collects the rows of a snapshot beside a group's present ones, which stay as they are until
/// [`finish`](Installer::finish). Dropping it forgets the rows.
pub struct Installer {
    store: StateStore,
    engine: Arc<dyn Engine>,
    group: GroupId,
    staging: Box<dyn Staging>,
    last: Bytes,
}

impl Installer {
    pub(super) fn new(store: StateStore, engine: Arc<dyn Engine>, group: GroupId) -> Result<Installer, StoreError> {
        let staging = engine.stage()?;
        Ok(Installer { store, engine, group, staging, last: Bytes::new() })
    }

    /// Returns the key of the last row taken, after which a transfer that was cut off can go on; empty at the beginning.
    pub fn last_key(&self) -> &Bytes {
        &self.last
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
    /// crash in the middle leaves the group empty.
    ///
    /// # Errors
    /// When the disk is full or fails; then the group takes no writes until the node is started again.
    pub fn finish(self, applied: AppliedRow) -> Result<(), StoreError> {
        self.store.begin_replacing(self.group);
        let mut wipe = Batch::new();
        wipe.delete_range(group_prefix(self.group), group_end(self.group));
        wipe.put(marker_key(self.group), Bytes::new());
        self.engine.write(&wipe)?;
        self.engine.sync()?;
        self.staging.ingest()?;
        let mut done = Batch::new();
        done.put(applied_key(self.group), applied.encode());
        done.delete(marker_key(self.group));
        self.engine.write(&done)?;
        self.engine.sync()?;
        self.store.end_replacing(self.group, applied);
        Ok(())
    }
}
