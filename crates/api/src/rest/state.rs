//! What the REST listener is made of: the use cases, the keys, and the limits it keeps.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::id::RegionId;
use rustls::ServerConfig;
use service::Service;
use service::ports::ProviderEvents;
use tokio::sync::Semaphore;

use super::callback_room::Room;
use super::signature::Scope;
use crate::connections::ConnectionLimits;
use crate::denials::Denials;
use crate::keys::KeyStore;
use crate::quotas::Quotas;

/// The limits of a listener. Beyond the first a request is refused with 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest number of requests that are carried out at a time.
    pub requests_max: usize,
    /// How many connections may be open.
    pub connections: ConnectionLimits,
    /// How long the body of a request may take to come.
    pub body_timeout: Duration,
    /// How long a request may take after its body came. Longer than the longest wait of a use case.
    pub request_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            requests_max: 4_096,
            connections: ConnectionLimits { max: 10_000, reserve: 32 },
            body_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// Says whether the node takes requests, and if not, why.
pub type Readiness = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;
/// Writes the node's metrics as Prometheus reads them.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// What a listener needs.
pub struct RestApiParts {
    /// The use cases.
    pub service: Service,
    /// The keys it accepts.
    pub keys: Arc<KeyStore>,
    /// What each of them may use.
    pub quotas: Arc<Quotas>,
    /// The regions of the cluster: a request may be signed for any of them.
    pub regions: BTreeSet<RegionId>,
    /// The account id in ARNs: 12 digits.
    pub account: String,
    /// Where providers' callbacks are parsed.
    pub provider_events: Arc<dyn ProviderEvents>,
    /// What `/readyz` asks.
    pub readiness: Readiness,
    /// What `/metrics` shows.
    pub metrics: MetricsText,
    /// The certificate and versions of TLS; connections are plain without.
    pub tls: Option<Arc<ServerConfig>>,
    /// The limits.
    pub limits: Limits,
}

/// A listener of one node.
pub struct RestApi {
    pub(super) service: Service,
    pub(super) keys: Arc<KeyStore>,
    pub(super) scope: Scope,
    pub(super) account: String,
    pub(super) provider_events: Arc<dyn ProviderEvents>,
    pub(super) readiness: Readiness,
    pub(super) metrics: MetricsText,
    pub(super) limits: Limits,
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) requests: Semaphore,
    pub(super) quotas: Arc<Quotas>,
    pub(super) denials: Denials,
    pub(super) callbacks: Room,
}

impl RestApi {
    /// Builds a listener.
    pub fn new(parts: RestApiParts) -> RestApi {
        let limits = parts.limits;
        RestApi {
            service: parts.service,
            keys: parts.keys,
            scope: Scope { regions: parts.regions },
            account: parts.account,
            provider_events: parts.provider_events,
            readiness: parts.readiness,
            metrics: parts.metrics,
            limits,
            tls: parts.tls,
            requests: Semaphore::new(limits.requests_max),
            quotas: parts.quotas,
            denials: Denials::new("rest"),
            callbacks: Room::default(),
        }
    }
}
