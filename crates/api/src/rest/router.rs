//! Which path leads where. Everything but a handful of paths is the Pinpoint API's.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::{get, post};
use http::{HeaderValue, Response, header};

use super::error::RestError;
use super::state::RestApi;
use super::{admission, callbacks, pages};
use crate::connections::Reserved;

/// Builds the service of a listener.
pub fn router(api: Arc<RestApi>) -> Router {
    Router::new()
        .route("/livez", get(pages::livez))
        .route("/readyz", get(pages::readyz))
        .route("/metrics", get(pages::metrics))
        .route("/_provider/{driver}", post(callbacks::callback))
        .fallback(pinpoint)
        .with_state(api)
}

async fn pinpoint(State(api): State<Arc<RestApi>>, request: Request) -> Response<Body> {
    match request.extensions().get::<Reserved>() {
        None => admission::enter(api, request).await,
        Some(_) => full(&api),
    }
}

/// Answers on a connection of the reserve, which is for health and metrics; the connection is of no more use.
fn full(api: &RestApi) -> Response<Body> {
    let request_id = api.service.new_request_id();
    let error = RestError::too_many_requests("Too many connections are open.", 1);
    let mut response = error.into_reply(request_id).into_response(request_id);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
