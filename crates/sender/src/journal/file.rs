//! What the journal asks of a file.

/// Says that the journal's file failed. The node must stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {detail}")]
pub struct JournalError {
    /// The file.
    pub file: String,
    /// What failed.
    pub detail: String,
}

/// A file that outlives the process. What was written must be found by the next process on the same boot of the machine,
/// however this one ended; a machine that lost power may forget any of it. So nothing in here waits for a disk.
pub trait JournalFile: Send + Sync {
    /// Returns the bytes; none when the file is missing.
    ///
    /// # Errors
    /// When the file is there and can't be read.
    fn read(&self) -> Result<Vec<u8>, JournalError>;

    /// Replaces the bytes. A process that ends meanwhile leaves the old ones or these.
    ///
    /// # Errors
    /// When the file can't be written; the old bytes are there then.
    fn replace(&self, bytes: &[u8]) -> Result<(), JournalError>;

    /// Adds bytes at the end. A process that ends meanwhile leaves the first part of them, or none.
    ///
    /// # Errors
    /// When they can't be written; a part of them may be.
    fn append(&self, bytes: &[u8]) -> Result<(), JournalError>;
}
