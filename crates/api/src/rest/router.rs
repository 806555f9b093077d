//! Which path leads where. Everything but a handful of paths is the Pinpoint API's.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::{get, post};
use http::Response;

use super::state::RestApi;
use super::{admission, callbacks, pages};

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
    admission::enter(api, request).await
}
