//! What the gRPC listener is made of, and what every call passes: a place among the calls under way, the key,
//! permission.

use std::sync::Arc;
use std::time::Instant;

use policy::Action;
use service::Service;
use service::ports::ClusterControl;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;

use super::error::GrpcError;
use super::metadata::{KEY_ID, KEY_SECRET};
use crate::keys::{Caller, KeyStore};
use crate::rest::Readiness;

/// The limits of a listener. Beyond one of the first two a call is refused with RESOURCE_EXHAUSTED.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcLimits {
    /// The largest number of calls that are carried out at a time.
    pub calls_max: usize,
    /// The largest number of watches.
    pub watches_max: usize,
    /// The largest number of open connections; further ones wait to be taken.
    pub connections_max: usize,
}

impl Default for GrpcLimits {
    fn default() -> GrpcLimits {
        GrpcLimits { calls_max: 4_096, watches_max: 256, connections_max: 4_096 }
    }
}

/// What a listener needs.
pub struct GrpcApiParts {
    /// The use cases.
    pub service: Service,
    /// The keys it accepts.
    pub keys: Arc<KeyStore>,
    /// The cluster's members.
    pub cluster: Arc<dyn ClusterControl>,
    /// What the health service asks.
    pub readiness: Readiness,
    /// The limits.
    pub limits: GrpcLimits,
}

/// A listener of one node.
pub struct GrpcApi {
    pub(super) service: Service,
    pub(super) cluster: Arc<dyn ClusterControl>,
    pub(super) readiness: Readiness,
    pub(super) connections_max: usize,
    /// Cancelled when the listener closes: watches end then.
    pub(super) closing: CancellationToken,
    keys: Arc<KeyStore>,
    calls: Arc<Semaphore>,
    watches: Arc<Semaphore>,
}

/// A call whose caller is known and may make it. It counts as under way until this is dropped.
pub(super) struct Entered {
    /// Who calls.
    pub(super) caller: Caller,
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
            readiness: parts.readiness,
            connections_max: parts.limits.connections_max,
            closing: CancellationToken::new(),
            keys: parts.keys,
            calls: Arc::new(Semaphore::new(parts.limits.calls_max)),
            watches: Arc::new(Semaphore::new(parts.limits.watches_max)),
        }
    }

    /// Lets a call in. Refused with UNAUTHENTICATED without a valid key, with PERMISSION_DENIED when the caller may not,
    /// with RESOURCE_EXHAUSTED when too many calls are under way.
    pub(super) fn enter(&self, metadata: &MetadataMap, action: Action) -> Result<Entered, GrpcError> {
        let place = Arc::clone(&self.calls).try_acquire_owned().map_err(|_| GrpcError::exhausted("calls"))?;
        let caller = self.caller(metadata)?;
        let span = tracing::Span::current();
        span.record("action", action.as_str()).record("caller", caller.principal.name.as_str());
        caller.may(action)?;
        Ok(Entered { caller, action, began: Instant::now(), _place: place })
    }

    /// Takes a place among the watches.
    pub(super) fn watch_place(&self) -> Result<OwnedSemaphorePermit, GrpcError> {
        Arc::clone(&self.watches).try_acquire_owned().map_err(|_| GrpcError::exhausted("watches"))
    }

    fn caller(&self, metadata: &MetadataMap) -> Result<Caller, GrpcError> {
        let text = |name: &str| metadata.get(name).and_then(|value| value.to_str().ok());
        match (text(KEY_ID), text(KEY_SECRET)) {
            (Some(id), Some(secret)) => self.keys.authenticate(id, secret).ok_or_else(GrpcError::wrong_key),
            _ => Err(GrpcError::no_key()),
        }
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
