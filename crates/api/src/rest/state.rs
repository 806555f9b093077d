//! What the REST listener is made of: the use cases, the keys, and the limits it keeps.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::id::RegionId;
use service::Service;
use service::ports::ProviderEvents;
use tokio::sync::Semaphore;

use super::callback_room::Room;
use super::signature::Scope;
use crate::keys::KeyStore;

/// The largest body of a request, in bytes (Pinpoint: 7 MB).
pub const BODY_MAX: usize = 7 * 1024 * 1024;
/// The unit in which bodies under way are counted, in bytes.
pub(super) const BODY_UNIT: usize = 1024;

/// The limits of a listener. Beyond one of the first two a request is refused with 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest number of requests that are carried out at a time.
    pub requests_max: usize,
    /// The largest sum of the bodies of those requests, in bytes.
    pub bodies_max: usize,
    /// The largest number of open connections; further ones wait to be taken.
    pub connections_max: usize,
    /// How long the body of a request may take to come.
    pub body_timeout: Duration,
    /// How long a request may take after its body came. Longer than the longest wait of a use case.
    pub request_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            requests_max: 4_096,
            bodies_max: 256 * 1024 * 1024,
            connections_max: 10_000,
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
    pub(super) requests: Semaphore,
    pub(super) bodies: Semaphore,
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
            requests: Semaphore::new(limits.requests_max),
            bodies: Semaphore::new(limits.bodies_max / BODY_UNIT),
            callbacks: Room::default(),
        }
    }
}
