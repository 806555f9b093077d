//! What machines ask without a signature: `/livez`, `/readyz`, `/metrics`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{Response, StatusCode, header};

use super::state::RestApi;

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
