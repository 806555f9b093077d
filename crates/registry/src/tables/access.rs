//! Naming the table at the call: `view.row::<Messages>(&id)`. Adds nothing to [`ReadRows`] and [`WriteRows`] but short
//! words for them.

use super::list::View;
use super::table::{ReadRows, Rows, Table, TableError, WriteRows};

/// Reads and writes rows of a table that is named at the call.
pub trait RowAccess {
    /// Returns the row at `key`.
    ///
    /// # Errors
    /// When the table can't be read.
    fn row<T: Table>(&self, key: &T::Key) -> Result<Option<T::Row>, TableError>
    where
        Self: ReadRows<T>,
    {
        ReadRows::<T>::get(self, key)
    }

    /// Returns the row at `key` that another row promises.
    ///
    /// # Errors
    /// When the table can't be read, or the row is missing: the tables contradict each other.
    fn promised_row<T: Table>(&self, key: &T::Key) -> Result<T::Row, TableError>
    where
        Self: ReadRows<T>,
    {
        self.row::<T>(key)?.ok_or_else(|| TableError {
            table: T::NAME,
            detail: "a row is missing that another table refers to".to_owned(),
        })
    }

    /// Returns at most `limit` rows from `from` on, up to the first whose key `belongs` denies.
    ///
    /// # Errors
    /// When the table can't be read.
    fn rows_while<T: Table>(
        &self,
        from: &T::Key,
        limit: usize,
        belongs: impl Fn(&T::Key) -> bool,
    ) -> Result<Rows<T>, TableError>
    where
        Self: ReadRows<T>,
    {
        let mut rows = ReadRows::<T>::scan(self, from, limit)?;
        if let Some(end) = rows.iter().position(|(key, _)| !belongs(key)) {
            rows.truncate(end);
        }
        Ok(rows)
    }

    /// Stores a row, replacing what was there.
    fn store_row<T: Table>(&mut self, key: T::Key, row: T::Row)
    where
        Self: WriteRows<T>,
    {
        WriteRows::<T>::put(self, key, row);
    }

    /// Removes a row, if it is there.
    fn remove_row<T: Table>(&mut self, key: &T::Key)
    where
        Self: WriteRows<T>,
    {
        WriteRows::<T>::delete(self, key);
    }
}

impl<X: View + ?Sized> RowAccess for X {}
