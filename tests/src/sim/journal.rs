//! The file of the journal of begun dispatches on a simulated disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sender::{JournalError, JournalFile};

use super::breaks::Break;

/// How long an announcement is; whatever says what begins is longer.
const ANNOUNCEMENT_BYTES: usize = 27;

/// The file.
pub(super) struct Journal {
    bytes: Mutex<Vec<u8>>,
    full: AtomicBool,
    broken: Option<Break>,
}

impl Journal {
    /// Returns an empty file.
    pub(super) fn new(broken: Option<Break>) -> Journal {
        Journal { bytes: Mutex::default(), full: AtomicBool::new(false), broken }
    }

    /// Says whether there is no room for more.
    pub(super) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    pub(super) fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self) -> Result<(), JournalError> {
        match self.full.load(Ordering::SeqCst) {
            true => Err(JournalError { file: "journal".to_owned(), detail: "no space is left".to_owned() }),
            false => Ok(()),
        }
    }
}

impl JournalFile for Journal {
    fn read(&self) -> Result<Vec<u8>, JournalError> {
        match self.broken {
            Some(Break::NoJournal) => Ok(Vec::new()),
            _ => Ok(self.bytes().clone()),
        }
    }

    fn replace(&self, bytes: &[u8]) -> Result<(), JournalError> {
        self.room()?;
        *self.bytes() = bytes.to_vec();
        Ok(())
    }

    fn append(&self, bytes: &[u8]) -> Result<(), JournalError> {
        self.room()?;
        if self.broken != Some(Break::NoNote) || bytes.len() <= ANNOUNCEMENT_BYTES {
            self.bytes().extend(bytes);
        }
        Ok(())
    }
}
