//! The files of an authority.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Why certificates were not made.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    #[error("failed to read or write {path}: {cause}", path = path.display())]
    File { path: PathBuf, cause: std::io::Error },
    #[error("{path} exists already: an authority is made once; use another --dir", path = path.display())]
    Exists { path: PathBuf },
    #[error("{path} doesn't exist: make the authority with `signalbox certs init`", path = path.display())]
    Missing { path: PathBuf },
    #[error("{path} is not an authority's certificate: {reason}", path = path.display())]
    Malformed { path: PathBuf, reason: String },
    #[error("the authority is being rotated: replace all nodes' certificates, then `signalbox certs rotate --finish`")]
    Rotating,
    #[error("the authority is not being rotated: begin with `signalbox certs rotate`")]
    NotRotating,
    #[error("{name:?} can't stand in a certificate: {reason}")]
    Name { name: String, reason: String },
    #[error("failed to make a certificate: {0}")]
    Make(String),
}

/// Reads a text; nothing when the file doesn't exist.
pub(super) fn read(path: &Path) -> Result<Option<String>, CertsError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(CertsError::File { path: path.to_owned(), cause }),
    }
}

/// Puts a text in the place of a file, all of it or nothing, with these permissions.
pub(super) fn replace(path: &Path, text: &str, mode: u32) -> Result<(), CertsError> {
    let file_error = |cause| CertsError::File { path: path.to_owned(), cause };
    let next = path.with_extension("next");
    absent(std::fs::remove_file(&next)).map_err(file_error)?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(&next).map_err(file_error)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(file_error)?;
    std::fs::rename(&next, path).map_err(file_error)
}

fn absent(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes a folder that its owner alone may look into.
pub(super) fn make_private(folder: &Path) -> Result<(), CertsError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|cause| CertsError::File { path: folder.to_owned(), cause })
}
