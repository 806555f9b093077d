//! Reads request bodies within a bounded amount of memory. Looks at no content.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use crate::problem::Problem;
use crate::state::{BODIES_KIB_MAX, Shared};

/// The largest body: an email of 10 MiB in JSON, in Base64 or with every other character escaped.
pub(crate) const BODY_BYTES_MAX: usize = 32 << 20;

/// A whole body of at most 32 MiB, with the room that it takes up until it is dropped.
pub(crate) struct RoomyBody {
    pub(crate) bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl FromRequest<Arc<Shared>> for RoomyBody {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let declared = request.headers().get(CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse::<u64>().ok());
        let bytes_max = BODY_BYTES_MAX as u64;
        if declared.is_some_and(|len| len > bytes_max) {
            let error = format!("body: more than the {BODY_BYTES_MAX} bytes that are taken");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error));
        }
        // Without a declared length it could become as large as is allowed.
        let room_kib = u32::try_from(declared.unwrap_or(bytes_max) / 1024 + 1).unwrap_or(BODIES_KIB_MAX);
        let room = Arc::clone(&shared.body_room).acquire_many_owned(room_kib).await;
        let room = room.map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the sandbox is stopping"))?;
        let bytes = Bytes::from_request(request, shared).await?;
        Ok(Self { bytes, _room: room })
    }
}
