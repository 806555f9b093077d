//! A node's configuration: a TOML file, then environment variables, then flags; the later wins. Everything is checked
//! here, and an error names the key.
//!
//! `SIGNALBOX__LISTEN__REST=127.0.0.1:4101` and `--set listen.rest=127.0.0.1:4101` both set `rest` in `[listen]`.

mod checked;
mod error;
mod file;
mod layers;
mod providers;
pub mod secret;

pub use checked::{Config, Discovery, Key, Listen, Pace, check_nodes};
pub use error::ConfigError;
pub use file::{ConfigFile, ListenTlsSection, PeerTlsSection};
pub use layers::ENVIRONMENT_PREFIX;
pub use providers::Providers;

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
    let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
        path: path.to_owned(),
        reason: placed(&text, &error),
    })?;
    layers::apply_environment(&mut table, environment)?;
    layers::apply_settings(&mut table, settings)?;
    let file: ConfigFile = serde_path_to_error::deserialize(toml::Value::Table(table))
        .map_err(|error| ConfigError::key(error.path().to_string(), unvalued(error.inner().message())))?;
    checked::check(file)
}

/// Says what is wrong with a text and where, and nothing of the text itself: the line may hold a secret.
fn placed(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| before.matches('\n').count() + 1);
    let message = unvalued(error.message());
    line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
}

/// Leaves out the value that serde puts between `invalid type: string` and `, expected ...`: it may be a secret.
fn unvalued(message: &str) -> String {
    let quoted = message.find(['"', '`']).filter(|_| message.starts_with("invalid "));
    let expected = message.rfind(", expected ");
    match (quoted, expected) {
        (Some(from), Some(to)) if from < to => format!("{}{}", message[..from].trim_end(), &message[to..]),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
