//! The seam between this crate and whatever keeps bytes: ordered keys, atomic batches, an explicit sync.
//!
//! RocksDB implements it for nodes, [`MemoryEngine`](crate::MemoryEngine) for the simulator and for tests.

use std::sync::Arc;

use crate::batch::Batch;
use crate::error::EngineError;

/// Told of each failure of an engine: the disk failed, or what was read is not what was written.
pub type FaultListener = Box<dyn Fn(&EngineError) + Send + Sync>;

/// A stretch of keys to scan, from `from` (inclusive) to `to` (exclusive).
#[derive(Debug, Clone, Copy)]
pub struct Range<'a> {
    /// The first key.
    pub from: &'a [u8],
    /// The key before which the scan ends.
    pub to: &'a [u8],
    /// The largest number of rows.
    pub limit: usize,
    /// The largest number of bytes of keys and values; the first row is returned even when it is longer.
    pub bytes_max: usize,
}

/// A row: key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Reading ordered bytes: the present of an engine, or one moment of it.
pub trait EngineView: Send + Sync + 'static {
    /// Returns the value at `key`.
    ///
    /// # Errors
    /// When the disk fails or the stored bytes are corrupt.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError>;

    /// Returns the rows of a range, in the order of their keys.
    ///
    /// # Errors
    /// When the disk fails or the stored bytes are corrupt.
    fn scan(&self, range: Range<'_>) -> Result<Vec<Row>, EngineError>;

    /// Returns the last row from `from` (inclusive) to `to` (exclusive).
    ///
    /// # Errors
    /// When the disk fails or the stored bytes are corrupt.
    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>, EngineError>;
}

/// Keeps ordered bytes. Reads see every write at once; a crash loses what was written after the last sync, always from
/// the end: a batch survives only whole, and only when every batch before it does.
pub trait Engine: EngineView {
    /// Makes a batch visible.
    ///
    /// # Errors
    /// When the disk is full or fails; then nothing may be assumed about the batch.
    fn write(&self, batch: &Batch) -> Result<(), EngineError>;

    /// Makes everything durable that was written before. The engine of the log syncs its write-ahead log, the engine of
    /// the states flushes its memory tables.
    ///
    /// # Errors
    /// When the disk is full or fails; then nothing may be assumed about what was written after the last sync.
    fn sync(&self) -> Result<(), EngineError>;

    /// Returns a view of this moment, which later writes don't change. It holds back space on the disk: drop it soon.
    fn view(&self) -> Arc<dyn EngineView>;

    /// Begins to collect many rows outside the visible ones.
    ///
    /// # Errors
    /// When the disk is full or fails.
    fn stage(&self) -> Result<Box<dyn Staging>, EngineError>;

    /// Makes all rows of sealed parts visible and durable at one stroke, over whatever is at their keys: a crash leaves
    /// all of them visible, or none and the parts as they were. Everything written before is synced. The parts are
    /// forgotten then.
    ///
    /// # Errors
    /// When a part is missing, or the disk is full or fails.
    fn ingest(&self, parts: &[String]) -> Result<(), EngineError>;

    /// Forgets all that is staged, sealed or not. No staging may be open.
    ///
    /// # Errors
    /// When the disk fails.
    fn discard_staged(&self) -> Result<(), EngineError>;

    /// Tells `listener` of every failure from now on, of writing and of reading, also through views: what fails can't be
    /// trusted afterwards, whoever met it. Only the first listener counts.
    fn on_fault(&self, listener: FaultListener);

    /// Returns about how many bytes are used, on disk and in memory tables.
    fn approximate_bytes(&self) -> u64;
}

/// Rows collected outside the visible ones. Dropping it forgets them.
pub trait Staging: Send {
    /// Adds a row. Keys must ascend.
    ///
    /// # Errors
    /// When the disk is full or fails, or the key doesn't ascend.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), EngineError>;

    /// Makes the rows durable where they are, outside the visible ones, and returns the names of the parts that hold
    /// them, for [`Engine::ingest`], also after a crash.
    ///
    /// # Errors
    /// When the disk is full or fails.
    fn seal(self: Box<Self>) -> Result<Vec<String>, EngineError>;
}
