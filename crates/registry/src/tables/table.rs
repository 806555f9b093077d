//! One table: what it stores under which key, and how it is read and written.

/// A table: a name for the type of its keys and rows.
pub trait Table {
    /// The table's number in stored keys; never reused.
    const ID: u8;
    /// The table's name in errors and metrics.
    const NAME: &'static str;
    /// What rows go by; ordered as the bytes that a store makes of it.
    type Key: Ord + Clone;
    /// What is stored.
    type Row: Clone;
}

/// Rows of a table with their keys, in the order of the keys.
pub type Rows<T> = Vec<(<T as Table>::Key, <T as Table>::Row)>;

/// Says that a table can't be read. The node that meets it must stop: its state is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read table {table}: {detail}")]
#[expect(missing_docs, reason = "the messages say what the values are")]
pub struct TableError {
    pub table: &'static str,
    /// What went wrong, for the operator.
    pub detail: String,
}

/// Reading one table.
pub trait ReadRows<T: Table> {
    /// Returns the row at `key`.
    ///
    /// # Errors
    /// When the store fails or the row is malformed.
    fn get(&self, key: &T::Key) -> Result<Option<T::Row>, TableError>;

    /// Returns at most `limit` rows with keys at or after `from`, in the order of their keys.
    ///
    /// # Errors
    /// When the store fails or a row is malformed.
    fn scan(&self, from: &T::Key, limit: usize) -> Result<Rows<T>, TableError>;
}

/// Writing one table. Writes are seen by the reads that follow.
pub trait WriteRows<T: Table>: ReadRows<T> {
    /// Stores a row, replacing what was there.
    fn put(&mut self, key: T::Key, row: T::Row);

    /// Removes a row, if it is there.
    fn delete(&mut self, key: &T::Key);
}
