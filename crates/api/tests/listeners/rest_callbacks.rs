//! Providers' callbacks: who is heard, when they are acknowledged, and how little of the node they take.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use futures::StreamExt as _;
use http::{Method, Request};
use serde_json::{Value, json};
use service::ports::LogError;

use crate::rest::{Answer, Rest};

/// The largest body of a callback.
const BODY_MAX: usize = 256 * 1024;
/// The work of a chunk, and of all chunks under way; how many callbacks are worked off at a time.
const CHUNK: usize = 500;
const WORK_MAX: usize = 1_000;
const RECORDING_MAX: usize = 64;

async fn sent(rest: &Rest) -> String {
    let target = format!("{}/messages", rest.app().await);
    let to = json!({ "+12065550101": { "ChannelType": "SMS" } });
    let body = json!({ "Addresses": to, "MessageConfiguration": { "SMSMessage": { "Body": "b" } } });
    let answer = rest.call("POST", &target, body).await;
    answer.body["Result"]["+12065550101"]["MessageId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_callback_is_acknowledged_when_it_is_recorded() {
    let rest = Rest::start().await;
    let id = sent(&rest).await;
    assert_eq!(rest.callback(id.clone()).await.status, 202);
    let events = || async { rest.node.service.get_message(id.parse().unwrap()).await.unwrap().events.len() };
    assert_eq!(events().await, 1);
    assert_eq!(rest.callback(id.clone()).await.status, 202, "repeated");
    assert_eq!(events().await, 1);
    assert_eq!(rest.callback("x").await.error().0, 400);
}

#[tokio::test]
async fn a_stranger_is_told_nothing() {
    let rest = Rest::start().await;
    let id = sent(&rest).await;
    let signed = |signature: &'static str| {
        Request::post("/_provider/test").header("webhook-id", "i").header("webhook-signature", signature)
    };
    let unsigned = rest.plain(Method::POST, "/_provider/test", &id).await;
    let forged = rest.answer(signed("bad").body(Body::from(id.clone())).unwrap()).await;
    let twice = signed("good").header("webhook-signature", "good").body(Body::from(id.clone())).unwrap();
    for refused in [unsigned, forged, rest.answer(twice).await] {
        assert_eq!(refused.error().0, 401);
        assert_eq!(refused.message(), "Unauthorized");
    }
    assert!(rest.node.service.get_message(id.parse().unwrap()).await.unwrap().events.is_empty());
}

#[tokio::test]
async fn a_path_that_no_driver_needs_is_not_there() {
    let rest = Rest::start().await;
    for path in ["/_provider/nobody", "/_provider/sandbox"] {
        // The body never comes: it isn't waited for.
        let body = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let answer = rest.answer(Request::post(path).header("webhook-id", "i").body(body).unwrap()).await;
        assert_eq!(answer.error(), (404, "NotFoundException"), "{path}");
    }
}

#[tokio::test]
async fn a_body_is_bounded_in_size_and_time() {
    let rest = Rest::start().await;
    assert_eq!(rest.callback("x".repeat(BODY_MAX + 1)).await.error(), (413, "PayloadTooLargeException"));
    let chunks = vec![Ok::<_, std::io::Error>(vec![b'x'; BODY_MAX]), Ok(vec![b'x'])];
    let streamed = rest.callback(Body::from_stream(futures::stream::iter(chunks))).await;
    assert_eq!(streamed.error(), (413, "PayloadTooLargeException"));
    tokio::time::pause();
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    assert_eq!(rest.callback(never).await.error(), (408, "RequestTimeoutException"));
    // Whoever sends too much and doesn't end is told the first of it.
    let late = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, std::io::Error>(vec![b'x'; BODY_MAX + 1])
    };
    let endless = futures::stream::once(late).chain(futures::stream::pending());
    let endless = rest.callback(Body::from_stream(endless)).await;
    assert_eq!(endless.error(), (413, "PayloadTooLargeException"));
}

#[tokio::test]
async fn what_is_not_recorded_is_to_be_repeated() {
    let rest = Rest::start().await;
    for failure in [
        LogError::Overloaded { retry_after: Duration::from_secs(1) },
        LogError::NoLeader { group: model::GroupId(1), waited: Duration::from_secs(1) },
        LogError::Unknown { group: model::GroupId(1), waited: Duration::from_secs(1) },
    ] {
        *rest.node.groups.failure.lock().unwrap() = Some(failure);
        let answer = rest.callback("MANY 1").await;
        assert_eq!(answer.error(), (503, "ServiceUnavailableException"));
        assert_eq!(answer.headers["retry-after"], "1");
    }
}

/// Posts callbacks and lets them run as far as they come.
async fn post(rest: &Arc<Rest>, count: usize, body: &'static str) -> Vec<tokio::task::JoinHandle<Answer>> {
    let post = |_| {
        let rest = Arc::clone(rest);
        tokio::spawn(async move { rest.callback(body).await })
    };
    let posted = (0..count).map(post).collect();
    // On the one thread of the test everything that can go on has, long before that often.
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    posted
}

#[tokio::test]
async fn what_a_callback_causes_goes_a_chunk_at_a_time_and_callbacks_together_are_bounded() {
    let rest = Arc::new(Rest::start().await);
    let groups = &rest.node.groups;
    groups.open.send_replace(false);
    let first = post(&rest, 1, "MANY 10000").await;
    assert_eq!(groups.waiting.load(Ordering::SeqCst), CHUNK);
    let more = post(&rest, 20, "MANY 10000").await;
    assert_eq!(groups.waiting.load(Ordering::SeqCst), WORK_MAX);
    groups.open.send_replace(true);
    for answer in first.into_iter().chain(more) {
        assert_eq!(answer.await.unwrap().status, 202);
    }
}

#[tokio::test]
async fn a_full_queue_says_so_and_takes_nothing_from_others() {
    let rest = Arc::new(Rest::start().await);
    let groups = &rest.node.groups;
    let path = rest.app().await;
    groups.open.send_replace(false);
    let posted = post(&rest, RECORDING_MAX, "MANY 1").await;
    let refused = rest.callback("MANY 1").await;
    assert_eq!(refused.error(), (503, "ServiceUnavailableException"));
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(rest.call("GET", &path, Value::Null).await.status, 200);
    groups.open.send_replace(true);
    for answer in posted {
        assert_eq!(answer.await.unwrap().status, 202);
    }
}
