//! Applying log entries to a group's tables: reads see the writes before them, and all of it is stored at one stroke.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use model::id::GroupId;
use registry::tables::{ReadRows, TableError, WriteRows};

use super::applied::{AppliedRow, applied_key};
use super::chain::Chain;
use super::commit::Commit;
use super::overlays::Overlays;
use super::store::StateStore;
use super::table::{StoredTable, get_row, scan_rows};
use crate::batch::Batch;
use crate::engine::Engine;
use crate::error::StoreError;

/// A group's tables with changes that are not stored yet. Dropping it forgets them.
///
/// It may take several log entries: end each but the last with [`seal`](GroupWrite::seal), so that the hash chain
/// doesn't depend on how many entries a replica happens to store together.
pub struct GroupWrite {
    store: StateStore,
    engine: Arc<dyn Engine>,
    group: GroupId,
    /// The group's row when this write began.
    begun: AppliedRow,
    /// The group's row after the entries sealed so far.
    applied: AppliedRow,
    overlays: RefCell<Overlays>,
    batch: Batch,
}

impl StateStore {
    /// Begins a write of a group. Only one write of a group may be open at a time; the second to commit is refused.
    pub fn begin(&self, group: GroupId) -> GroupWrite {
        let (begun, overlays) = self.take_for_write(group);
        GroupWrite::new(self.clone(), group, begun, overlays)
    }
}

impl GroupWrite {
    /// Begins a write of a group whose row is `begun`, with the rows that are known of it.
    fn new(store: StateStore, group: GroupId, begun: AppliedRow, overlays: Overlays) -> GroupWrite {
        let (applied, engine, overlays) = (begun.clone(), store.engine(), RefCell::new(overlays));
        GroupWrite { store, engine, group, begun, applied, overlays, batch: Batch::new() }
    }

    /// Returns how far the group got with the entries sealed so far.
    pub fn applied(&self) -> &AppliedRow {
        &self.applied
    }

    /// Ends a log entry whose id is `last`, with the membership when the entry changed it, and returns the hash chain
    /// after it. Nothing is stored yet.
    pub fn seal(&mut self, last: &[u8], membership: Option<&[u8]>) -> u64 {
        let mut chain = Chain(self.applied.chain);
        self.overlays.get_mut().seal(self.group, &mut self.batch, &mut chain);
        chain.entry(last, membership);
        self.applied.chain = chain.0;
        self.applied.last = Some(Bytes::copy_from_slice(last));
        if let Some(membership) = membership {
            self.applied.membership = Some(Bytes::copy_from_slice(membership));
        }
        chain.0
    }

    /// Ends a log entry as [`seal`](GroupWrite::seal) does, stores everything in one batch, and returns the hash chain.
    ///
    /// # Errors
    /// When the disk is full or fails, or another write of the group was stored meanwhile.
    pub fn commit(mut self, last: &[u8], membership: Option<&[u8]>) -> Result<u64, StoreError> {
        self.seal(last, membership);
        self.commit_sealed()
    }

    /// Stores the entries sealed so far in one batch, forgets changes after them, and returns the hash chain.
    ///
    /// # Errors
    /// As [`commit`](GroupWrite::commit).
    pub fn commit_sealed(mut self) -> Result<u64, StoreError> {
        let chain = self.applied.chain;
        self.batch.put(applied_key(self.group), self.applied.encode());
        let GroupWrite { store, group, begun, applied, overlays, batch, .. } = self;
        store.commit(Commit { group, begun, applied, batch, overlays: overlays.into_inner() })?;
        Ok(chain)
    }
}

impl<T: StoredTable> ReadRows<T> for GroupWrite {
    fn get(&self, key: &T::Key) -> Result<Option<T::Row>, TableError> {
        if let Some(row) = self.overlays.borrow().get::<T>().and_then(|overlay| overlay.get(key)) {
            return Ok(row.cloned());
        }
        let row = get_row::<T>(&*self.engine, self.group, key)?;
        self.overlays.borrow_mut().read::<T>(key, row.as_ref());
        Ok(row)
    }

    fn scan(&self, from: &T::Key, limit: usize) -> Result<Vec<(T::Key, T::Row)>, TableError> {
        let page = |from: std::ops::Bound<&T::Key>, limit| scan_rows::<T>(&*self.engine, self.group, from, limit);
        match self.overlays.borrow().get::<T>() {
            Some(overlay) => overlay.scan(from, limit, page),
            None => page(std::ops::Bound::Included(from), limit),
        }
    }
}

impl<T: StoredTable> WriteRows<T> for GroupWrite {
    fn put(&mut self, key: T::Key, row: T::Row) {
        self.overlays.get_mut().set::<T>(key, Some(row));
    }

    fn delete(&mut self, key: &T::Key) {
        self.overlays.get_mut().set::<T>(key.clone(), None);
    }
}
