//! Taking a request's body: counted as it arrives, and bounded in size and time.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use http::{HeaderMap, StatusCode, header};

use super::error::RestError;
use super::state::RestApi;
use crate::quotas::{Payer, Share};

/// How long a body may pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How much of a refused body is read and thrown away, in bytes, and for how long. Clients that write their whole body
/// before they read would see a broken connection instead of the answer.
const DISCARDED_MAX: usize = 16 * 1024 * 1024;
const DISCARDING_MAX: Duration = Duration::from_secs(5);

/// How large and how slow a body may be, and in whose budget it is counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    pub(super) payer: Payer,
    /// The largest body, in bytes.
    pub(super) limit: usize,
    /// How long all of it may take.
    pub(super) time: Duration,
}

/// A body with its part of a budget.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) bytes: Bytes,
    _share: Share,
}

/// Reads a body. Refused with 413 when it is larger than allowed, with 429 when its payer has too many bytes under way,
/// with 408 when it comes too slowly, with 400 when the connection breaks. What is announced only refuses: nothing is
/// set aside for it.
pub(super) async fn take(
    api: &RestApi,
    headers: &HeaderMap,
    body: Body,
    allowance: Allowance,
) -> Result<Taken, RestError> {
    let mut chunks = body.into_data_stream();
    let share = api.quotas.share(allowance.payer);
    let reading = async {
        if announced(headers).is_some_and(|length| length > allowance.limit) {
            return Err(RestError::too_large(allowance.limit));
        }
        read(&mut chunks, allowance.limit, &share).await
    };
    let read = tokio::time::timeout(allowance.time, reading).await;
    match read.unwrap_or_else(|_| Err(too_slow(allowance.time))) {
        Ok(bytes) => Ok(Taken { bytes, _share: share }),
        Err(error) => {
            drop(share);
            if matches!(error.status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS) {
                discard(headers, Body::from_stream(chunks)).await;
            }
            Err(error)
        }
    }
}

/// Reads what is left of a body that nobody wants, as far as that is reasonable. A client that asked whether to send it
/// (`Expect: 100-continue`) hasn't begun.
pub(super) async fn discard(headers: &HeaderMap, body: Body) {
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let discarding = async {
        let mut read = 0;
        let mut chunks = body.into_data_stream();
        while let Some(Ok(chunk)) = chunks.next().await {
            read += chunk.len();
            if read > DISCARDED_MAX {
                return;
            }
        }
    };
    // Whoever takes longer finds the connection closed.
    let _ = tokio::time::timeout(DISCARDING_MAX, discarding).await;
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn read(
    chunks: &mut (impl Stream<Item = Result<Bytes, axum::Error>> + Unpin),
    limit: usize,
    share: &Share,
) -> Result<Bytes, RestError> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(chunk) = tokio::time::timeout(PAUSE_MAX, chunks.next()).await.map_err(|_| too_slow(PAUSE_MAX))? {
        let chunk = chunk.map_err(|error| RestError::bad_request("", format!("the body broke off: {error}.")))?;
        if first.len() + all.len() + chunk.len() > limit {
            return Err(RestError::too_large(limit));
        }
        share.take(chunk.len()).map_err(|_| {
            RestError::too_many_requests("Too many bytes of requests are under way, of this key or of all.", 1)
        })?;
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

fn too_slow(limit: Duration) -> RestError {
    let text = format!("The body of the request, or a part of it, took longer than {} s.", limit.as_secs());
    RestError::new(StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", text)
}
