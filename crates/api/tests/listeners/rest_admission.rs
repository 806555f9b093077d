//! What every request of the REST listener passes: signature, permission, limits, and the shape of refusals.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::rest::Rest;
use crate::support::{DENIED_ID, READER_ID, START};
use api::rest::{BODY_MAX, Limits};
use axum::body::Body;
use http::{Method, Request};
use model::id::GroupId;
use serde_json::{Value, json};
use service::ports::LogError;

const GHOST: &str = "/v1/apps/99999999999999999999999999999999";

#[tokio::test]
async fn an_error_names_itself_and_explains_itself() {
    let rest = Rest::start().await;
    let missing = rest.call("GET", GHOST, Value::Null).await;
    assert_eq!(missing.error(), (404, "NotFoundException"));
    assert_eq!(missing.headers["content-type"], "application/json");
    assert_eq!(missing.headers["x-amzn-requestid"], missing.body["RequestID"].as_str().unwrap());
    assert_eq!(missing.headers["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn only_signed_requests_come_in() {
    let rest = Rest::start().await;
    let unsigned = rest.plain(Method::GET, "/v1/apps", "").await;
    assert_eq!(unsigned.error(), (403, "MissingAuthenticationTokenException"));
    let unknown = rest.answer(rest.signed_by("AKIANOBODY", "GET", GHOST, "")).await;
    assert_eq!(unknown.error(), (403, "UnrecognizedClientException"));
    let mut forged = rest.signed("PUT", GHOST, "{}");
    *forged.body_mut() = Body::from("{ }");
    assert_eq!(rest.answer(forged).await.error(), (403, "InvalidSignatureException"));
    let late = rest.signed("GET", GHOST, "");
    rest.node.clock.0.store(START.0 + 20 * 60 * 1_000, Ordering::SeqCst);
    assert_eq!(rest.answer(late).await.error(), (403, "InvalidSignatureException"));
}

#[tokio::test]
async fn a_key_may_do_what_it_was_granted() {
    let rest = Rest::start().await;
    let create = |key: &str| rest.signed_by(key, "POST", "/v1/apps", r#"{"Name":"n"}"#);
    for key in [READER_ID, DENIED_ID] {
        let denied = rest.answer(create(key)).await;
        assert_eq!(denied.error(), (403, "ForbiddenException"));
        assert!(denied.message().contains("CreateApp"), "{}", denied.message());
    }
    let read = rest.answer(rest.signed_by(READER_ID, "GET", GHOST, "")).await;
    assert_eq!(read.error().0, 404);
}

#[tokio::test]
async fn whatever_is_not_offered_is_told_by_name() {
    let rest = Rest::start().await;
    for (method, path, name) in [
        ("GET", "/v1/recommenders".to_owned(), "GetRecommenderConfigurations"),
        ("POST", format!("{GHOST}/events"), "PutEvents"),
        ("GET", "/v1/apps".to_owned(), "GetApps"),
        ("PATCH", GHOST.to_owned(), "PATCH"),
    ] {
        let refused = rest.call(method, &path, Value::Null).await;
        assert_eq!(refused.error(), (405, "MethodNotAllowedException"));
        assert!(refused.message().contains(name), "{}", refused.message());
    }
    assert_eq!(rest.call("GET", "/v1/no/such/thing", Value::Null).await.error(), (404, "NotFoundException"));
}

#[tokio::test]
async fn too_large_bodies_are_refused() {
    let rest = Rest::start().await;
    let body = "x".repeat(BODY_MAX + 1);
    let announced = rest.answer(rest.signed("POST", "/v1/apps", &body)).await;
    assert_eq!(announced.error(), (413, "PayloadTooLargeException"));
    let chunks = futures::stream::iter(
        body.as_bytes().chunks(65_536).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>(),
    );
    let mut streamed = rest.signed("POST", "/v1/apps", &body);
    *streamed.body_mut() = Body::from_stream(chunks);
    assert_eq!(rest.answer(streamed).await.error(), (413, "PayloadTooLargeException"));
}

#[tokio::test]
async fn a_full_listener_says_when_to_come_back() {
    let rest = Rest::with_limits(Limits { requests_max: 0, ..Limits::default() }).await;
    let full = rest.call("GET", GHOST, Value::Null).await;
    assert_eq!(full.error(), (429, "TooManyRequestsException"));
    assert_eq!(full.headers["retry-after"], "1");
}

#[tokio::test]
async fn an_overloaded_log_says_when_to_come_back() {
    let rest = Rest::start().await;
    let app = rest.app().await;
    *rest.node.groups.failure.lock().unwrap() =
        Some(LogError::Overloaded { retry_after: Duration::from_millis(1_500) });
    let to = json!({ "+12065550101": { "ChannelType": "SMS" } });
    let body = json!({ "Addresses": to, "MessageConfiguration": { "SMSMessage": { "Body": "b" } } });
    let not_sent = rest.call("POST", &format!("{app}/messages"), body.clone()).await;
    let endpoint = json!({ "ChannelType": "SMS", "Address": "+12065550101" });
    let not_put = rest.call("PUT", &format!("{app}/endpoints/e"), endpoint).await;
    for refused in [not_sent, not_put] {
        assert_eq!(
            (refused.error(), &refused.headers["retry-after"]),
            ((429, "TooManyRequestsException"), &"2".parse().unwrap())
        );
    }
    let waited = Duration::from_secs(8);
    *rest.node.groups.failure.lock().unwrap() = Some(LogError::NoLeader { group: GroupId(1), waited });
    let result = rest.call("POST", &format!("{app}/messages"), body).await;
    assert_eq!(result.body["Result"]["+12065550101"]["DeliveryStatus"], "TEMPORARY_FAILURE");
    let refused = rest.call("DELETE", &app, Value::Null).await;
    assert_eq!(refused.error(), (503, "ServiceUnavailableException"));
}

#[tokio::test]
async fn a_change_that_other_groups_must_follow_is_refused_while_too_many_wait() {
    let rest = Rest::start().await;
    let app = rest.app().await;
    rest.node.groups.fill_follow_ups();
    let mut refused = vec![rest.call("POST", "/v1/apps", json!({ "Name": "more" })).await];
    // A recipient in the group of the endpoints needs no other one.
    for number in 0..16 {
        let address = format!("+120655501{number:02}");
        let body = json!({ "ChannelType": "SMS", "Address": address, "OptOut": "ALL" });
        let answer = rest.call("PUT", &format!("{app}/endpoints/e{number}"), body).await;
        if answer.status != 202 {
            refused.push(answer);
        }
    }
    assert!((5..17).contains(&refused.len()), "{}", refused.len());
    for answer in refused {
        assert_eq!(answer.error(), (429, "TooManyRequestsException"));
        assert_eq!(answer.headers["retry-after"], "3");
    }
}

#[tokio::test]
async fn browsers_and_machines_ask_without_a_signature() {
    let rest = Rest::start().await;
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri(format!("{GHOST}/events"))
        .header("access-control-request-headers", "authorization,x-amz-date")
        .body(Body::empty())
        .unwrap();
    let allowed = rest.answer(preflight).await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.headers["access-control-allow-headers"], "authorization,x-amz-date");
    assert_eq!(rest.plain(Method::GET, "/livez", "").await.status, 200);
    assert_eq!(rest.plain(Method::GET, "/readyz", "").await.status, 200);
    assert_eq!(rest.plain(Method::GET, "/metrics", "").await.body, "up 1\n");
}
