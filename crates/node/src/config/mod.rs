//! A node's configuration: a TOML file, then environment variables, then flags; the later wins. Everything is checked
//! here, and an error names the key.
//!
//! `SIGNALBOX__LISTEN__REST=127.0.0.1:4101` and `--set listen.rest=127.0.0.1:4101` both set `rest` in `[listen]`.

mod checked;
mod error;
mod file;
mod layers;

pub use checked::{Config, Discovery, Key, Listen, Pace, Providers, check_nodes};
pub use error::ConfigError;
pub use file::ConfigFile;
pub use layers::ENVIRONMENT_PREFIX;

use std::path::Path;

/// Reads a configuration: the file, then the environment's variables, then `settings` of the form `key=value`.
///
/// # Errors
/// When the file can't be read or is no TOML, or a key is unknown, missing or wrong.
pub fn load(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
    settings: &[String],
) -> Result<Config, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let mut table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| ConfigError::Syntax { path: path.to_owned(), reason: error.to_string() })?;
    layers::apply_environment(&mut table, environment)?;
    layers::apply_settings(&mut table, settings)?;
    let file: ConfigFile = serde_path_to_error::deserialize(toml::Value::Table(table))
        .map_err(|error| ConfigError::key(error.path().to_string(), error.inner().to_string()))?;
    checked::check(file)
}
