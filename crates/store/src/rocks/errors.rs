//! RocksDB's errors in the words of this crate.

use std::io;
use std::path::Path;

use rocksdb::ErrorKind;

use crate::error::EngineError;

/// What RocksDB's message holds when the operating system said ENOSPC or the quota is used up.
const FULL: [&str; 3] = ["No space left on device", "Disk quota exceeded", "NoSpace"];
/// What it holds when the process (EMFILE) or the machine (ENFILE) has as many files open as it may.
const TOO_MANY_FILES: &str = "Too many open files";

/// Translates an error of the database in `store`.
pub(super) fn engine_error(store: &str, error: &rocksdb::Error) -> EngineError {
    translate(store, error.kind(), error.to_string())
}

/// Translates an error of the file system at a path of the database in `store`.
pub(super) fn io_error(store: &str, path: &Path, error: &io::Error) -> EngineError {
    translate(store, ErrorKind::IOError, format!("{}: {error}", path.display()))
}

fn translate(store: &str, kind: ErrorKind, detail: String) -> EngineError {
    let store = store.to_owned();
    if FULL.iter().any(|full| detail.contains(full)) {
        return EngineError::Full { store, detail };
    }
    if detail.contains(TOO_MANY_FILES) {
        return EngineError::TooManyFiles { store, detail };
    }
    match kind {
        ErrorKind::Corruption => EngineError::Corrupt { store, detail },
        ErrorKind::InvalidArgument | ErrorKind::NotSupported => EngineError::Refused { store, detail },
        _ => EngineError::Io { store, detail },
    }
}

/// Returns true when the database is open elsewhere, in this process or another one.
pub(super) fn is_locked(error: &rocksdb::Error) -> bool {
    says_locked(error.kind(), error.as_ref())
}

/// An opener moves the old info log aside before it asks for the lock; who has that and closes may remove it meanwhile.
fn says_locked(kind: ErrorKind, detail: &str) -> bool {
    let about_lock = detail.contains("lock") && detail.contains("LOCK");
    let cleaned_up = detail.contains("LOG.old.") && detail.contains("No such file");
    kind == ErrorKind::IOError && (about_lock || cleaned_up) && !detail.contains(TOO_MANY_FILES)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second message is one that RocksDB gave while another process closed the database.
    #[test]
    fn a_database_that_is_being_closed_is_in_use() {
        let lock = "IO error: lock hold by current process, acquire time 1: /d/LOCK: No locks available";
        let log = "IO error: No such file or directory: while unlink() file: /d/LOG.old.1: No such file or directory";
        assert!(says_locked(ErrorKind::IOError, lock) && says_locked(ErrorKind::IOError, log));
        assert!(!says_locked(ErrorKind::IOError, "IO error: While open a file: /d/LOCK: Too many open files"));
        assert!(!says_locked(ErrorKind::IOError, "IO error: No such file or directory: /d/000012.sst"));
    }

    /// The message of a full disk is one that RocksDB gave on a full tmpfs.
    #[test]
    fn errors_name_the_directory_and_the_remedy() {
        let full = "IO error: No space left on device: While appending to file: /d/000008.log: No space left on device";
        let cases = [
            (ErrorKind::IOError, full, "make room"),
            (ErrorKind::Corruption, "Corruption: block checksum mismatch in /d/000012.sst", "cluster rejoin"),
            (ErrorKind::IOError, "IO error: While fsync: /d/000008.log: Input/output error", "check the disk"),
            (ErrorKind::IOError, "IO error: While open a file: /d/000009.log: Too many open files", "LimitNOFILE"),
            (ErrorKind::InvalidArgument, "Invalid argument: /d: does not exist", "report"),
        ];
        for (kind, detail, remedy) in cases {
            let text = translate("/d", kind, detail.to_owned()).to_string();
            assert!(text.contains("/d") && text.contains(remedy) && text.contains(detail), "{text}");
        }
        assert!(matches!(translate("/d", ErrorKind::IOError, full.to_owned()), EngineError::Full { .. }));
    }

    /// Their texts are the operating system's: EMFILE is this process's limit, ENFILE the machine's.
    #[test]
    fn too_many_open_files_are_no_fault_of_the_disk() {
        for number in [24, 23] {
            let text = io_error("/d", Path::new("/d/LOCK"), &io::Error::from_raw_os_error(number)).to_string();
            assert!(!text.contains("check the disk") && text.contains("open files"), "{text}");
        }
        let lock = "IO error: While open a file for lock: /d/LOCK: ";
        assert!(says_locked(ErrorKind::IOError, &format!("{lock}Resource temporarily unavailable")));
        assert!(!says_locked(ErrorKind::IOError, &format!("{lock}Too many open files")));
    }
}
