//! The overlays of a group's tables: what its commands changed until it is stored, and the rows that the next commands
//! will read again.
//!
//! Between two writes a group's overlays stay with its state, so that what was just written or read need not be read
//! and decoded anew. They are forgotten when anything else changes the group, at each flush, and beyond a number of
//! rows.

use std::any::Any;
use std::collections::BTreeMap;

use model::id::GroupId;
use registry::tables::{AccountingOf, AdoptedPlan, AppSendStates, Bodies, Messages, Meta, ProgressOf, Table};

use super::chain::Chain;
use super::overlay::{AnyOverlay, Overlay};
use super::table::StoredTable;
use crate::batch::Batch;

/// Tables whose rows are kept: the few that nearly every command reads, and those of messages under way, which are read
/// again when they are settled and when their events come. Their keys are in the order of time, so that the oldest rows
/// leave first.
const KEPT: [u8; 7] =
    [Meta::ID, AdoptedPlan::ID, AppSendStates::ID, AccountingOf::ID, Bodies::ID, Messages::ID, ProgressOf::ID];

/// Rows of a group by table.
#[derive(Default)]
pub(super) struct Overlays {
    tables: BTreeMap<u8, Box<dyn AnyOverlay>>,
}

impl Overlays {
    /// Returns the overlay of a table, if there is one.
    pub fn get<T: StoredTable>(&self) -> Option<&Overlay<T>> {
        let overlay: &dyn Any = &**self.tables.get(&T::ID)?;
        overlay.downcast_ref()
    }

    /// Changes a row; nothing removes it.
    pub fn set<T: StoredTable>(&mut self, key: T::Key, row: Option<T::Row>) {
        self.table::<T>().set(key, row);
    }

    /// Keeps a row as it was read, when its table's rows are kept.
    pub fn read<T: StoredTable>(&mut self, key: &T::Key, row: Option<&T::Row>) {
        if KEPT.contains(&T::ID) {
            self.table::<T>().keep(key.clone(), row.cloned());
        }
    }

    /// Ends an entry: adds what changed since the last one to the batch and to the hash.
    pub fn seal(&mut self, group: GroupId, batch: &mut Batch, chain: &mut Chain) {
        for overlay in self.tables.values_mut() {
            overlay.seal(group, batch, chain);
        }
    }

    /// Forgets changes that were not sealed, and all rows but the newest `rows_max` of each table whose rows are kept.
    pub fn stored(&mut self, rows_max: usize) {
        for (table, overlay) in &mut self.tables {
            overlay.stored(if KEPT.contains(table) { rows_max } else { 0 });
        }
    }

    fn table<T: StoredTable>(&mut self) -> &mut Overlay<T> {
        let overlay: &mut dyn Any =
            &mut **self.tables.entry(T::ID).or_insert_with(|| Box::new(Overlay::<T>::default()));
        overlay.downcast_mut().expect("table ids are unique, as a test checks")
    }
}
