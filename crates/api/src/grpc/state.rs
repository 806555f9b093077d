//! What the gRPC listener is made of, and what a call passes once its caller is known: permission, and a place among
//! the calls under way.

use std::sync::Arc;
use std::time::Instant;

use policy::Action;
use rustls::ServerConfig;
use service::Service;
use service::ports::{Alarms, ClusterControl, HealthReports};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::Extensions;

use super::error::GrpcError;
use crate::connections::ConnectionLimits;
use crate::denials::Denials;
use crate::keys::{Caller, KeyStore};
use crate::quotas::Quotas;
use crate::rest::Readiness;

/// The limits of a listener. Beyond one of the first two a call is refused with RESOURCE_EXHAUSTED.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcLimits {
    /// The largest number of calls that are carried out at a time.
    pub calls_max: usize,
    /// The largest number of watches.
    pub watches_max: usize,
    /// How many connections may be open.
    pub connections: ConnectionLimits,
}

impl Default for GrpcLimits {
    fn default() -> GrpcLimits {
        let connections = ConnectionLimits { max: 4_096, reserve: 32 };
        GrpcLimits { calls_max: 4_096, watches_max: 256, connections }
    }
}

/// What a listener needs.
pub struct GrpcApiParts {
    /// The use cases.
    pub service: Service,
    /// The keys it accepts.
    pub keys: Arc<KeyStore>,
    /// What each of them may use.
    pub quotas: Arc<Quotas>,
    /// The cluster's members.
    pub cluster: Arc<dyn ClusterControl>,
    /// What operators should know.
    pub alarms: Arc<dyn Alarms>,
    /// What is found of the health of sending.
    pub health: Arc<dyn HealthReports>,
    /// What the health service asks.
    pub readiness: Readiness,
    /// The certificate and versions of TLS; connections are plain without.
    pub tls: Option<Arc<ServerConfig>>,
    /// The limits.
    pub limits: GrpcLimits,
}

/// A listener of one node.
pub struct GrpcApi {
    pub(super) service: Service,
    pub(super) cluster: Arc<dyn ClusterControl>,
    pub(super) alarms: Arc<dyn Alarms>,
    pub(super) health: Arc<dyn HealthReports>,
    pub(super) readiness: Readiness,
    pub(super) connections: ConnectionLimits,
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Cancelled when the listener closes: watches end then.
    pub(super) closing: CancellationToken,
    pub(super) keys: Arc<KeyStore>,
    pub(super) quotas: Arc<Quotas>,
    pub(super) denials: Denials,
    calls: Arc<Semaphore>,
    watches: Arc<Semaphore>,
}

/// A call whose caller is known and may make it. It counts as under way until this is dropped.
pub(super) struct Entered {
    /// Who calls.
    pub(super) caller: Arc<Caller>,
    action: Action,
    began: Instant,
    _place: OwnedSemaphorePermit,
}

impl GrpcApi {
    /// Builds a listener.
    pub fn new(parts: GrpcApiParts) -> GrpcApi {
        GrpcApi {
            service: parts.service,
            cluster: parts.cluster,
            alarms: parts.alarms,
            health: parts.health,
            readiness: parts.readiness,
            connections: parts.limits.connections,
            tls: parts.tls,
            closing: CancellationToken::new(),
            keys: parts.keys,
            quotas: parts.quotas,
            denials: Denials::new("grpc"),
            calls: Arc::new(Semaphore::new(parts.limits.calls_max)),
            watches: Arc::new(Semaphore::new(parts.limits.watches_max)),
        }
    }

    /// Lets a call in whose caller admission found out. Refused with PERMISSION_DENIED when the caller may not, with
    /// RESOURCE_EXHAUSTED when too many calls are under way.
    pub(super) fn enter(&self, extensions: &Extensions, action: Action) -> Result<Entered, GrpcError> {
        let caller = extensions.get::<Arc<Caller>>().ok_or_else(GrpcError::no_key)?;
        tracing::Span::current().record("action", action.as_str());
        caller.may(action)?;
        let place = Arc::clone(&self.calls).try_acquire_owned().map_err(|_| GrpcError::exhausted("calls"))?;
        Ok(Entered { caller: Arc::clone(caller), action, began: Instant::now(), _place: place })
    }

    /// Takes a place among the watches.
    pub(super) fn watch_place(&self) -> Result<OwnedSemaphorePermit, GrpcError> {
        Arc::clone(&self.watches).try_acquire_owned().map_err(|_| GrpcError::exhausted("watches"))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let action = self.action.as_str();
        metrics::counter!("signalbox_grpc_calls_total", "action" => action).increment(1);
        metrics::histogram!("signalbox_grpc_call_seconds", "action" => action).record(self.began.elapsed());
        tracing::debug!("call answered");
    }
}
