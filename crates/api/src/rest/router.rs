//! Which path leads where. Everything but a handful of paths is the Pinpoint API's.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::{get, post};
use http::Response;

use super::door::Door;
use super::{gate, pages};

/// Builds the service of a door.
pub fn router(door: Arc<Door>) -> Router {
    Router::new()
        .route("/livez", get(pages::livez))
        .route("/readyz", get(pages::readyz))
        .route("/metrics", get(pages::metrics))
        .route("/_provider/{driver}", post(pages::callback))
        .fallback(pinpoint)
        .with_state(door)
}

async fn pinpoint(State(door): State<Arc<Door>>, request: Request) -> Response<Body> {
    gate::enter(door, request).await
}
