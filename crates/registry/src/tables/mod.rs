//! The tables of a group: what is stored under which key, and how they are read and written.
//!
//! A table's rows are ordered by its key. In an app's own tables the app id is the first part of the key, so that
//! deleting an app is a range. Messages go by their id alone, because a result names nothing else.

mod table;

mod list;

mod access;
mod memory;

pub use access::RowAccess;
pub use list::*;
pub use memory::MemoryTables;
pub use table::{ReadRows, Rows, Table, TableError, WriteRows};
