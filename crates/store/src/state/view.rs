//! One moment of a group's tables, for listeners, senders and leader duties.

use std::ops::Bound;
use std::sync::Arc;

use model::id::GroupId;
use registry::tables::{ReadRows, TableError};

use super::applied::{AppliedRow, read_applied};
use super::table::{StoredTable, get_row, scan_rows};
use crate::engine::EngineView;
use crate::error::StoreError;

/// One moment of a group's tables, which later writes don't change. It holds back space on the disk: drop it soon.
pub struct GroupView {
    view: Arc<dyn EngineView>,
    group: GroupId,
}

impl GroupView {
    /// Returns the group.
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// Returns how far the group had got at this moment.
    ///
    /// # Errors
    /// When the disk fails or the row is malformed.
    pub fn applied(&self) -> Result<AppliedRow, StoreError> {
        read_applied(&*self.view, self.group)
    }

    /// Returns a view of a group's tables over bytes that somebody else keeps, under the keys that a store would use.
    pub fn over(view: Arc<dyn EngineView>, group: GroupId) -> GroupView {
        GroupView { view, group }
    }

    /// Returns the moment's bytes, of all groups.
    pub fn engine(&self) -> &dyn EngineView {
        &*self.view
    }
}

impl<T: StoredTable> ReadRows<T> for GroupView {
    fn get(&self, key: &T::Key) -> Result<Option<T::Row>, TableError> {
        get_row::<T>(&*self.view, self.group, key)
    }

    fn scan(&self, from: &T::Key, limit: usize) -> Result<Vec<(T::Key, T::Row)>, TableError> {
        scan_rows::<T>(&*self.view, self.group, Bound::Included(from), limit)
    }
}
