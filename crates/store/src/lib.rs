//! Floor 3: what a node keeps on its disk. Raft logs and group states as bytes in two RocksDBs, or in memory for the
//! simulator.
//!
//! It knows groups, tables and records; it knows nothing of Raft's rules, of the network or of the clock, and it is
//! synchronous: whoever calls it from async code decides where it may block. RocksDB's names stay inside `rocks`.

pub mod batch;
pub mod engine;
pub mod error;
pub mod memory;
pub mod rocks;

mod groups;
pub mod keys;
pub mod log;
pub mod state;

pub use batch::{Batch, BatchOp};
pub use engine::{Engine, EngineView, Range, Staging};
pub use error::{EngineError, StoreError};
pub use log::{FileMark, LogFull, LogRecord, LogStore, Retention, SyncThread, Synced, SyncedMark, spawn_sync_thread};
pub use memory::MemoryEngine;
pub use rocks::{OPEN_FILES_MIN, RocksConfig, RocksEngines};
pub use state::{AppliedRow, GroupView, GroupWrite, Installer, SnapshotReader, StateStore};
