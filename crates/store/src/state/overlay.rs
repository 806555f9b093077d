//! Rows of one table over those of the engine, typed: changed ones, so that each is encoded once per entry, and rows as
//! the engine holds them, so that they need not be read again.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Bound;

use model::id::GroupId;
use registry::tables::TableError;
use wire::Stored;

use super::chain::Chain;
use super::table::{RowsOf, StoredTable, write_row_key};
use crate::batch::Batch;

/// The least number of rows that are read again when an overlay hides some of the first ones.
const PAGE_MIN: usize = 64;

/// The changed rows of one table, and unchanged ones that are read often.
pub(super) struct Overlay<T: StoredTable> {
    slots: BTreeMap<T::Key, Slot<T::Row>>,
    /// The keys changed since the last entry ended, in the order of their first change.
    dirty: Vec<T::Key>,
}

struct Slot<R> {
    /// Nothing when the row is removed.
    row: Option<R>,
    dirty: bool,
}

impl<T: StoredTable> Default for Overlay<T> {
    fn default() -> Overlay<T> {
        Overlay { slots: BTreeMap::new(), dirty: Vec::new() }
    }
}

impl<T: StoredTable> Overlay<T> {
    /// Returns what the overlay knows of a row: nothing, that it is removed, or the row.
    pub fn get(&self, key: &T::Key) -> Option<Option<&T::Row>> {
        self.slots.get(key).map(|slot| slot.row.as_ref())
    }

    /// Changes a row; nothing removes it.
    pub fn set(&mut self, key: T::Key, row: Option<T::Row>) {
        match self.slots.get_mut(&key) {
            Some(slot) => {
                slot.row = row;
                if !std::mem::replace(&mut slot.dirty, true) {
                    self.dirty.push(key);
                }
            }
            None => {
                self.dirty.push(key.clone());
                self.slots.insert(key, Slot { row, dirty: true });
            }
        }
    }

    /// Keeps a row as the engine holds it.
    pub fn keep(&mut self, key: T::Key, row: Option<T::Row>) {
        self.slots.entry(key).or_insert(Slot { row, dirty: false });
    }

    /// Returns at most `limit` rows from `from` on, the overlay's over those that `page` reads from the engine.
    pub fn scan(
        &self,
        from: &T::Key,
        limit: usize,
        page: impl Fn(Bound<&T::Key>, usize) -> Result<RowsOf<T>, TableError>,
    ) -> Result<RowsOf<T>, TableError> {
        let mut found = Vec::new();
        let mut at = Bound::Included(from.clone());
        let mut wanted = limit;
        while found.len() < limit {
            let base = page(at.as_ref(), wanted)?;
            let ended = base.len() < wanted;
            let last = base.last().filter(|_| !ended).map(|(key, _)| key.clone());
            let to = last.as_ref().map_or(Bound::Unbounded, Bound::Included);
            let over = self.slots.range((at.as_ref(), to)).map(|(key, slot)| (key, slot.row.as_ref()));
            merge::<T>(&mut found, base, over, limit);
            let Some(last) = last else { break };
            at = Bound::Excluded(last);
            wanted = limit.saturating_sub(found.len()).max(PAGE_MIN);
        }
        found.truncate(limit);
        Ok(found)
    }
}

/// Appends rows in order until there are `limit` or a few more; where both have a key, the overlay's counts.
fn merge<'a, T: StoredTable>(
    found: &mut RowsOf<T>,
    base: RowsOf<T>,
    over: impl Iterator<Item = (&'a T::Key, Option<&'a T::Row>)>,
    limit: usize,
) {
    let mut base = base.into_iter().peekable();
    for (key, row) in over {
        if found.len() >= limit {
            return;
        }
        while let Some(before) = base.next_if(|(other, _)| other < key) {
            found.push(before);
        }
        base.next_if(|(other, _)| other == key);
        found.extend(row.map(|row| (key.clone(), row.clone())));
    }
    found.extend(base);
}

/// An overlay of any table.
pub(super) trait AnyOverlay: Any + Send {
    /// Ends an entry: adds what changed since the last one to the batch and to the hash.
    fn seal(&mut self, group: GroupId, batch: &mut Batch, chain: &mut Chain);

    /// Forgets changes that were not sealed, and all rows but those with the `rows_max` highest keys.
    fn stored(&mut self, rows_max: usize);
}

impl<T: StoredTable> AnyOverlay for Overlay<T> {
    fn seal(&mut self, group: GroupId, batch: &mut Batch, chain: &mut Chain) {
        for key in self.dirty.drain(..) {
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            slot.dirty = false;
            let stored = |out: &mut Vec<u8>| write_row_key::<T>(group, &key, out);
            match &slot.row {
                Some(row) => {
                    let (key, value) = batch.put_in_place(stored, |out| row.encode(out));
                    chain.put(key, value);
                }
                None => chain.delete(batch.delete_in_place(stored)),
            }
        }
    }

    fn stored(&mut self, rows_max: usize) {
        for key in self.dirty.drain(..) {
            self.slots.remove(&key);
        }
        if rows_max == 0 {
            self.slots.clear();
        }
        while self.slots.len() > rows_max {
            self.slots.pop_first();
        }
    }
}
