//! Applying log entries to a group's tables: reads see the writes before them, and all of it is stored at one stroke.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use model::id::GroupId;
use registry::tables::{AdoptedPlan, BooksOf, Gates, Meta, ReadRows, Table, TableError, WriteRows};

use super::applied::{AppliedRow, applied_key};
use super::chain::Chain;
use super::overlay::{AnyOverlay, Overlay};
use super::store::{Commit, StateStore};
use super::table::{StoredTable, get_row, scan_rows};
use crate::engine::{Batch, Engine};
use crate::error::StoreError;

/// Tables whose rows are few and read by nearly every command: a read row is kept until the commit.
const KEPT: [u8; 4] = [Meta::ID, AdoptedPlan::ID, Gates::ID, BooksOf::ID];

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
    overlays: RefCell<BTreeMap<u8, Box<dyn AnyOverlay>>>,
    batch: Batch,
}

impl GroupWrite {
    pub(super) fn new(store: StateStore, engine: Arc<dyn Engine>, group: GroupId, begun: AppliedRow) -> GroupWrite {
        let applied = begun.clone();
        GroupWrite { store, engine, group, begun, applied, overlays: RefCell::default(), batch: Batch::new() }
    }

    /// Returns how far the group got with the entries sealed so far.
    pub fn applied(&self) -> &AppliedRow {
        &self.applied
    }

    /// Ends a log entry whose id is `last`, with the membership when the entry changed it, and returns the hash chain
    /// after it. Nothing is stored yet.
    pub fn seal(&mut self, last: &[u8], membership: Option<&[u8]>) -> u64 {
        let mut chain = Chain(self.applied.chain);
        for overlay in self.overlays.get_mut().values_mut() {
            overlay.seal(self.group, &mut self.batch, &mut chain);
        }
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
        let GroupWrite { group, begun, applied, batch, .. } = self;
        self.store.commit(Commit { group, begun, applied, batch })?;
        Ok(chain)
    }

    /// Calls `read` with the overlay of a table, if there is one.
    fn over<T: StoredTable, R>(&self, read: impl FnOnce(&Overlay<T>) -> R) -> Option<R> {
        let overlays = self.overlays.borrow();
        let overlay: &dyn Any = &**overlays.get(&T::ID)?;
        overlay.downcast_ref::<Overlay<T>>().map(read)
    }

    fn change<T: StoredTable>(&mut self, key: T::Key, row: Option<T::Row>) {
        change_in::<T>(self.overlays.get_mut(), |overlay| overlay.set(key, row));
    }
}

fn change_in<T: StoredTable>(overlays: &mut BTreeMap<u8, Box<dyn AnyOverlay>>, change: impl FnOnce(&mut Overlay<T>)) {
    let overlay: &mut dyn Any = &mut **overlays.entry(T::ID).or_insert_with(|| Box::new(Overlay::<T>::default()));
    change(overlay.downcast_mut::<Overlay<T>>().expect("table ids are unique, as a test checks"));
}

impl<T: StoredTable> ReadRows<T> for GroupWrite {
    fn get(&self, key: &T::Key) -> Result<Option<T::Row>, TableError> {
        if let Some(row) = self.over::<T, _>(|overlay| overlay.get(key).map(|row| row.cloned())).flatten() {
            return Ok(row);
        }
        let row = get_row::<T>(&*self.engine, self.group, key)?;
        if KEPT.contains(&T::ID) {
            change_in::<T>(&mut self.overlays.borrow_mut(), |overlay| overlay.keep(key.clone(), row.clone()));
        }
        Ok(row)
    }

    fn scan(&self, from: &T::Key, limit: usize) -> Result<Vec<(T::Key, T::Row)>, TableError> {
        let page = |from: std::ops::Bound<&T::Key>, limit| scan_rows::<T>(&*self.engine, self.group, from, limit);
        match self.over::<T, _>(|overlay| overlay.scan(from, limit, page)) {
            Some(rows) => rows,
            None => page(std::ops::Bound::Included(from), limit),
        }
    }
}

impl<T: StoredTable> WriteRows<T> for GroupWrite {
    fn put(&mut self, key: T::Key, row: T::Row) {
        self.change::<T>(key, Some(row));
    }

    fn delete(&mut self, key: &T::Key) {
        self.change::<T>(key.clone(), None);
    }
}
