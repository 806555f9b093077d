//! The sandbox driver keeps the contract, and an answer that it doesn't understand is an unknown outcome.

use std::time::Duration;

use model::{NodeId, RegionId};
use sender::drivers::sandbox::{SandboxConfig, SandboxDriver};
use sender::{Driver, DriverResult, Fault};
use serde_json::{Value, json};

use crate::server::{Reply, Seen, Server, nobody};
use crate::{custom, dispatch, message, sms};

fn driver(url: &str) -> SandboxDriver {
    SandboxDriver::new(SandboxConfig {
        url: url.parse().unwrap(),
        region: RegionId::new("us-east-1").unwrap(),
        node: NodeId(4),
        callbacks: vec!["http://127.0.0.1:4101".to_owned()],
    })
    .unwrap()
}

/// Answers a batch with these statuses, in turn.
fn answer(seen: &Seen, statuses: &[Value]) -> Reply {
    let deliveries = seen.json()["deliveries"].as_array().unwrap().clone();
    let results: Vec<Value> = deliveries
        .iter()
        .zip(statuses)
        .map(|(delivery, status)| {
            let mut result = json!({"message_id": delivery["message_id"], "provider_id": "p-1", "detail": "said"});
            result.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
            result
        })
        .collect();
    Reply::Answer(200, "", json!({ "results": results }).to_string())
}

fn statuses() -> Vec<Value> {
    vec![
        json!({"status": "accepted"}),
        json!({"status": "throttled", "retry_after_ms": 1500}),
        json!({"status": "temporary_failure"}),
        json!({"status": "permanent_failure"}),
    ]
}

#[tokio::test]
async fn a_batch_goes_in_one_request_and_each_message_has_its_result() {
    let server = Server::start(|seen| answer(seen, &statuses())).await;
    let batch = vec![sms(1), sms(2), sms(3), custom(4, "http://x")];
    let results = driver(&server.url("/base/")).deliver(dispatch(batch)).await;
    let detail = || "said".to_owned();
    let retry_after = Some(Duration::from_millis(1_500));
    assert_eq!(
        results,
        [
            DriverResult::Accepted { provider_id: Some("p-1".to_owned()) },
            DriverResult::Throttled { retry_after, detail: detail() },
            DriverResult::Temporary { detail: detail() },
            DriverResult::Permanent { fault: Fault::Recipient, detail: detail() },
        ]
    );
    let seen = server.seen().remove(0);
    assert_eq!(seen.line, "POST /base/v1/deliveries HTTP/1.1");
    let body = seen.json();
    assert_eq!((&body["region"], &body["node"]), (&json!("us-east-1"), &json!("4")));
    assert_eq!(body["callbacks"], json!(["http://127.0.0.1:4101"]));
    let wanted = json!({
        "message_id": message(1).to_string(),
        "app_id": format!("{:032x}", 7),
        "channel": "SMS",
        "address": "+12065550100",
        "attempt": 2,
        "epoch": 3,
        "class": "at_most_once",
        "origination": "+100",
        "payload": {"Body": "hello", "MessageType": "PROMOTIONAL", "OriginationNumber": "+100",
                    "EntityId": "17", "TraceId": "trace-1"},
    });
    assert_eq!(body["deliveries"][0], wanted);
    assert_eq!(body["deliveries"][3]["payload"], json!({"Data": "{\"a\":1}", "TraceId": "trace-1"}));
}

#[tokio::test]
async fn a_request_that_was_not_understood_whole_is_an_unknown_outcome() {
    for (status, body) in [
        (200, "{}".to_owned()),
        (200, "{\"results\":[]}".to_owned()),
        (200, json!({"results": [{"message_id": message(9).to_string(), "status": "accepted"}]}).to_string()),
        (200, json!({"results": [{"message_id": message(1).to_string(), "status": "eaten"}]}).to_string()),
        (500, String::new()),
        (302, String::new()),
    ] {
        let server = Server::start(move |_| Reply::Answer(status, "location: http://x/\r\n", body.clone())).await;
        let results = driver(&server.url("")).deliver(dispatch(vec![sms(1)])).await;
        assert!(matches!(results[..], [DriverResult::Unknown { .. }]), "{status}: {results:?}");
    }
    let server = Server::start(|_| Reply::Close).await;
    let results = driver(&server.url("")).deliver(dispatch(vec![sms(1), sms(2)])).await;
    assert!(matches!(results[..], [DriverResult::Unknown { .. }, DriverResult::Unknown { .. }]), "{results:?}");
}

#[tokio::test]
async fn what_was_certainly_not_taken_is_said_to_be() {
    let results = driver(&nobody().await).deliver(dispatch(vec![sms(1)])).await;
    assert!(matches!(results[..], [DriverResult::Temporary { .. }]), "{results:?}");
    let server = Server::start(|_| Reply::Answer(429, "retry-after: 7\r\n", String::new())).await;
    let results = driver(&server.url("")).deliver(dispatch(vec![sms(1)])).await;
    let seven = Some(Duration::from_secs(7));
    assert!(
        matches!(results[..], [DriverResult::Throttled { retry_after, .. }] if retry_after == seven),
        "{results:?}"
    );
    let server = Server::start(|_| Reply::Answer(400, "", String::new())).await;
    let results = driver(&server.url("")).deliver(dispatch(vec![sms(1)])).await;
    assert!(matches!(results[..], [DriverResult::Permanent { fault: Fault::Sender, .. }]), "{results:?}");
}
