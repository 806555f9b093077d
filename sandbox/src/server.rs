//! Starts and stops the sandbox: binds, wires the rooms together, serves, and gets the last events out.

use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::backoff::Backoff;
use crate::body::BODY_BYTES_MAX;
use crate::callback::KnownCallbacks;
use crate::clock::{Clock, SystemClock};
use crate::config::{ConfigError, SandboxConfig};
use crate::emitter::{Emitter, event_queue};
use crate::faults::Faults;
use crate::poster::Poster;
use crate::problem::Problem;
use crate::state::{Parts, Shared};
use crate::store::{Budget, Store};
use crate::{control, deliver, inbound, outbox, page, records};

/// How long requests under way get to end when the sandbox stops.
const GRACE: Duration = Duration::from_secs(5);

/// A sandbox that has its address and waits to be served.
pub struct Sandbox {
    listener: TcpListener,
    local_addr: SocketAddr,
    shared: Arc<Shared>,
    emitter: Emitter,
    stop: watch::Sender<bool>,
}

/// Says why the sandbox can't run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A field of the configuration can't be used.
    #[error("configure the sandbox")]
    Config(#[from] ConfigError),
    /// The address can't be listened on.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Connections can't be taken any more.
    #[error("take connections")]
    Serve(#[source] std::io::Error),
}

/// Takes the address of `config` and makes everything ready; nobody is answered before [`Sandbox::serve`].
///
/// # Errors
/// A configuration that can't be used, or an address that is taken.
pub async fn bind(config: SandboxConfig) -> Result<Sandbox, SandboxError> {
    bind_with_clock(config, Arc::new(SystemClock)).await
}

/// As [`bind`], with another time of day.
///
/// # Errors
/// As [`bind`].
pub async fn bind_with_clock(config: SandboxConfig, clock: Arc<dyn Clock>) -> Result<Sandbox, SandboxError> {
    config.validate()?;
    let configured = config.callback_urls()?;
    let budget = Budget {
        messages_max: config.retain_messages,
        records_max: config.retain_records,
        bytes_max: config.retain_bytes,
    };
    let failed = |source| SandboxError::Listen { address: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
    let local_addr = listener.local_addr().map_err(failed)?;
    let poster = Arc::new(Poster::new(config.signing_secret()?, Arc::clone(&clock)));
    let (events, emitter) = event_queue(Arc::clone(&poster), Backoff::EVENTS);
    let (stop, stopping) = watch::channel(false);
    let shared = Arc::new(Shared::new(Parts {
        clock,
        emit_events: config.emit_events,
        events,
        poster,
        stopping,
        store: Store::new(budget),
        faults: Faults::new(config.seed),
        callbacks: KnownCallbacks::new(&configured),
    }));
    Ok(Sandbox { listener, local_addr, shared, emitter, stop })
}

impl Sandbox {
    /// The address that it has; the port is never 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` is done, then lets requests end (5 s at most) and sends the last events (2 s at most).
    ///
    /// # Errors
    /// When no more connections can be taken.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<(), SandboxError> {
        let (stop_emitter, emitter_stopping) = watch::channel(false);
        let emitter = tokio::spawn(self.emitter.run(emitter_stopping));
        let mut stopping = self.shared.stopping.clone();
        let listener = self.listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "failed to set nodelay");
            }
        });
        let listeners = axum::serve(listener, router(self.shared)).with_graceful_shutdown(async move {
            // An error means that the sandbox itself is gone, which is a stop too.
            let _stopped = stopping.wait_for(|stopping| *stopping).await;
        });
        let mut listeners = pin!(listeners.into_future());
        tokio::select! {
            ended = &mut listeners => ended.map_err(SandboxError::Serve)?,
            () = shutdown => {
                self.stop.send_replace(true);
                if let Ok(ended) = tokio::time::timeout(GRACE, listeners).await {
                    ended.map_err(SandboxError::Serve)?;
                }
            }
        }
        stop_emitter.send_replace(true);
        if emitter.await.is_err() {
            tracing::error!("event task panicked");
        }
        Ok(())
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/deliveries", post(deliver::post))
        .route("/v1/records", post(records::post))
        .route("/v1/stats", get(control::stats))
        .route("/v1/faults", get(control::get_faults).put(control::put_faults).delete(control::delete_faults))
        .route("/v1/page", get(page::get_fragment))
        .route("/outbox", get(outbox::get).delete(outbox::delete))
        .route("/events", get(records::get))
        .route("/inbound", post(inbound::post))
        .route("/livez", get(control::livez))
        .route("/", get(page::get_page))
        .route("/page.css", get(page::get_style))
        .route("/page.js", get(page::get_script))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "no such path, see GET /") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method")
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(shared)
}
