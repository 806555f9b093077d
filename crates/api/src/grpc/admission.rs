//! Admission: what every call passes before its message is read. The key comes first: of a call without a valid one,
//! nothing is decoded. Health and reflection are open to everybody.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use http::{HeaderMap, Response};
use service::panics::may_unwind;
use tonic::Status;
use tracing::Instrument;
use tracing::field::Empty;

use super::counted::Counted;
use super::error::GrpcError;
use super::metadata::{KEY_ID, KEY_SECRET};
use super::state::GrpcApi;
use crate::connections::Reserved;
use crate::keys::KnownKey;
use crate::quotas::{Payer, Share};

/// How long a call may take to begin answering; watches go on longer.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/";

/// Answers one call: admits it, or refuses it before anything of its message was read.
pub(super) async fn pass(State(api): State<Arc<GrpcApi>>, request: Request, next: Next) -> Response<Body> {
    let span = tracing::info_span!("grpc_call", method = request.uri().path(), action = Empty, caller = Empty);
    let admitted = span.in_scope(|| admit(&api, request));
    match admitted {
        Ok((request, _share)) => answer(request, next).instrument(span).await,
        Err(error) => span.in_scope(|| Status::from(error).into_http()),
    }
}

/// A panic in a call ends that call alone.
async fn answer(request: Request, next: Next) -> Response<Body> {
    let answering = may_unwind(next.run(request));
    tokio::time::timeout(CALL_TIMEOUT, answering)
        .await
        .unwrap_or_else(|_| Status::from(GrpcError::too_late(CALL_TIMEOUT)).into_http())
}

/// Finds out whether a call may come in. Its bytes are counted from then on, until the share is dropped.
fn admit(api: &GrpcApi, mut request: Request) -> Result<(Request, Arc<Share>), GrpcError> {
    let path = request.uri().path();
    let (health, reflection) = (path.starts_with(HEALTH), path.starts_with(REFLECTION));
    if request.extensions().get::<Reserved>().is_some() && !health {
        return Err(GrpcError::exhausted("connections"));
    }
    let payer = if health || reflection { Payer::Anonymous } else { identify(api, &mut request)? };
    let share = Arc::new(api.quotas.share(payer));
    let request = request.map(|body| Body::new(Counted::new(body, Arc::clone(&share))));
    Ok((request, share))
}

/// Puts the caller where its service finds it, and counts the call in the key's rate.
fn identify(api: &GrpcApi, request: &mut Request) -> Result<Payer, GrpcError> {
    let now = api.service.clock().boot_time();
    let known = known_key(api, request.headers()).inspect_err(|_| api.denials.tell(now))?;
    tracing::Span::current().record("caller", known.key.principal.name.as_str());
    api.quotas.request(&known, now).map_err(GrpcError::too_fast)?;
    request.extensions_mut().insert(Arc::new(known.key.caller()));
    Ok(Payer::key(&known))
}

/// Finds out who calls. Refused with UNAUTHENTICATED without a valid key.
fn known_key(api: &GrpcApi, headers: &HeaderMap) -> Result<Arc<KnownKey>, GrpcError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(KEY_ID), text(KEY_SECRET)) {
        (Some(id), Some(secret)) => api.keys.authenticate(id, secret).ok_or_else(GrpcError::wrong_key),
        _ => Err(GrpcError::no_key()),
    }
}
