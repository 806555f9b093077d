//! The Raft logs of all groups of a node, in one engine, synced by one thread.
//!
//! It knows indexes and opaque bytes. What a record means, when a vote is due and what may be purged is decided by its
//! caller; it has no clock, its caller tells it the time.

mod group;
mod marks;
mod meta_row;
mod queue;
mod read;
mod rows;
mod store;
mod sync;
mod synced_mark;
mod thread;

use std::fmt;

use bytes::Bytes;

use crate::error::EngineError;

pub use marks::Retention;
pub use read::Records;
pub use store::LogStore;
pub use synced_mark::{FileMark, SyncedMark};
pub use thread::{SyncThread, spawn_sync_thread};

/// The largest number of bytes of records that wait for a sync, over all groups of a node.
pub const LOG_QUEUE_BYTES_MAX: usize = 32 << 20;
/// The largest number of records that wait for a sync, over all groups of a node.
pub const LOG_QUEUE_RECORDS_MAX: usize = 65_536;
/// How many bytes of synced records are kept in memory per group, for followers that are nearly up to date.
pub const LOG_WINDOW_BYTES_MAX: usize = 1 << 20;

/// One record of a group's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Its place; one more than that of the record before.
    pub index: u64,
    /// What it holds, as it will be read.
    pub bytes: Bytes,
}

/// Called once: when what it was handed in with is durable, or never will be. It runs on the syncing thread, must be
/// short and must not wait for the log.
pub type Synced = Box<dyn FnOnce(Result<(), EngineError>) + Send>;

/// Says that too much waits for a sync, and hands back what was not taken. There is room again once a callback of an
/// earlier append has run.
pub struct LogFull {
    /// How many bytes wait.
    pub queued_bytes: usize,
    /// How many records wait.
    pub queued_records: usize,
    /// The records that were not taken.
    pub records: Vec<LogRecord>,
    /// The callback that was not taken.
    pub synced: Synced,
}

impl fmt::Debug for LogFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFull")
            .field("queued_bytes", &self.queued_bytes)
            .field("queued_records", &self.queued_records)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for LogFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, records) = (self.queued_bytes, self.queued_records);
        write!(f, "the log is full: {records} records of {bytes} bytes wait for the disk")
    }
}

impl std::error::Error for LogFull {}
