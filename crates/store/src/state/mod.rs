//! The states of all groups of a node, in one engine: typed tables for those who apply and read, byte rows for
//! snapshots.
//!
//! It knows tables, keys and rows; what a command does to them is `registry`'s, and when to flush is its caller's.

mod applied;
mod chain;
mod commit;
mod install;
mod overlay;
mod overlays;
mod snapshot;
mod store;
mod table;
mod view;
mod write;

pub use applied::AppliedRow;
pub use install::Installer;
pub use snapshot::{SnapshotReader, SnapshotRow};
pub use store::StateStore;
pub use table::StoredTable;
pub use view::GroupView;
pub use write::GroupWrite;
