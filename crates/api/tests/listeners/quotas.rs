//! What one caller uses up is its own: bytes in memory are counted as they arrive, requests a second by key, and
//! nothing of a caller without a key is decoded.

use std::sync::Arc;

use api::rest::BODY_MAX;
use api::{QuotaLimits, Rate};
use bytes::Bytes;
use futures::StreamExt;
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tower::{Service, ServiceExt};
use wire::v1;

use crate::grpc::Grpc;
use crate::rest::Rest;
use crate::sockets::{PATIENCE, Served, answer, served_by};
use crate::support::{KEY_ID, READER_ID, SECRET};

const CREATE: &str = r#"{"Name":"n"}"#;
const GHOST: &str = "/v1/apps/99999999999999999999999999999999";
const SEND: &str = "/signalbox.v1.Messages/Send";
/// The least that a node can be given: room for one key's part and for those without a key.
const LITTLE: QuotaLimits = QuotaLimits { bytes: 0, rate: Rate { per_second: 1_000, burst: 1_000 } };
const SLOW: QuotaLimits = QuotaLimits { bytes: 0, rate: Rate { per_second: 1, burst: 2 } };

/// Sends `head` and `sent` bytes of a body on as many connections.
async fn hold(served: &Served, count: usize, head: &[u8], sent: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(head).await.unwrap();
        stream.write_all(&vec![b'x'; sent]).await.unwrap();
        held.push(stream);
    }
    held
}

#[tokio::test]
async fn what_is_announced_and_not_sent_takes_no_room() {
    let served = served_by(Rest::with_quotas(LITTLE).await).await;
    let head = served.rest.head("POST", "/v1/apps", CREATE, BODY_MAX);
    let _held = hold(&served, 260, &head, 1).await;
    // It is accepted after all of them.
    let own = served.rest.head("POST", "/v1/apps", CREATE, CREATE.len());
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(&[&own, CREATE.as_bytes()].concat()).await.unwrap();
    stream.shutdown().await.unwrap();
    let created = answer(&mut stream).await;
    assert!(created.starts_with("HTTP/1.1 201"), "{created}");
}

#[tokio::test]
async fn callers_without_a_key_share_a_little_room() {
    let served = served_by(Rest::with_quotas(LITTLE).await).await;
    let size = 256 * 1024;
    let signed = "webhook-id: i\r\nwebhook-signature: good";
    let head = format!("POST /_provider/test HTTP/1.1\r\nhost: a\r\n{signed}\r\ncontent-length: {size}\r\n\r\n");
    // All but a few bytes of the 8 MiB.
    let _held = hold(&served, 32, head.as_bytes(), size - 1).await;
    let refused = async {
        while served.rest.callback("no message id".repeat(100)).await.error().0 != 429 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    let body = "x".repeat(BODY_MAX);
    let own = served.rest.answer(served.rest.signed("POST", "/v1/apps", &body)).await;
    assert_eq!(own.error(), (400, "BadRequestException"));
}

#[tokio::test]
async fn a_key_that_is_over_its_rate_is_told_when_to_come_back() {
    let rest = Rest::with_quotas(SLOW).await;
    for _ in 0..2 {
        assert_eq!(rest.answer(rest.signed("GET", GHOST, "")).await.error().0, 404);
    }
    let refused = rest.answer(rest.signed("GET", GHOST, "")).await;
    assert_eq!(refused.error(), (429, "TooManyRequestsException"));
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(rest.answer(rest.signed_by(READER_ID, "GET", GHOST, "")).await.error().0, 404);
    let unproved = rest.answer(rest.signed_by("AKIANOBODY", "GET", GHOST, "")).await;
    assert_eq!(unproved.error().0, 403);
}

#[tokio::test]
async fn a_key_that_is_over_its_rate_of_calls_is_told_when_to_come_back() {
    let grpc = Grpc::with_quotas(SLOW).await;
    let (channel, key) = grpc.with_key();
    let mut traffic = v1::traffic_client::TrafficClient::with_interceptor(channel, key);
    for _ in 0..2 {
        traffic.get_plan(v1::GetPlanRequest {}).await.unwrap();
    }
    let refused = traffic.get_plan(v1::GetPlanRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(refused.metadata().get("x-signalbox-retry-after-ms").unwrap(), "1000");
}

/// A call whose message is announced with `announced` bytes and holds `sent` bytes that are no message; it goes on
/// until the sender is dropped.
fn call(key: Option<&str>, announced: u32, sent: usize) -> (Request<tonic::body::Body>, impl Sized) {
    let (hold, held) = tokio::sync::mpsc::channel::<Bytes>(1);
    let mut prefix = vec![0];
    prefix.extend(announced.to_be_bytes());
    let parts =
        std::iter::once(Bytes::from(prefix)).chain((0..sent.div_ceil(65_536)).map(|_| Bytes::from(vec![255; 65_536])));
    let chunks = futures::stream::iter(parts.collect::<Vec<_>>()).chain(ReceiverStream::new(held));
    let body = StreamBody::new(chunks.map(|bytes| Ok::<_, tonic::Status>(http_body::Frame::data(bytes))));
    let mut request = Request::post(SEND).header("content-type", "application/grpc").header("te", "trailers");
    if let Some(id) = key {
        request = request.header("x-signalbox-key-id", id).header("x-signalbox-secret", SECRET);
    }
    (request.body(tonic::body::Body::new(body)).unwrap(), hold)
}

async fn status(grpc: &Grpc, request: Request<tonic::body::Body>) -> Code {
    let mut channel = grpc.plain();
    let response = channel.ready().await.unwrap().call(request).await.unwrap();
    let header = |headers: &http::HeaderMap| headers.get("grpc-status").cloned();
    let code = match header(response.headers()) {
        Some(code) => code,
        None => header(response.into_body().collect().await.unwrap().trailers().unwrap()).unwrap(),
    };
    Code::from_bytes(code.as_bytes())
}

#[tokio::test]
async fn a_call_without_a_key_is_refused_before_its_message_is_read() {
    let grpc = Grpc::start().await;
    let (request, _hold) = call(None, BODY_MAX as u32, 0);
    let refused = tokio::time::timeout(PATIENCE, status(&grpc, request)).await.unwrap();
    assert_eq!(refused, Code::Unauthenticated);
    let (request, _hold) = call(None, BODY_MAX as u32, BODY_MAX);
    assert_eq!(status(&grpc, request).await, Code::Unauthenticated);
    let (request, hold) = call(Some(KEY_ID), 3 * 65_536, 3 * 65_536);
    drop(hold);
    assert_eq!(status(&grpc, request).await, Code::Internal);
}

#[tokio::test]
async fn calls_under_way_use_up_the_budget_of_their_own_key_alone() {
    let grpc = Arc::new(Grpc::with_quotas(LITTLE).await);
    let mut calls = JoinSet::new();
    let mut held = Vec::new();
    for _ in 0..3 {
        let (request, hold) = call(Some(KEY_ID), BODY_MAX as u32, BODY_MAX - 2 * 65_536);
        let grpc = Arc::clone(&grpc);
        calls.spawn(async move { status(&grpc, request).await });
        held.push(hold);
    }
    let first = tokio::time::timeout(PATIENCE, calls.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(first, Code::ResourceExhausted);
    let (request, hold) = call(Some(READER_ID), 4 * 65_536, 4 * 65_536);
    drop(hold);
    assert_eq!(status(&grpc, request).await, Code::Internal);
}
