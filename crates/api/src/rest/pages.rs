//! What machines and providers ask without a signature: `/livez`, `/readyz`, `/metrics`, and providers' callbacks.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::{HeaderMap, Response, StatusCode, header};
use service::ports::CallbackError;

use super::error::RestError;
use super::intake::take;
use super::reply::Reply;
use super::state::{CALLBACK_BODY_MAX, RestApi};

/// Says that the process answers.
pub(super) async fn livez() -> &'static str {
    "alive\n"
}

/// Says whether the node takes requests, or why not.
pub(super) async fn readyz(State(api): State<Arc<RestApi>>) -> Response<Body> {
    match (api.readiness)() {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response(),
    }
}

/// Shows the node's metrics.
pub(super) async fn metrics(State(api): State<Arc<RestApi>>) -> Response<Body> {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (api.metrics)()).into_response()
}

/// Takes a provider's callback: 202 when what it says is recorded; the provider repeats it otherwise.
pub(super) async fn callback(
    State(api): State<Arc<RestApi>>,
    Path(driver): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let request_id = api.service.new_request_id();
    let reply = recorded(&api, &driver, &headers, body).await.unwrap_or_else(|error| error.into_reply(request_id));
    let status = reply.status.as_u16().to_string();
    metrics::counter!("signalbox_rest_requests_total", "operation" => "ProviderCallback", "status" => status)
        .increment(1);
    reply.into_response(request_id)
}

async fn recorded(api: &RestApi, driver: &str, headers: &HeaderMap, body: Body) -> Result<Reply, RestError> {
    let Ok(_place) = api.requests.try_acquire() else {
        return Err(RestError::too_many_requests("Too many requests are under way.", 1));
    };
    let taken = take(api, headers, body, CALLBACK_BODY_MAX).await?;
    let commands = api.provider_events.parse(driver, &taken.bytes).map_err(refusal)?;
    let recording = api.service.record(commands);
    let Ok(result) = tokio::time::timeout(api.limits.request_timeout, recording).await else {
        return Err(RestError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerErrorException",
            "The events were not recorded in time; repeat the callback.",
        ));
    };
    result?;
    Ok(Reply::json(StatusCode::ACCEPTED, &serde_json::json!({ "Message": "Accepted" })))
}

fn refusal(error: CallbackError) -> RestError {
    match &error {
        CallbackError::UnknownDriver(_) => {
            RestError::new(StatusCode::NOT_FOUND, "NotFoundException", error.to_string())
        }
        CallbackError::Malformed { .. } => RestError::bad_request("", error.to_string()),
        CallbackError::Unavailable(_) => RestError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailableException",
            format!("{error}; repeat the callback."),
        ),
        CallbackError::NotAuthentic(_) => {
            RestError::new(StatusCode::FORBIDDEN, "ForbiddenException", error.to_string())
        }
    }
}
