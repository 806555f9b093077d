//! Taking a request's body: bounded by itself, by the sum of all bodies under way, and in time.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, StatusCode, header};
use tokio::sync::SemaphorePermit;

use super::error::RestError;
use super::state::{BODY_UNIT, RestApi};

/// How much of a refused body is read and thrown away, in bytes. Clients that write their whole body before they read
/// would see a broken connection instead of the answer.
const DISCARDED_MAX: usize = 32 * 1024 * 1024;

/// A body with its part of the sum that is allowed.
#[derive(Debug)]
pub(super) struct Taken<'d> {
    pub(super) bytes: Bytes,
    _share: SemaphorePermit<'d>,
}

/// Reads a body of at most `limit` bytes. Refused with 413 when it is larger, with 429 when the bodies under way leave
/// no room, with 408 when it comes too slowly, with 400 when the connection breaks.
pub(super) async fn take<'d>(
    api: &'d RestApi,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Taken<'d>, RestError> {
    let reading = async {
        let announced = announced(headers).unwrap_or(limit);
        if announced > limit {
            discard(body).await;
            return Err(RestError::too_large(limit));
        }
        let units = u32::try_from(announced.div_ceil(BODY_UNIT)).unwrap_or(u32::MAX);
        let Ok(share) = api.bodies.try_acquire_many(units) else {
            discard(body).await;
            return Err(RestError::too_many_requests("Too many bytes of requests are under way.", 1));
        };
        let bytes = read(body, limit).await?;
        Ok(Taken { bytes, _share: share })
    };
    tokio::time::timeout(api.limits.body_timeout, reading).await.unwrap_or_else(|_| {
        let text = format!("The body of the request took longer than {} s.", api.limits.body_timeout.as_secs());
        Err(RestError::new(StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", text))
    })
}

/// Reads what is left of a body that nobody wants, as far as that is reasonable.
pub(super) async fn discard(body: Body) {
    let mut read = 0;
    let mut chunks = body.into_data_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        read += chunk.len();
        if read > DISCARDED_MAX {
            return;
        }
    }
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn read(body: Body, limit: usize) -> Result<Bytes, RestError> {
    let mut chunks = body.into_data_stream();
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| RestError::bad_request("", format!("the body broke off: {error}.")))?;
        if first.len() + all.len() + chunk.len() > limit {
            discard(Body::from_stream(chunks)).await;
            return Err(RestError::too_large(limit));
        }
        if first.is_empty() && all.is_empty() {
            first = chunk;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&chunk);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}
