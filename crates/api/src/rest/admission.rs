//! Admission: what every request of the Pinpoint API passes before and after its operation.
//!
//! In this order: the signature's claim, the body, the signature, the key's rate, a place among the requests under way,
//! the operation's name, permission, the operation. Nothing is kept of a body before its sender's key, scope and time
//! are right, and nobody takes a place before the signature is.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use model::id::RequestId;
use tokio::sync::SemaphorePermit;
use tracing::Instrument;
use tracing::field::Empty;

use super::call::Call;
use super::carry_out::carry_out;
use super::error::RestError;
use super::intake::{Allowance, discard, take};
use super::operations::{Found, find};
use super::query_error::{is_query, query_reply};
use super::reply::{JSON, Reply};
use super::signature::{Claim, Denial, body_hash, known_key, verify};
use super::state::RestApi;
use crate::keys::KnownKey;
use crate::limits::BODY_MAX;
use crate::quotas::Payer;
use crate::requests::scoped_request_id;

/// Answers one request of the Pinpoint API.
pub(super) async fn enter(api: Arc<RestApi>, request: Request<Body>) -> Response<Body> {
    let request_id = api.service.new_request_id();
    if request.method() == Method::OPTIONS {
        return preflight(&request, request_id);
    }
    let began = Instant::now();
    let operation = find(request.method().as_str(), request.uri().path());
    let name = operation_name(&operation);
    let span =
        tracing::info_span!("rest_request", operation = name, request_id = %request_id, app = Empty, status = Empty);
    let of_query = is_query(request.headers());
    let answer = checked(&api, request, operation, request_id).instrument(span.clone()).await;
    let reply = answer.unwrap_or_else(|error| match of_query {
        true => query_reply(error, request_id),
        false => error.into_reply(request_id),
    });
    record(name, reply.status, began);
    span.record("status", reply.status.as_u16());
    span.in_scope(|| match reply.status.is_server_error() {
        true => tracing::warn!(error = reply.error, "request failed"),
        false => tracing::debug!(error = reply.error, "request answered"),
    });
    reply.into_response(request_id)
}

async fn checked(
    api: &RestApi,
    request: Request<Body>,
    operation: Found,
    request_id: RequestId,
) -> Result<Reply, RestError> {
    let (parts, body) = request.into_parts();
    let now = api.service.clock().wall_time();
    let known =
        Claim::of(&parts).and_then(|claim| known_key(&claim, &api.keys, &api.scope, now).map(|known| (claim, known)));
    let (claim, known) = match known {
        Ok(known) => known,
        Err(denial) => {
            discard(&parts.headers, body).await;
            return Err(denied(api, denial));
        }
    };
    let allowance = Allowance { payer: Payer::key(&known), limit: BODY_MAX, time: api.limits.body_timeout };
    let taken = take(api, &parts.headers, body, allowance).await?;
    let hash = body_hash(&taken.bytes);
    verify(&parts, &hash, &claim, &known.key).map_err(|denial| denied(api, denial))?;
    let _place = admit(api, &known)?;
    let (name, values) = named(&parts, operation)?;
    let call = Call {
        api,
        caller: known.key.caller(),
        request_id,
        retry_id: retry_id(&parts, &claim.key_id, &hash),
        values,
        body: taken.bytes.clone(),
    };
    if let Ok(app) = call.app() {
        tracing::Span::current().record("app", tracing::field::display(app));
    }
    tokio::time::timeout(api.limits.request_timeout, carry_out(&call, name))
        .await
        .unwrap_or_else(|_| Err(too_long(api.limits.request_timeout.as_secs())))
}

/// Counts a request in its key's rate, and takes a place among the requests that are carried out.
fn admit<'a>(api: &'a RestApi, known: &KnownKey) -> Result<SemaphorePermit<'a>, RestError> {
    let counted = api.quotas.request(known, api.service.clock().boot_time());
    counted.map_err(|after| {
        let seconds = after.as_millis().div_ceil(1_000).max(1);
        let text = "This key makes more requests a second than it may (limits.requests_per_second).";
        RestError::too_many_requests(text, u64::try_from(seconds).unwrap_or(u64::MAX))
    })?;
    api.requests.try_acquire().map_err(|_| RestError::too_many_requests("Too many requests are under way.", 1))
}

fn denied(api: &RestApi, denial: Denial) -> RestError {
    api.denials.tell(api.service.clock().boot_time());
    denial.into()
}

/// Returns the name of an operation and the values of its path.
fn named(parts: &Parts, operation: Found) -> Result<(&'static str, Vec<String>), RestError> {
    match operation {
        Found::Operation { name, values } => Ok((name, values)),
        Found::WrongMethod(methods) => Err(RestError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowedException",
            format!("{} is not allowed on this path; allowed: {}.", parts.method, methods.join(", ")),
        )),
        Found::NotText => Err(RestError::bad_request("", "the path isn't UTF-8 after percent-decoding.")),
        Found::Nothing => Err(RestError::new(
            StatusCode::NOT_FOUND,
            "NotFoundException",
            "No operation of Amazon Pinpoint has this path.",
        )),
    }
}

/// Makes the id under which a repetition of a request is known. SDKs send the same `amz-sdk-invocation-id` with each of
/// their retries; key, path and body are part of it, so that a client that never changes the header is not answered
/// with the answer to something else.
fn retry_id(parts: &Parts, key_id: &str, body_hash: &[u8; 32]) -> Option<RequestId> {
    let invocation = parts.headers.get("amz-sdk-invocation-id")?;
    let path = parts.uri.path().as_bytes();
    Some(scoped_request_id(&[key_id.as_bytes(), path, invocation.as_bytes(), body_hash]))
}

/// Answers a browser that asks whether it may call. Nothing is signed then.
fn preflight(request: &Request<Body>, request_id: RequestId) -> Response<Body> {
    let (status, body) = (StatusCode::NO_CONTENT, Bytes::new());
    let reply = Reply { status, body, content_type: JSON, error: None, retry_after: None };
    let mut response = reply.into_response(request_id);
    let wanted = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        wanted.unwrap_or(HeaderValue::from_static("authorization,content-type,x-amz-date,x-amz-security-token")),
    );
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,POST,PUT,DELETE"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    headers.insert(header::VARY, HeaderValue::from_static("access-control-request-headers"));
    response
}

fn too_long(seconds: u64) -> RestError {
    RestError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalServerErrorException",
        format!("The request took longer than {seconds} s; it may or may not have been carried out."),
    )
}

fn operation_name(operation: &Found) -> &'static str {
    match operation {
        Found::Operation { name, .. } => name,
        _ => "none",
    }
}

fn record(operation: &'static str, status: StatusCode, began: Instant) {
    let status = status.as_u16().to_string();
    metrics::counter!("signalbox_rest_requests_total", "operation" => operation, "status" => status).increment(1);
    metrics::histogram!("signalbox_rest_request_seconds", "operation" => operation).record(began.elapsed());
}
