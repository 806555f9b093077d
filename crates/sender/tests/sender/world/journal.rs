//! The journal's file, in memory.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use sender::{JournalError, JournalFile};

/// See the module's text.
#[derive(Default)]
pub struct MemoryFile {
    bytes: Mutex<Vec<u8>>,
    broken: AtomicBool,
}

impl MemoryFile {
    /// Lets every use fail from now on, or no more.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::Relaxed);
    }

    /// Changes the bytes behind the sender's back.
    pub fn damage(&self, damage: impl Fn(&mut Vec<u8>)) {
        damage(&mut self.bytes.lock().unwrap());
    }

    /// Returns how many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.lock().unwrap().len()
    }

    fn whole(&self) -> Result<(), JournalError> {
        let error = || JournalError { file: "memory".to_owned(), detail: "no space left on device".to_owned() };
        if self.broken.load(Ordering::Relaxed) { Err(error()) } else { Ok(()) }
    }
}

impl JournalFile for MemoryFile {
    fn read(&self) -> Result<Vec<u8>, JournalError> {
        self.whole()?;
        Ok(self.bytes.lock().unwrap().clone())
    }

    fn replace(&self, bytes: &[u8]) -> Result<(), JournalError> {
        self.whole()?;
        *self.bytes.lock().unwrap() = bytes.to_vec();
        Ok(())
    }

    fn append(&self, bytes: &[u8]) -> Result<(), JournalError> {
        self.whole()?;
        self.bytes.lock().unwrap().extend(bytes);
        Ok(())
    }
}
