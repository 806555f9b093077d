//! How far the log was synced, noted outside of it.
//!
//! A database that lost the end of its write-ahead log opens as if that had never been written: a torn tail looks like
//! one that was never acknowledged. Other nodes rest on what was synced, so that a node that went on without it would
//! serve another truth than they do. So each round of syncing has a number: it is in the round's batch, and after the
//! sync it is noted here. A log whose last round is older than the note has lost something that was acknowledged, be it
//! entries, a vote or a truncation.
//!
//! The note is not synced with every round: after a power loss it may be old, which is harmless. It is never ahead of
//! what the disk said is durable.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use model::address::stable_hash;

use crate::error::EngineError;

/// The bytes of a note: the round, and a hash over it.
const NOTE_BYTES: usize = 16;

/// Keeps the number of the last round that was synced.
pub trait SyncedMark: Send + Sync + 'static {
    /// Returns the number; nothing when none was noted, or the note is torn.
    ///
    /// # Errors
    /// When the disk fails.
    fn read(&self) -> Result<Option<u64>, EngineError>;

    /// Notes a number. It survives the end of the process.
    ///
    /// # Errors
    /// When the disk fails.
    fn write(&self, round: u64) -> Result<(), EngineError>;

    /// Makes the note survive a power loss.
    ///
    /// # Errors
    /// When the disk fails.
    fn sync(&self) -> Result<(), EngineError>;
}

/// A note in a file.
pub struct FileMark {
    file: File,
    path: PathBuf,
}

impl FileMark {
    /// Opens the file, and makes it when it is missing.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub fn open(path: &Path) -> Result<FileMark, EngineError> {
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let path = path.to_owned();
        match opened {
            Ok(file) => Ok(FileMark { file, path }),
            Err(error) => Err(failed(&path, &error)),
        }
    }
}

impl SyncedMark for FileMark {
    fn read(&self) -> Result<Option<u64>, EngineError> {
        let mut note = [0; NOTE_BYTES];
        match self.file.read_exact_at(&mut note, 0) {
            Ok(()) => Ok(decode(note)),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(failed(&self.path, &error)),
        }
    }

    fn write(&self, round: u64) -> Result<(), EngineError> {
        self.file.write_all_at(&encode(round), 0).map_err(|error| failed(&self.path, &error))
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.file.sync_data().map_err(|error| failed(&self.path, &error))
    }
}

fn failed(path: &Path, error: &std::io::Error) -> EngineError {
    EngineError::Io { store: path.display().to_string(), detail: error.to_string() }
}

fn encode(round: u64) -> [u8; NOTE_BYTES] {
    let round = round.to_be_bytes();
    let mut note = [0; NOTE_BYTES];
    note[..8].copy_from_slice(&round);
    note[8..].copy_from_slice(&stable_hash(&round).to_be_bytes());
    note
}

fn decode(note: [u8; NOTE_BYTES]) -> Option<u64> {
    let (round, _) = note.split_first_chunk::<8>()?;
    let round = u64::from_be_bytes(*round);
    (encode(round) == note).then_some(round)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_comes_back_and_a_torn_one_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mark");
        assert_eq!(FileMark::open(&path).unwrap().read().unwrap(), None);
        for round in [0, 1, 7_000, u64::MAX] {
            FileMark::open(&path).unwrap().write(round).unwrap();
            assert_eq!(FileMark::open(&path).unwrap().read().unwrap(), Some(round));
        }
        for torn in [&b""[..], &[0; 15], &[0; 16], &[1; 16]] {
            std::fs::write(&path, torn).unwrap();
            assert_eq!(FileMark::open(&path).unwrap().read().unwrap(), None);
        }
    }
}
