//! What is wrong with a configuration.

use std::path::PathBuf;

/// Says what is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("failed to read {path}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{path} is not valid TOML: {reason}", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A setting of the environment or a flag doesn't have the form `key=value`.
    #[error("{given:?} is not of the form section.key=value")]
    Setting {
        /// What was given.
        given: String,
    },
    /// A key has a wrong value, is unknown, or is missing.
    #[error("{key}: {reason}")]
    Key {
        /// The key with its sections, such as `listen.rest`.
        key: String,
        /// What is wrong and what would be right.
        reason: String,
    },
}

impl ConfigError {
    pub(super) fn key(key: impl Into<String>, reason: impl Into<String>) -> ConfigError {
        ConfigError::Key { key: key.into(), reason: reason.into() }
    }
}

/// Refuses a value outside a range.
pub(super) fn within<N: PartialOrd + std::fmt::Display + Copy>(
    key: &str,
    value: N,
    min: N,
    max: N,
) -> Result<N, ConfigError> {
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(ConfigError::key(key, format!("must be {min} to {max}, found {value}")))
    }
}
