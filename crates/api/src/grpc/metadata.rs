//! The names of the metadata of calls and answers.

/// The metadata that names the caller's access key.
pub const KEY_ID: &str = "x-signalbox-key-id";
/// The metadata that holds the access key's secret.
pub const KEY_SECRET: &str = "x-signalbox-secret";

/// The metadata that names the field that was wrong.
pub(super) const FIELD: &str = "x-signalbox-field";

/// The metadata that says when repeating makes sense, in milliseconds.
pub(super) const RETRY_AFTER: &str = "x-signalbox-retry-after-ms";
