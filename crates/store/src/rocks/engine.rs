//! One RocksDB as an engine.

use std::path::PathBuf;
use std::sync::Arc;

use rocksdb::{DB, FlushOptions, IngestExternalFileOptions, ReadOptions, WriteBatch, WriteOptions};

use super::faults::Faults;
use super::staging::{RocksStaging, discard};
use super::view::{RocksView, last_of, rows_of};
use crate::batch::{Batch, BatchOp};
use crate::engine::{Engine, EngineView, FaultListener, Range, Row, Staging};
use crate::error::EngineError;

/// What makes written batches durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// Batches go to the write-ahead log, a sync syncs that.
    WriteAheadLog,
    /// There is no write-ahead log, a sync flushes the memory tables.
    Flush,
}

/// One open database. Views hold it open.
pub(super) struct RocksEngine {
    database: Arc<DB>,
    faults: Arc<Faults>,
    /// The directory of staged files.
    staging: PathBuf,
    durability: Durability,
    /// The options of every point read: making them costs as much as finding a row in memory.
    reading: ReadOptions,
}

impl RocksEngine {
    pub fn new(database: DB, store: String, staging: PathBuf, durability: Durability) -> RocksEngine {
        let (database, faults) = (Arc::new(database), Arc::new(Faults::of(store)));
        RocksEngine { database, faults, staging, durability, reading: ReadOptions::default() }
    }

    fn property(&self, name: &str) -> u64 {
        self.database.property_int_value(name).ok().flatten().unwrap_or(0)
    }
}

impl EngineView for RocksEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.database.get_opt(key, &self.reading).map_err(|error| self.faults.met(&error))
    }

    fn scan(&self, range: Range<'_>) -> Result<Vec<Row>, EngineError> {
        rows_of(|options| self.database.raw_iterator_opt(options), range).map_err(|error| self.faults.met(&error))
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>, EngineError> {
        last_of(|options| self.database.raw_iterator_opt(options), from, to).map_err(|error| self.faults.met(&error))
    }
}

impl Engine for RocksEngine {
    fn write(&self, batch: &Batch) -> Result<(), EngineError> {
        let mut changes = WriteBatch::default();
        for op in batch.ops() {
            match op {
                BatchOp::Put(key, value) => changes.put(key, value),
                BatchOp::Delete(key) => changes.delete(key),
                BatchOp::DeleteRange(from, to) => changes.delete_range(from, to),
            }
        }
        let mut options = WriteOptions::default();
        options.disable_wal(self.durability == Durability::Flush);
        self.database.write_opt(changes, &options).map_err(|error| self.faults.met(&error))
    }

    fn sync(&self) -> Result<(), EngineError> {
        let synced = match self.durability {
            Durability::WriteAheadLog => self.database.flush_wal(true),
            Durability::Flush => {
                let mut options = FlushOptions::default();
                options.set_wait(true);
                self.database.flush_opt(&options)
            }
        };
        synced.map_err(|error| self.faults.met(&error))
    }

    fn view(&self) -> Arc<dyn EngineView> {
        Arc::new(RocksView::of(Arc::clone(&self.database), Arc::clone(&self.faults)))
    }

    fn stage(&self) -> Result<Box<dyn Staging>, EngineError> {
        Ok(Box::new(RocksStaging::new(Arc::from(self.faults.store.as_str()), self.staging.clone())?))
    }

    fn ingest(&self, parts: &[String]) -> Result<(), EngineError> {
        let mut options = IngestExternalFileOptions::default();
        // Linked into the database, and removed here only after its manifest has them.
        options.set_move_files(true);
        let files: Vec<PathBuf> = parts.iter().map(|part| self.staging.join(part)).collect();
        self.database.ingest_external_file_opts(&options, files).map_err(|error| self.faults.met(&error))
    }

    fn discard_staged(&self) -> Result<(), EngineError> {
        discard(&self.faults.store, &self.staging)
    }

    fn on_fault(&self, listener: FaultListener) {
        self.faults.listen(listener);
    }

    fn approximate_bytes(&self) -> u64 {
        self.property("rocksdb.total-sst-files-size")
            + self.property("rocksdb.total-blob-file-size")
            + self.property("rocksdb.cur-size-all-mem-tables")
    }
}
