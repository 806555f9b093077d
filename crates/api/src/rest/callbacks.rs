//! Providers' callbacks.
//!
//! In flow requests that a provider signed; out flow commands to the groups, and an acknowledgement when all of a
//! callback is recorded. What must always hold:
//! - a path exists only for a driver that takes callbacks here, and nothing of a body is understood before its
//!   signature was checked (`ProviderEvents` does both);
//! - callbacks take nothing from the places of other requests: they have their own ([`super::callback_room`]), and
//!   their bytes are counted with those of all who name no key;
//! - they are taken up in the order in which they were read, a chunk at a time, at most [`WORK_MAX`] at once in the
//!   node, so that what a callback causes never fills the logs, however much it is in all;
//! - 2xx means recorded. Everything else may be repeated, which does no harm.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use http::{HeaderMap, Response, StatusCode};
use model::command::Proposal;
use model::id::GroupId;
use service::ports::{CallbackError, CallbackHead};
use service::use_cases::recording::{chunks, work};

use super::callback_room::WORK_MAX;
use super::error::RestError;
use super::intake::{Allowance, take};
use super::reply::Reply;
use super::state::RestApi;
use crate::quotas::Payer;

/// The largest body of a callback, in bytes: twice what the largest batch of the sandbox needs.
pub(super) const CALLBACK_BODY_MAX: usize = 256 * 1024;
/// How long the body of a callback may take to come.
const READING_TIMEOUT: Duration = Duration::from_secs(5);
/// When a callback that found no place should come again, in seconds.
const RETRY_AFTER_S: u64 = 1;

/// Takes a provider's callback: 202 when what it says is recorded; the provider repeats it otherwise.
pub(super) async fn callback(
    State(api): State<Arc<RestApi>>,
    Path(driver): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let request_id = api.service.new_request_id();
    let reply = taken(&api, &driver, &headers, body).await.unwrap_or_else(|error| error.into_reply(request_id));
    let status = reply.status.as_u16().to_string();
    metrics::counter!("signalbox_rest_requests_total", "operation" => "ProviderCallback", "status" => status)
        .increment(1);
    reply.into_response(request_id)
}

async fn taken(api: &RestApi, driver: &str, headers: &HeaderMap, body: Body) -> Result<Reply, RestError> {
    admit(api, driver, headers)?;
    let (commands, _place) = {
        let Ok(_reading) = api.callbacks.reading.try_acquire() else { return Err(full()) };
        let allowance = Allowance { payer: Payer::Anonymous, limit: CALLBACK_BODY_MAX, time: READING_TIMEOUT };
        let taken = take(api, headers, body, allowance).await?;
        let Ok(place) = api.callbacks.recording.try_acquire() else { return Err(full()) };
        (parse(api, driver, headers, &taken.bytes)?, place)
    };
    let recording = tokio::time::timeout(api.limits.request_timeout, record(api, commands));
    recording.await.unwrap_or_else(|_| Err(later("The callback was not recorded in time; repeat it.")))?;
    Ok(Reply::json(StatusCode::ACCEPTED, &serde_json::json!({ "Message": "Accepted" })))
}

/// Records commands a chunk at a time. The order among chunks is that of the callback; whoever waits for room is served
/// between them.
async fn record(api: &RestApi, commands: Vec<(GroupId, Proposal)>) -> Result<(), RestError> {
    for chunk in chunks(commands) {
        let units: usize = chunk.iter().map(|(_, proposal)| work(&proposal.command)).sum();
        let units = u32::try_from(units.min(WORK_MAX)).unwrap_or(u32::MAX);
        let _room = api.callbacks.work.acquire_many(units).await.map_err(|_closed| full())?;
        api.service.record(chunk).await.map_err(|error| {
            tracing::debug!(%error, "callback not recorded");
            later("The callback was not recorded; repeat it.")
        })?;
    }
    Ok(())
}

fn admit(api: &RestApi, driver: &str, headers: &HeaderMap) -> Result<(), RestError> {
    with_head(api, headers, |head| api.provider_events.admit(driver, head)).map_err(refusal)
}

fn parse(api: &RestApi, driver: &str, headers: &HeaderMap, body: &[u8]) -> Result<Vec<(GroupId, Proposal)>, RestError> {
    with_head(api, headers, |head| api.provider_events.parse(driver, head, body)).map_err(refusal)
}

fn with_head<T>(api: &RestApi, headers: &HeaderMap, ask: impl FnOnce(&CallbackHead<'_>) -> T) -> T {
    let header = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() { None } else { first.to_str().ok() }
    };
    ask(&CallbackHead { header: &header, received: api.service.clock().wall_time() })
}

fn full() -> RestError {
    later("Too many callbacks are under way; repeat this one.")
}

fn later(text: &str) -> RestError {
    let error = RestError::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableException", text);
    RestError { retry_after: Some(RETRY_AFTER_S), ..error }
}

/// Whoever isn't authentic learns nothing but that.
fn refusal(error: CallbackError) -> RestError {
    match &error {
        CallbackError::UnknownDriver(_) => {
            RestError::new(StatusCode::NOT_FOUND, "NotFoundException", "No provider calls back at this path.")
        }
        CallbackError::Malformed { .. } => RestError::bad_request("", error.to_string()),
        CallbackError::Unavailable(_) => later(&format!("{error}; repeat it.")),
        CallbackError::NotAuthentic(reason) => {
            tracing::debug!(reason, "callback not authentic");
            RestError::new(StatusCode::UNAUTHORIZED, "UnauthorizedException", "Unauthorized")
        }
    }
}
