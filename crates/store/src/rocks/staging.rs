//! Many rows written to files beside a database, which then takes the files in whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rocksdb::{DB, IngestExternalFileOptions, Options, SstFileWriter};
use self_cell::self_cell;

use super::errors::engine_error;
use super::options::staging_options;
use crate::engine::Staging;
use crate::error::{EngineError, StoreError};

/// A file is closed at about this many bytes, and the next one begun.
const FILE_BYTES: u64 = 256 << 20;

/// Numbers the files of this process, so that two stagings never share a name.
static NEXT_FILE: AtomicU64 = AtomicU64::new(1);

self_cell!(
    /// A file being written, and the options that it borrows.
    struct OpenFile {
        owner: Options,
        #[not_covariant]
        dependent: SstFileWriter,
    }
);

/// Rows on their way into a database.
pub(super) struct RocksStaging {
    database: Arc<DB>,
    store: Arc<str>,
    directory: PathBuf,
    open: Option<OpenFile>,
    files: Vec<PathBuf>,
}

/// Returns the directory for files that are not taken in yet, empty: what an earlier process left there is removed.
pub(super) fn empty_staging(database: &Path) -> Result<PathBuf, StoreError> {
    let directory = database.join("staging");
    let failed =
        |error: std::io::Error| StoreError::Directory { directory: directory.clone(), detail: error.to_string() };
    match std::fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => std::fs::create_dir_all(&directory).map_err(failed)?,
    }
    Ok(directory)
}

impl RocksStaging {
    pub fn new(database: Arc<DB>, store: Arc<str>, directory: PathBuf) -> RocksStaging {
        RocksStaging { database, store, directory, open: None, files: Vec::new() }
    }

    fn failed(&self, error: &rocksdb::Error) -> EngineError {
        engine_error(&self.store, error)
    }

    fn begin_file(&mut self) -> Result<OpenFile, rocksdb::Error> {
        let path = self.directory.join(format!("{}.sst", NEXT_FILE.fetch_add(1, Ordering::Relaxed)));
        self.files.push(path.clone());
        OpenFile::try_new(staging_options(), |options| {
            let file = SstFileWriter::create(options);
            file.open(&path).map(|()| file)
        })
    }

    fn end_file(&mut self) -> Result<(), rocksdb::Error> {
        match self.open.take() {
            Some(mut file) => file.with_dependent_mut(|_, file| file.finish()),
            None => Ok(()),
        }
    }

    fn put_row(&mut self, key: &[u8], value: &[u8]) -> Result<(), rocksdb::Error> {
        let mut file = match self.open.take() {
            Some(file) => file,
            None => self.begin_file()?,
        };
        let bytes = file.with_dependent_mut(|_, file| file.put(key, value).map(|()| file.file_size()))?;
        self.open = Some(file);
        if bytes >= FILE_BYTES { self.end_file() } else { Ok(()) }
    }

    fn take_in(&mut self) -> Result<(), rocksdb::Error> {
        self.end_file()?;
        if self.files.is_empty() {
            return Ok(());
        }
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        self.database.ingest_external_file_opts(&options, self.files.iter().collect())
    }
}

impl Staging for RocksStaging {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        self.put_row(key, value).map_err(|error| self.failed(&error))
    }

    fn ingest(mut self: Box<Self>) -> Result<(), EngineError> {
        self.take_in().map_err(|error| self.failed(&error))
    }
}

impl Drop for RocksStaging {
    fn drop(&mut self) {
        drop(self.open.take());
        for file in &self.files {
            // What was taken in was moved and what can't be removed now is removed at the next start.
            let _left_for_the_next_start = std::fs::remove_file(file);
        }
    }
}
