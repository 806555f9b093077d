//! The HTTP client that calls callbacks back, signed. The only room that opens connections; keeps no events.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::Instant;

use crate::callback::{CALLBACKS_MAX, CallbackUrl};
use crate::clock::Clock;
use crate::signature::SigningSecret;

/// How long connecting may take: a listener is near, or gone.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// How long a callback may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read; what it says doesn't matter, reading it lets the connection be used again.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How long a callback that failed is tried after all others.
const REST: Duration = Duration::from_secs(2);

/// Posts to callbacks and remembers which of them failed a moment ago.
pub(crate) struct Poster {
    client: Client<HttpConnector, Body>,
    secret: SigningSecret,
    clock: Arc<dyn Clock>,
    /// Ids differ between runs: the first part is the start.
    started_ms: u64,
    next_id: AtomicU64,
    resting: Mutex<HashMap<CallbackUrl, Instant>>,
}

/// Says why a callback didn't take what it was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostError {
    /// It answered with another status than success.
    #[error("post: it answered {0}")]
    Refused(StatusCode),
    /// It gave no answer in time.
    #[error("post: no answer in {ANSWER_MAX:?}")]
    Late,
    /// It can't be reached, or broke off.
    #[error("post: {0}")]
    Unreachable(String),
}

impl std::fmt::Debug for Poster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Poster").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Poster {
    pub(crate) fn new(secret: SigningSecret, clock: Arc<dyn Clock>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_MAX));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let started_ms = clock.now_ms();
        Self { client, secret, clock, started_ms, next_id: AtomicU64::new(1), resting: Mutex::new(HashMap::new()) }
    }

    #[cfg(test)]
    pub(crate) fn of_tests() -> Self {
        let secret = SigningSecret::parse(crate::config::DEVELOPMENT_SECRET).expect("it is one");
        Self::new(secret, Arc::new(crate::clock::SystemClock))
    }

    /// Names what is posted; a callback that it is posted to again knows it by that.
    pub(crate) fn next_id(&self) -> String {
        format!("sbx-{:x}-{:x}", self.started_ms, self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Posts a body under an id of [`Poster::next_id`]. Tries each callback once, in order, those that failed a moment ago last, until one takes the body. When none
    /// does, returns each with its reason, in the order tried.
    pub(crate) async fn post_to_first(
        &self,
        callbacks: &[CallbackUrl],
        id: &str,
        body: &Bytes,
    ) -> Result<(), Vec<(CallbackUrl, PostError)>> {
        let mut reasons = Vec::new();
        for callback in self.by_readiness(callbacks, Instant::now()) {
            match self.post(&callback, id, body.clone()).await {
                Ok(()) => {
                    self.resting().remove(&callback);
                    return Ok(());
                }
                Err(reason) => {
                    self.rest(&callback, Instant::now());
                    reasons.push((callback, reason));
                }
            }
        }
        Err(reasons)
    }

    async fn post(&self, callback: &CallbackUrl, id: &str, body: Bytes) -> Result<(), PostError> {
        let exchange = async {
            let timestamp_s = self.clock.now_ms() / 1_000;
            let request = Request::post(callback.target())
                .header(CONTENT_TYPE, "application/json")
                .header("webhook-id", id)
                .header("webhook-timestamp", timestamp_s)
                .header("webhook-signature", self.secret.sign(id, timestamp_s, &body))
                .body(Body::from(body))
                .map_err(|error| PostError::Unreachable(error.to_string()))?;
            let answer = self.client.request(request).await;
            let answer = answer.map_err(|error| PostError::Unreachable(root_cause(&error)))?;
            let status = answer.status();
            // A body that breaks off or is too long costs the connection; the status was said all the same.
            let _read = axum::body::to_bytes(Body::new(answer.into_body()), ANSWER_BYTES_MAX).await;
            if status.is_success() { Ok(()) } else { Err(PostError::Refused(status)) }
        };
        tokio::time::timeout(ANSWER_MAX, exchange).await.unwrap_or(Err(PostError::Late))
    }

    fn by_readiness(&self, callbacks: &[CallbackUrl], now: Instant) -> Vec<CallbackUrl> {
        let mut resting = self.resting();
        resting.retain(|_, until| *until > now);
        let (later, first): (Vec<_>, Vec<_>) =
            callbacks.iter().cloned().partition(|callback| resting.contains_key(callback));
        first.into_iter().chain(later).collect()
    }

    fn rest(&self, callback: &CallbackUrl, now: Instant) {
        let mut resting = self.resting();
        if resting.len() < CALLBACKS_MAX {
            resting.insert(callback.clone(), now + REST);
        }
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, HashMap<CallbackUrl, Instant>> {
        // Each change is a single insert or remove, so the map is whole even if a holder panicked.
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The innermost reason: the client's own message ("client error (Connect)") names none.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_that_failed_is_tried_last_for_a_while() {
        let poster = Poster::of_tests();
        let callbacks: Vec<_> = ["http://a", "http://b"].map(|url| CallbackUrl::parse(url).unwrap()).into();
        let order = |now| poster.by_readiness(&callbacks, now).iter().map(ToString::to_string).collect::<Vec<_>>();
        let start = Instant::now();
        assert_eq!(order(start), ["http://a", "http://b"]);
        poster.rest(&callbacks[0], start);
        assert_eq!(order(start + REST / 2), ["http://b", "http://a"]);
        assert_eq!(order(start + REST), ["http://a", "http://b"]);
    }
}
