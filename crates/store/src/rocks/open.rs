//! Opening a node's two databases.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rocksdb::{Cache, DB, Options, WriteBufferManager};

use super::engine::{Durability, RocksEngine};
use super::errors::{engine_error, is_locked};
use super::options::{Shared, log_options, state_options};
use super::staging::STAGING;
use crate::engine::Engine;
use crate::error::{EngineError, StoreError};
use crate::log::{FileMark, SyncedMark};

/// The file beside both databases that notes how far the log was synced.
const SYNCED: &str = "log.synced";
/// How long an open waits for an earlier node of this process, or one that is just ending, to let go of a directory.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);
/// How often it looks.
const LOCK_WAIT_STEP: Duration = Duration::from_millis(20);

/// Where a node's databases are and how much memory they may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RocksConfig {
    /// The directory that holds both databases, in `log` and `state`. It is made when it is missing.
    pub directory: PathBuf,
    /// The bytes of the cache that both share for blocks, indexes and filters.
    pub cache_bytes: usize,
    /// The bytes of both databases' memory tables together. They are counted in the same cache, which is larger by as
    /// much: full memory tables must not drive out the filters that nearly every read asks.
    pub write_buffer_bytes: usize,
    /// The largest number of table files that each of the two keeps open; at least [`OPEN_FILES_MIN`]. Beyond it a
    /// file is closed and opened again when it is read. A database has about ten files more open than these.
    pub open_files_max: u32,
}

/// The smallest number of table files that a database keeps open.
pub const OPEN_FILES_MIN: u32 = 20;
/// The number of table files that each database of a small node keeps open.
const OPEN_FILES_SMALL: u32 = 256;

impl RocksConfig {
    /// Returns the configuration of a small node: a cache of 64 MiB and memory tables of 32 MiB. Nothing is taken
    /// before it is used.
    pub fn small(directory: impl Into<PathBuf>) -> RocksConfig {
        RocksConfig {
            directory: directory.into(),
            cache_bytes: 64 << 20,
            write_buffer_bytes: 32 << 20,
            open_files_max: OPEN_FILES_SMALL,
        }
    }
}

/// A node's two engines.
#[derive(Clone)]
pub struct RocksEngines {
    /// The log: durable after each sync of its write-ahead log.
    pub log: Arc<dyn Engine>,
    /// The states: durable after each flush.
    pub state: Arc<dyn Engine>,
    /// How far the log was synced.
    pub synced: Arc<dyn SyncedMark>,
}

impl RocksEngines {
    /// Opens both databases, and makes them when they are missing. It blocks, up to 5 s when a directory is still in
    /// use.
    ///
    /// # Errors
    /// When a directory can't be made or is in use, or a database is corrupt, or the disk is full or fails. Each names
    /// the directory and the remedy.
    pub fn open(config: RocksConfig) -> Result<RocksEngines, StoreError> {
        let cache = Cache::new_lru_cache(config.cache_bytes.saturating_add(config.write_buffer_bytes));
        let write_buffers =
            WriteBufferManager::new_write_buffer_manager_with_cache(config.write_buffer_bytes, false, cache.clone());
        let shared = Shared {
            cache,
            write_buffers,
            write_buffer_bytes: config.write_buffer_bytes,
            open_files_max: config.open_files_max,
        };
        let log = config.directory.join("log");
        let state = config.directory.join("state");
        let state_options = state_options(&shared).map_err(|error| refused(&state, &error))?;
        Ok(RocksEngines {
            log: open(&log, &log_options(&shared), Durability::WriteAheadLog)?,
            state: open(&state, &state_options, Durability::Flush)?,
            synced: Arc::new(FileMark::open(&config.directory.join(SYNCED))?),
        })
    }
}

fn open(directory: &Path, options: &Options, durability: Durability) -> Result<Arc<dyn Engine>, StoreError> {
    std::fs::create_dir_all(directory)
        .map_err(|error| StoreError::Directory { directory: directory.to_owned(), detail: error.to_string() })?;
    let database = open_unlocked(directory, options)?;
    let store = directory.display().to_string();
    Ok(Arc::new(RocksEngine::new(database, store, directory.join(STAGING), durability)))
}

fn open_unlocked(directory: &Path, options: &Options) -> Result<DB, StoreError> {
    let begun = Instant::now();
    loop {
        match DB::open(options, directory) {
            Ok(database) => return Ok(database),
            Err(error) if !is_locked(&error) => return Err(refused(directory, &error).into()),
            Err(_) if begun.elapsed() >= LOCK_WAIT_MAX => {
                return Err(StoreError::Locked { directory: directory.to_owned(), waited: LOCK_WAIT_MAX });
            }
            Err(_) => std::thread::sleep(LOCK_WAIT_STEP),
        }
    }
}

/// Returns why a database can't be opened. RocksDB doesn't say which write-ahead file is corrupt: it is one of a few.
fn refused(directory: &Path, error: &rocksdb::Error) -> EngineError {
    let store = directory.display().to_string();
    match engine_error(&store, error) {
        EngineError::Corrupt { store, detail } if !detail.contains(&store) => {
            let files = write_ahead_files(directory).join(", ");
            EngineError::Corrupt { store, detail: format!("{detail} in one of its write-ahead files: {files}") }
        }
        other => other,
    }
}

fn write_ahead_files(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let is_write_ahead = |name: &String| {
        name.strip_suffix(".log").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut files: Vec<String> = names.filter(is_write_ahead).collect();
    files.sort();
    files
}
