//! Secrets: texts that are never printed, and the files that hold them.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The largest file that holds a secret, in bytes.
const FILE_MAX: u64 = 64 * 1024;
/// The permissions that a file with a secret must not give: to others anything, to its group changing it.
const FORBIDDEN_MODE: u32 = 0o027;

/// A secret. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Returns the secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Says whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Why a file with a secret is not used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It can't be read.
    #[error("failed to read {path}: {cause}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// Others may read or change it.
    #[error("{path} has mode {mode:04o}, so that others can read or change it: chmod 640 or stricter")]
    Exposed {
        /// The file.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// It is no text of a sensible length.
    #[error("{path} must hold a secret of 1 to {FILE_MAX} bytes, as text")]
    Content {
        /// The file.
        path: String,
    },
}

/// Reads a file that holds one secret; the line break at its end is not part of it.
///
/// # Errors
/// When it can't be read, may be read or changed by others, or is empty.
pub fn read_file(path: &Path) -> Result<Secret, SecretFileError> {
    let bytes = read_guarded(path)?;
    let content = || SecretFileError::Content { path: path.display().to_string() };
    let text = String::from_utf8(bytes).map_err(|_| content())?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() { Err(content()) } else { Ok(Secret(secret.to_owned())) }
}

/// Reads a file that nobody else may read or change.
///
/// # Errors
/// As [`read_file`].
pub fn read_guarded(path: &Path) -> Result<Vec<u8>, SecretFileError> {
    let shown = || path.display().to_string();
    let unreadable = |cause| SecretFileError::Unreadable { path: shown(), cause };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if let Some(mode) = exposed(&metadata) {
        return Err(SecretFileError::Exposed { path: shown(), mode });
    }
    if metadata.len() > FILE_MAX {
        return Err(SecretFileError::Content { path: shown() });
    }
    std::fs::read(path).map_err(unreadable)
}

/// Returns a file's permissions if they let others read or change it.
pub fn exposed(metadata: &Metadata) -> Option<u32> {
    let mode = metadata.permissions().mode() & 0o7777;
    (mode & FORBIDDEN_MODE != 0).then_some(mode)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn a_secret_is_the_file_without_its_line_break() {
        for mode in [0o400, 0o600, 0o640, 0o440] {
            let (_folder, path) = file("s3cret\n", mode);
            assert_eq!(read_file(&path).unwrap().reveal(), "s3cret", "{mode:o}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_or_change_is_refused() {
        for mode in [0o644, 0o604, 0o660, 0o602, 0o601, 0o777] {
            let (_folder, path) = file("s3cret", mode);
            assert!(matches!(read_file(&path), Err(SecretFileError::Exposed { .. })), "{mode:o}");
        }
        let (_folder, path) = file("\n", 0o600);
        assert!(matches!(read_file(&path), Err(SecretFileError::Content { .. })));
        assert!(matches!(read_file(Path::new("/nowhere")), Err(SecretFileError::Unreadable { .. })));
    }

    #[test]
    fn a_secret_is_never_printed() {
        assert!(!format!("{:?}", Secret("s3cret".to_owned())).contains("s3cret"));
    }
}
