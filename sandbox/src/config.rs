//! What the sandbox is told at its start, and what it refuses to start with. Opens nothing.

use std::net::{Ipv4Addr, SocketAddr};

use crate::callback::{CALLBACKS_MAX, CallbackUrl, CallbackUrlError};
use crate::signature::{InvalidSecret, SigningSecret};

/// What is signed with when nothing else is said: the secret of development clusters, which is public.
pub const DEVELOPMENT_SECRET: &str = "whsec_c2lnbmFsYm94LWtpdC1jYWxsYmFja3Mh";

/// The address the development set-up expects the sandbox at.
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4300);
/// Messages kept when nothing else is said: enough for a bench run's tail, small enough to scan in milliseconds.
const RETAIN_MESSAGES_DEFAULT: usize = 200_000;
/// Event stream records kept when nothing else is said.
const RETAIN_RECORDS_DEFAULT: usize = 50_000;
/// Bytes of messages and records kept when nothing else is said.
const RETAIN_BYTES_DEFAULT: usize = 256 << 20;
/// The least `retain_bytes`: one whole request has to fit, and with it what is kept beside each message.
const RETAIN_BYTES_MIN: usize = 40 << 20;

/// Says where the sandbox listens, whom it calls back, and how much it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Base URLs (`http://host:port`) that take events and inbound SMS, in the order to try them; at most 64.
    /// Those named in deliveries are added as they are seen.
    pub callbacks: Vec<String>,
    /// What callbacks are signed with: `whsec_` and base64, as the nodes have it in `providers.sandbox_secrets`.
    pub secret: String,
    /// Whether accepted deliveries are reported back by an event.
    pub emit_events: bool,
    /// Newest handed-over messages kept; at least 1.
    pub retain_messages: usize,
    /// Newest event stream records kept; at least 1.
    pub retain_records: usize,
    /// Bytes kept, messages and records together, with an estimate of what holding them costs; at least 16 MiB.
    pub retain_bytes: usize,
    /// Seeds what faults with a share hit, so that a run can be repeated.
    pub seed: u64,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            listen: LISTEN_DEFAULT,
            callbacks: Vec::new(),
            secret: DEVELOPMENT_SECRET.to_owned(),
            emit_events: true,
            retain_messages: RETAIN_MESSAGES_DEFAULT,
            retain_records: RETAIN_RECORDS_DEFAULT,
            retain_bytes: RETAIN_BYTES_DEFAULT,
            seed: 0,
        }
    }
}

impl SandboxConfig {
    /// Checks every field without opening anything.
    ///
    /// # Errors
    /// The first field that can't be used.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.callback_urls().map(|_| ())?;
        self.signing_secret()?;
        at_least("retain_messages", self.retain_messages, 1)?;
        at_least("retain_records", self.retain_records, 1)?;
        at_least("retain_bytes", self.retain_bytes, RETAIN_BYTES_MIN)
    }

    pub(crate) fn signing_secret(&self) -> Result<SigningSecret, ConfigError> {
        SigningSecret::parse(&self.secret).map_err(ConfigError::Secret)
    }

    pub(crate) fn callback_urls(&self) -> Result<Vec<CallbackUrl>, ConfigError> {
        if self.callbacks.len() > CALLBACKS_MAX {
            return Err(ConfigError::TooManyCallbacks { count: self.callbacks.len(), max: CALLBACKS_MAX });
        }
        let parse = |(index, url): (usize, &String)| {
            CallbackUrl::parse(url).map_err(|source| ConfigError::Callback { index, source })
        };
        self.callbacks.iter().enumerate().map(parse).collect()
    }
}

fn at_least(field: &'static str, value: usize, min: usize) -> Result<(), ConfigError> {
    if value < min { Err(ConfigError::TooSmall { field, value, min }) } else { Ok(()) }
}

/// Names the field of a [`SandboxConfig`] that can't be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A callback isn't a URL that can be called.
    #[error("use callbacks[{index}]")]
    Callback {
        /// Its place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: CallbackUrlError,
    },
    /// The secret is none.
    #[error("use secret")]
    Secret(#[source] InvalidSecret),
    /// There are more callbacks than the sandbox keeps.
    #[error("use {count} callbacks, at most {max} are kept")]
    TooManyCallbacks {
        /// How many were given.
        count: usize,
        /// How many are kept.
        max: usize,
    },
    /// A limit is too small to work with.
    #[error("use {field} = {value}, the least is {min}")]
    TooSmall {
        /// The field's name.
        field: &'static str,
        /// What it was set to.
        value: usize,
        /// The least it can be.
        min: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_each_bad_field_is_named() {
        let good = SandboxConfig::default();
        assert_eq!(good.validate(), Ok(()));
        let cases = [
            (SandboxConfig { callbacks: vec!["ftp://x".into()], ..good.clone() }, "callbacks[0]"),
            (SandboxConfig { callbacks: vec!["http://x".into(); 65], ..good.clone() }, "65 callbacks"),
            (SandboxConfig { secret: "s".into(), ..good.clone() }, "secret"),
            (SandboxConfig { retain_messages: 0, ..good.clone() }, "retain_messages"),
            (SandboxConfig { retain_records: 0, ..good.clone() }, "retain_records"),
            (SandboxConfig { retain_bytes: 1024, ..good }, "retain_bytes"),
        ];
        for (config, named) in cases {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
