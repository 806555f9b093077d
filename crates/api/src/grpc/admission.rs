//! Admission: what every call passes before its message is read. The key comes first: of a call without a valid one,
//! nothing is decoded. Health and reflection are open to everybody.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use service::panics::may_unwind;
use tonic::Status;
use tower::Service as _;
use tracing::Instrument;
use tracing::field::Empty;

use super::counted::Counted;
use super::error::GrpcError;
use super::metadata::{KEY_ID, KEY_SECRET};
use super::state::GrpcApi;
use crate::connections::{Answers, Reserved};
use crate::keys::KnownKey;
use crate::quotas::{Payer, Share};

/// How long a call may take to begin answering; watches go on longer.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/";

/// What answers calls: their services, after admission.
pub(super) struct Admission {
    pub(super) api: Arc<GrpcApi>,
    pub(super) router: Router,
}

impl Answers for Admission {
    /// Admits a call, or refuses it before anything of its message was read. A panic in a call ends that call alone.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send + use<> {
        let span = tracing::info_span!("grpc_call", method = request.uri().path(), action = Empty, caller = Empty);
        let admitted = span.in_scope(|| admit(&self.api, request));
        let answering = admitted.map(|(request, share)| (self.router.clone().call(request), share));
        async {
            match answering {
                Ok((answering, _share)) => answered(may_unwind(answering)).await,
                Err(error) => Status::from(error).into_http(),
            }
        }
        .instrument(span)
    }
}

async fn answered(answering: impl Future<Output = Result<Response<Body>, Infallible>>) -> Response<Body> {
    match tokio::time::timeout(CALL_TIMEOUT, answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => Status::from(GrpcError::too_late(CALL_TIMEOUT)).into_http(),
    }
}

/// Finds out whether a call may come in. Its bytes are counted from then on, until the share is dropped.
fn admit(api: &GrpcApi, mut request: Request<Incoming>) -> Result<(Request<Body>, Arc<Share>), GrpcError> {
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
fn identify(api: &GrpcApi, request: &mut Request<Incoming>) -> Result<Payer, GrpcError> {
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
