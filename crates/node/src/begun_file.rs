//! The file of the journal of begun dispatches: `begun.journal` in the data folder. It is never synced: what was written
//! is in the kernel's hands and outlives the process, and a journal of another boot counts for nothing.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sender::{JournalError, JournalFile};

/// The file's name in the data folder.
const FILE: &str = "begun.journal";
/// The name under which it is written anew, until it is whole.
const NEXT: &str = "begun.journal.next";

/// See the module's text.
pub struct BegunFile {
    path: PathBuf,
    next: PathBuf,
    /// Where is appended to, once the file was written.
    open: Mutex<Option<File>>,
}

impl BegunFile {
    /// Names the file in a data folder, which this process owns. Touches nothing.
    pub fn new(folder: &Path) -> BegunFile {
        BegunFile { path: folder.join(FILE), next: folder.join(NEXT), open: Mutex::new(None) }
    }

    fn write_next(&self, bytes: &[u8]) -> std::io::Result<File> {
        std::fs::remove_file(&self.next).or_else(|error| missing(&error).then_some(()).ok_or(error))?;
        let mut file = OpenOptions::new().create_new(true).append(true).open(&self.next)?;
        file.write_all(bytes)?;
        std::fs::rename(&self.next, &self.path)?;
        Ok(file)
    }

    fn failed(&self, error: &std::io::Error) -> JournalError {
        JournalError { file: self.path.display().to_string(), detail: error.to_string() }
    }

    /// Nothing panics while it is locked, so that a poisoned lock means what an unpoisoned one does.
    fn lock(&self) -> MutexGuard<'_, Option<File>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JournalFile for BegunFile {
    fn read(&self) -> Result<Vec<u8>, JournalError> {
        match std::fs::read(&self.path) {
            Ok(bytes) => Ok(bytes),
            Err(error) if missing(&error) => Ok(Vec::new()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn replace(&self, bytes: &[u8]) -> Result<(), JournalError> {
        let file = self.write_next(bytes).map_err(|error| self.failed(&error))?;
        *self.lock() = Some(file);
        Ok(())
    }

    fn append(&self, bytes: &[u8]) -> Result<(), JournalError> {
        let mut open = self.lock();
        let Some(file) = open.as_mut() else {
            return Err(self.failed(&std::io::Error::from(ErrorKind::NotFound)));
        };
        file.write_all(bytes).map_err(|error| self.failed(&error))
    }
}

fn missing(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_there_for_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let file = BegunFile::new(folder.path());
        assert_eq!(file.read().unwrap(), b"");
        assert!(file.append(b"lost").is_err());
        // A process that was killed while it wrote anew.
        std::fs::write(folder.path().join(NEXT), "half").unwrap();
        file.replace(b"one ").unwrap();
        file.append(b"two ").unwrap();
        file.append(b"three").unwrap();
        let next = BegunFile::new(folder.path());
        assert_eq!(next.read().unwrap(), b"one two three");
        next.replace(b"four").unwrap();
        next.append(b" five").unwrap();
        assert_eq!(BegunFile::new(folder.path()).read().unwrap(), b"four five");
        assert!(!folder.path().join(NEXT).exists());
    }

    #[test]
    fn an_error_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(FILE)).unwrap();
        let file = BegunFile::new(folder.path());
        let error = file.read().unwrap_err();
        assert!(error.to_string().contains(FILE), "{error}");
        assert!(file.replace(b"one").is_err());
    }
}
