//! What providers tell: the one place behind [`ProviderEvents`]. Checks who tells it, parses bytes into commands, and
//! proposes nothing.
//!
//! What must always hold: no byte of a body is parsed before its signature was checked, and a driver without secrets
//! takes no callbacks.

use model::GroupId;
use model::command::Proposal;
use service::ports::{CallbackError, CallbackHead, ProviderEvents};

use crate::drivers::sandbox;
use crate::signature::{NotAuthentic, Signed, SigningSecret};

/// What callbacks are checked and read with.
pub struct CallbacksConfig {
    /// The number of partitions of the cluster.
    pub partitions: u16,
    /// What the sandbox signs with, at most [`crate::signature::SECRETS_MAX`]; with none it is not called back by.
    pub sandbox: Vec<SigningSecret>,
}

/// The callbacks of all drivers.
pub struct Callbacks(CallbacksConfig);

impl Callbacks {
    /// Makes them.
    pub fn new(config: CallbacksConfig) -> Callbacks {
        Callbacks(config)
    }

    /// Returns the secrets of a driver that takes callbacks.
    fn secrets(&self, driver: &str) -> Result<&[SigningSecret], CallbackError> {
        match driver {
            sandbox::NAME if !self.0.sandbox.is_empty() => Ok(&self.0.sandbox),
            other => Err(CallbackError::UnknownDriver(other.to_owned())),
        }
    }
}

impl ProviderEvents for Callbacks {
    fn admit(&self, driver: &str, head: &CallbackHead<'_>) -> Result<(), CallbackError> {
        self.secrets(driver)?;
        Signed::read(head).map_err(not_authentic)?;
        Ok(())
    }

    fn parse(
        &self,
        driver: &str,
        head: &CallbackHead<'_>,
        body: &[u8],
    ) -> Result<Vec<(GroupId, Proposal)>, CallbackError> {
        let secrets = self.secrets(driver)?;
        let signed = Signed::read(head).map_err(not_authentic)?;
        signed.verify(secrets, body).map_err(not_authentic)?;
        // The sandbox is the only driver with secrets.
        sandbox::parse_callback(signed.id, body, self.0.partitions)
    }
}

fn not_authentic(error: NotAuthentic) -> CallbackError {
    metrics::counter!("signalbox_sender_callbacks_not_authentic_total", "reason" => error.name()).increment(1);
    CallbackError::NotAuthentic(error.to_string())
}
