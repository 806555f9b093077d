//! Many rows written to files beside a database, which later takes the files in whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rocksdb::{Options, SstFileWriter};
use self_cell::self_cell;

use super::errors::{engine_error, io_error};
use super::options::staging_options;
use crate::engine::Staging;
use crate::error::EngineError;

/// The directory of staged files, inside the database's.
pub(super) const STAGING: &str = "staging";
/// A file is closed at about this many bytes, and the next one begun.
const FILE_BYTES: u64 = 256 << 20;

/// Numbers the files of this process, so that two stagings never share a name. Those of an earlier process are taken in
/// or discarded before the first one is begun.
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
    store: Arc<str>,
    directory: PathBuf,
    open: Option<OpenFile>,
    /// The names of the files in the directory.
    files: Vec<String>,
}

/// Removes all staged files.
pub(super) fn discard(store: &str, directory: &Path) -> Result<(), EngineError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(store, directory, &error)),
        _ => Ok(()),
    }
}

impl RocksStaging {
    pub fn new(store: Arc<str>, directory: PathBuf) -> Result<RocksStaging, EngineError> {
        fs::create_dir_all(&directory).map_err(|error| io_error(&store, &directory, &error))?;
        Ok(RocksStaging { store, directory, open: None, files: Vec::new() })
    }

    fn failed(&self, error: &rocksdb::Error) -> EngineError {
        engine_error(&self.store, error)
    }

    fn begin_file(&mut self) -> Result<OpenFile, rocksdb::Error> {
        let name = format!("{}.sst", NEXT_FILE.fetch_add(1, Ordering::Relaxed));
        let path = self.directory.join(&name);
        self.files.push(name);
        OpenFile::try_new(staging_options(), |options| {
            let file = SstFileWriter::create(options);
            file.open(&path).map(|()| file)
        })
    }

    /// Ends the open file, which syncs it.
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
}

impl Staging for RocksStaging {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        self.put_row(key, value).map_err(|error| self.failed(&error))
    }

    fn seal(mut self: Box<Self>) -> Result<Vec<String>, EngineError> {
        self.end_file().map_err(|error| self.failed(&error))?;
        // The names of the files, and that of their directory, which may be new.
        for directory in self.directory.ancestors().take(2) {
            let synced = File::open(directory).and_then(|directory| directory.sync_all());
            synced.map_err(|error| io_error(&self.store, directory, &error))?;
        }
        Ok(std::mem::take(&mut self.files))
    }
}

impl Drop for RocksStaging {
    fn drop(&mut self) {
        drop(self.open.take());
        for file in &self.files {
            // What can't be removed now is removed at the next start.
            let _left_for_the_next_start = fs::remove_file(self.directory.join(file));
        }
    }
}
