//! What drivers that speak HTTP share: the client, bounded answers, and what a failed request means for the message.

mod guarded_body;

use std::error::Error;
use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Request, Response};

use crate::driver::{DriverResult, Fault, Withdrawn};

pub(super) use guarded_body::GuardedBody;

/// How long idle connections to a provider are kept.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// The longest id of the other side that is kept, in bytes.
const MESSAGE_ID_MAX: usize = 256;

/// Says that a client can't be made.
#[derive(Debug, thiserror::Error)]
#[error("make an HTTP client")]
pub struct HttpError(#[from] reqwest::Error);

/// An answer, read to its end or to its limit.
pub(super) struct Answer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// What the other side calls the message, when it says so in `X-Message-Id` and in 1 to [`MESSAGE_ID_MAX`] bytes.
    pub message_id: Option<String>,
    pub body: Vec<u8>,
}

/// What happened to a request that got no whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// Nothing was written.
    Before(&'static str),
    /// It may have been written.
    After(&'static str),
    /// It can't be written at all.
    Never(&'static str),
    /// It may not begin: nothing of its body was written, and its connection is closed.
    Withdrawn,
}

/// Begins a client: no redirects (a message goes to whom it is addressed, once), no proxies of the environment (what is
/// called is what was checked), connecting and answering bounded.
/// Connecting has less time than the whole, so that a connection that was never made is told from a lost answer. Only
/// HTTP/1: its connections take one request at a time, so that a body which is asked for is written at once.
pub(crate) fn client(connect: Duration, whole: Duration) -> ClientBuilder {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Lost only to another caller that installs one at the same time, which is as good.
        let _installed = rustls::crypto::ring::default_provider().install_default();
    }
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .http1_only()
        .connect_timeout(connect.min(whole))
        .timeout(whole)
        .pool_idle_timeout(IDLE_MAX)
        .tcp_nodelay(true)
        .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
}

/// Sends a request and reads at most `body_max` bytes of the answer; longer ones are cut.
pub(super) async fn exchange(client: &Client, request: Request, body_max: usize) -> Result<Answer, Lost> {
    exchange_or(client, request, body_max, |_| None).await
}

/// Sends a request as [`exchange`] does; `known` says first what an error of its own client means.
pub(super) async fn exchange_or(
    client: &Client,
    request: Request,
    body_max: usize,
    known: impl FnOnce(&reqwest::Error) -> Option<Lost>,
) -> Result<Answer, Lost> {
    let executed = client.execute(request).await;
    let mut response = executed.map_err(|error| known(&error).unwrap_or_else(|| lost(&error)))?;
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers(), SystemTime::now());
    let message_id = message_id(response.headers());
    let body = read(&mut response, body_max).await?;
    Ok(Answer { status, retry_after, message_id, body })
}

async fn read(response: &mut Response, body_max: usize) -> Result<Vec<u8>, Lost> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_error| Lost::After("the answer was cut off"))? {
        let room = body_max - body.len();
        body.extend_from_slice(&chunk[..room.min(chunk.len())]);
        if body.len() == body_max {
            break;
        }
    }
    Ok(body)
}

fn lost(error: &reqwest::Error) -> Lost {
    if cause::<Withdrawn>(error).is_some() {
        Lost::Withdrawn
    } else if error.is_builder() {
        Lost::Never("the request can't be built")
    } else if error.is_connect() {
        Lost::Before("no connection")
    } else if error.is_timeout() {
        Lost::After("no answer in time")
    } else {
        Lost::After("the connection was lost")
    }
}

/// Finds a cause of a failed request by its type.
pub(super) fn cause<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    causes.filter_map(<dyn Error>::downcast_ref).next()
}

/// Reads `Retry-After` (RFC 9110, 10.2.3): seconds, or a date. A date is taken from that of the answer, so that only
/// the other side's clock counts, or from when the answer came, if it has none; one that has passed means now.
fn retry_after(headers: &HeaderMap, received: SystemTime) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than fit are more than anybody waits.
        return Some(Duration::from_secs(asked.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(asked).ok()?;
    let answered = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(received);
    Some(date.duration_since(answered).unwrap_or_default())
}

fn message_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-message-id")?.to_str().ok()?;
    (1..=MESSAGE_ID_MAX).contains(&id.len()).then(|| id.to_owned())
}

impl Lost {
    /// Returns what it means for the message.
    pub(super) fn result(self) -> DriverResult {
        match self {
            Lost::Before(detail) => DriverResult::Temporary { detail: detail.to_owned() },
            Lost::After(detail) => DriverResult::Unknown { retry_after: None, detail: detail.to_owned() },
            Lost::Never(detail) => DriverResult::Permanent { fault: Fault::Sender, detail: detail.to_owned() },
            Lost::Withdrawn => DriverResult::NotBegun,
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    const RECEIVED: &str = "Sun, 06 Nov 1994 08:40:37 GMT";

    fn asked(retry_after: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(retry_after).unwrap());
        headers.extend(date.map(|date| (DATE, HeaderValue::from_str(date).unwrap())));
        let received = httpdate::parse_http_date(RECEIVED).unwrap();
        super::retry_after(&headers, received).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_asked_for_in_seconds_or_until_a_date() {
        let date = Some("Sun, 06 Nov 1994 08:49:07 GMT");
        for (retry_after, seconds) in [
            ("9", 9),
            (" 120 ", 120),
            ("99999999999999999999999", u64::MAX),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 30),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 30),
            ("Sun Nov  6 08:49:37 1994", 30),
            ("Sun, 06 Nov 1994 07:00:00 GMT", 0),
        ] {
            assert_eq!(asked(retry_after, date), Some(seconds), "{retry_after}");
        }
        for date in [None, Some("soon")] {
            assert_eq!(asked("Sun, 06 Nov 1994 08:41:37 GMT", date), Some(60), "{date:?}");
        }
    }

    #[test]
    fn what_is_no_wait_counts_as_not_given() {
        for bad in ["", "-1", "1.5", "soon", "1994-11-06T08:49:37Z", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(asked(bad, None), None, "{bad:?}");
        }
    }
}
