//! Typed rows over bytes: how a table of `registry` is read from an engine.

use std::ops::Bound;

use model::id::GroupId;
use registry::tables::{Table, TableError};
use wire::Stored;

use crate::engine::{EngineView, Range};
use crate::keys::{StoredKey, decode, table_prefix};

/// A table whose keys and rows can be stored. Every table of `registry` is one.
pub trait StoredTable: Table<Key: StoredKey + Send + 'static, Row: Stored + Send + 'static> + 'static {}

impl<T> StoredTable for T where T: Table<Key: StoredKey + Send + 'static, Row: Stored + Send + 'static> + 'static {}

/// Rows with their keys.
pub(super) type RowsOf<T> = Vec<(<T as Table>::Key, <T as Table>::Row)>;

/// Returns the bytes of a key in a group's table.
pub(super) fn row_key<T: StoredTable>(group: GroupId, key: &T::Key) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    write_row_key::<T>(group, key, &mut bytes);
    bytes
}

/// Appends the bytes of a key in a group's table.
pub(super) fn write_row_key<T: StoredTable>(group: GroupId, key: &T::Key, out: &mut Vec<u8>) {
    out.extend_from_slice(&group.0.to_be_bytes());
    out.push(T::ID);
    key.write(out);
}

/// Returns the row at `key`.
pub(super) fn get_row<T: StoredTable>(
    view: &dyn EngineView,
    group: GroupId,
    key: &T::Key,
) -> Result<Option<T::Row>, TableError> {
    let bytes = view.get(&row_key::<T>(group, key)).map_err(failed::<T>)?;
    bytes.map(|bytes| T::Row::decode(&bytes).map_err(failed::<T>)).transpose()
}

/// Returns at most `limit` rows of a table from `from` on.
pub(super) fn scan_rows<T: StoredTable>(
    view: &dyn EngineView,
    group: GroupId,
    from: Bound<&T::Key>,
    limit: usize,
) -> Result<RowsOf<T>, TableError> {
    let prefix = table_prefix(group, T::ID);
    let from = match from {
        Bound::Unbounded => prefix.clone(),
        Bound::Included(key) => row_key::<T>(group, key),
        Bound::Excluded(key) => {
            let mut next = row_key::<T>(group, key);
            next.push(0);
            next
        }
    };
    let to = table_prefix(group, T::ID + 1);
    let rows = view.scan(Range { from: &from, to: &to, limit, bytes_max: usize::MAX }).map_err(failed::<T>)?;
    rows.iter()
        .map(|(key, row)| {
            let key = decode(key.get(prefix.len()..).unwrap_or_default()).map_err(failed::<T>)?;
            Ok((key, T::Row::decode(row).map_err(failed::<T>)?))
        })
        .collect()
}

fn failed<T: Table>(error: impl std::error::Error) -> TableError {
    TableError { table: T::NAME, detail: error.to_string() }
}
