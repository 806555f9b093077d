//! What a running node takes up without a restart: its certificates, and the keys that callers sign with.
//!
//! The files are looked at every `LOOK`, and at once when the process gets SIGHUP. What can't be used is said and left
//! alone: what was in use stays in use.

use std::sync::Arc;
use std::time::Duration;

use api::KeyStore;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{Config, ConfigError};
use crate::listeners;
use crate::tls::{ListenTls, PeerTls, TlsFileError};

/// How often the files are read.
const LOOK: Duration = Duration::from_secs(10);
/// A certificate that is valid for fewer days is worth a line a day in the log.
const EXPIRY_WARNING_DAYS: u64 = 14;
/// How many looks make a day.
const LOOKS_A_DAY: u64 = 86_400 / LOOK.as_secs();

/// Reads the configuration again, with everything that is laid over the file.
pub type ReadConfig = Arc<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// What is looked after.
pub struct Reload {
    /// Reads the configuration.
    pub config: ReadConfig,
    /// The keys that the listeners accept.
    pub keys: Arc<KeyStore>,
    pub peer: Option<Arc<PeerTls>>,
    pub listen: Option<Arc<ListenTls>>,
}

impl Reload {
    /// Looks for ever.
    pub async fn run(self) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut looks = 0_u64;
        let mut last_error: Option<String> = None;
        loop {
            self.expiry(looks.is_multiple_of(LOOKS_A_DAY));
            looks += 1;
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = hung_up(&mut hangup) => tracing::info!("SIGHUP: reading keys and certificates again"),
            }
            let error = self.look().err();
            if let Some(error) = error.as_ref().filter(|error| last_error.as_ref() != Some(error)) {
                tracing::warn!(%error, "changed file not taken up; what was read before stays in use");
            }
            metrics::gauge!("signalbox_reload_failed").set(if error.is_some() { 1.0 } else { 0.0 });
            last_error = error;
        }
    }

    fn look(&self) -> Result<(), String> {
        let said = |what: &'static str, changed: Result<bool, TlsFileError>| match changed {
            Ok(true) => {
                tracing::info!("{what} certificate taken up; it counts for new connections");
                None
            }
            Ok(false) => None,
            Err(error) => Some(error.to_string()),
        };
        let peer = self.peer.as_ref().and_then(|peer| said("peer", peer.reload()));
        let listen = self.listen.as_ref().and_then(|listen| said("listener", listen.reload()));
        let keys = self.keys().err();
        match [peer, listen, keys].into_iter().flatten().next() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn keys(&self) -> Result<(), String> {
        let config = (self.config)().map_err(|error| error.to_string())?;
        let changed = self.keys.replace(listeners::keys(&config)).map_err(|error| error.to_string())?;
        if changed {
            tracing::info!(keys = config.keys.len(), "keys taken up");
        }
        Ok(())
    }

    fn expiry(&self, say: bool) {
        let peer = self.peer.as_ref().map(|peer| ("peer", peer.days_left()));
        let listen = self.listen.as_ref().map(|listen| ("listener", listen.days_left()));
        for (what, days) in peer.into_iter().chain(listen) {
            metrics::gauge!("signalbox_certificate_days_left", "certificate" => what).set(days as f64);
            if say && days < EXPIRY_WARNING_DAYS {
                tracing::warn!(certificate = what, days, "certificate expires soon: issue a new one");
            }
        }
    }
}

async fn hung_up(hangup: &mut Option<Signal>) {
    match hangup {
        Some(hangup) => drop(hangup.recv().await),
        None => std::future::pending().await,
    }
}
