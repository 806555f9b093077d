//! Each fault, over loopback: what the sender sees, and what its callback gets.

mod rig;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use rig::{Callback, Dispatch, Rig, config, within_deadline};
use sandbox::SandboxConfig;
use serde_json::{Value, json};

#[tokio::test]
async fn rules_are_put_shown_and_removed() {
    let rig = Rig::start().await;
    let rule = json!({"name": "f", "channel": "SMS", "share": 1000, "remaining": 2,
        "action": {"kind": "fail", "status": "throttled"}});
    rig.faults(json!([rule])).await;
    rig.deliver(&Dispatch::of(&["m1"])).await;
    let mut left = rule;
    left["remaining"] = json!(1);
    assert_eq!(rig.ok(Method::GET, "/v1/faults", json!(null)).await, json!({"rules": [left], "hits": {"f": 1}}));
    let (status, error) = rig.refused(Method::PUT, "/v1/faults", r#"{"rules":[{"name":"g","shore":1}]}"#).await;
    assert!(status == StatusCode::BAD_REQUEST && error.contains("shore"), "{error}");
    assert_eq!(rig.ok(Method::GET, "/v1/faults", json!(null)).await["hits"], json!({"f": 1}), "the old rules stay");
    let none = json!({"rules": [], "hits": {}});
    assert_eq!(rig.ok(Method::DELETE, "/v1/faults", json!(null)).await, none);
    assert_eq!(rig.deliver(&Dispatch::of(&["m2"])).await[0]["status"], "accepted");
}

#[tokio::test]
async fn fail_refuses_what_fits_and_only_that() {
    let (rig, mut callback) = (Rig::start().await, Callback::start().await);
    rig.faults(json!([
        {"name": "t", "address_contains": "0101", "action": {"kind": "fail", "status": "throttled", "retry_after_ms": 1500}},
        {"name": "p", "app_id": "bad", "action": {"kind": "fail", "status": "permanent_failure", "detail": "no such number"}},
        {"name": "e", "region": "eu-west-1", "action": {"kind": "fail", "status": "temporary_failure"}},
    ]))
    .await;
    let mut dispatch = Dispatch::of(&["m1", "m2", "m3"]).calling(&[&callback]);
    dispatch.deliveries[0]["address"] = json!("+15550101");
    dispatch.deliveries[1]["app_id"] = json!("bad");
    let results = rig.deliver(&dispatch).await;
    assert_eq!((&results[0]["status"], &results[0]["retry_after_ms"]), (&json!("throttled"), &json!(1500)));
    assert_eq!((&results[1]["status"], &results[1]["detail"]), (&json!("permanent_failure"), &json!("no such number")));
    assert_eq!((&results[2]["status"], results[2].get("retry_after_ms")), (&json!("accepted"), None));
    let results = rig.deliver(&Dispatch { region: "eu-west-1", ..Dispatch::of(&["m4"]) }).await;
    assert_eq!(results[0]["status"], "temporary_failure");
    assert_eq!(rig.ids("/outbox").await, ["m3"]);
    assert_eq!(rig.ids("/outbox?all=true").await, ["m1", "m2", "m3", "m4"]);
    assert_eq!(callback.events(1).await[0]["message_id"], "m3");
}

#[tokio::test]
async fn a_share_hits_the_same_deliveries_for_the_same_seed() {
    let hit = async |seed| {
        let rig = Rig::start_with(SandboxConfig { seed, ..config() }).await;
        rig.faults(json!([{"name": "f", "share": 500, "action": {"kind": "fail", "status": "throttled"}}])).await;
        let results = rig.deliver(&Dispatch::of(&["m"; 64])).await;
        results.iter().map(|result| result["status"].clone()).collect::<Vec<_>>()
    };
    let first = hit(1).await;
    assert!(first.contains(&json!("throttled")) && first.contains(&json!("accepted")));
    assert_eq!(first, hit(1).await);
    assert_ne!(first, hit(2).await);
}

#[tokio::test]
async fn delay_takes_the_message_at_once_and_answers_late() {
    let (rig, mut callback) = (Rig::start().await, Callback::start().await);
    rig.faults(json!([{"name": "f", "action": {"kind": "delay", "ms": 60_000}}])).await;
    let dispatch = Dispatch::of(&["m1"]).calling(&[&callback]);
    let mut answer = std::pin::pin!(rig.deliver(&dispatch));
    tokio::select! {
        results = &mut answer => panic!("{results:?} came before its time"),
        events = callback.events(1) => assert_eq!(events[0]["message_id"], "m1"),
    }
    assert_eq!(rig.ids("/outbox").await, ["m1"]);
    rig.faults(json!([{"name": "f", "action": {"kind": "delay", "ms": 30}}])).await;
    let start = std::time::Instant::now();
    assert_eq!(rig.deliver(&Dispatch::of(&["m2"])).await[0]["status"], "accepted");
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn hang_takes_nothing_and_gives_no_answer_until_the_sandbox_stops() {
    let (mut rig, mut callback) = (Rig::start().await, Callback::start().await);
    rig.faults(json!([{"name": "f", "address_contains": "0101", "action": {"kind": "hang"}}])).await;
    let mut dispatch = Dispatch::of(&["m1", "m2"]).calling(&[&callback]);
    dispatch.deliveries[1]["address"] = json!("+15550101");
    let address = rig.address;
    let hanging = tokio::spawn(async move { raw_exchange(address, &dispatch.body()).await });
    let stats = rig.stats_become(|stats| stats["total"] == 2).await;
    assert_eq!(stats["by_status"], json!({"hung": 2}));
    assert_eq!(rig.lines("/outbox").await, Vec::<Value>::new());
    assert_eq!(rig.ids("/outbox?all=true").await, ["m1", "m2"]);
    assert!(!hanging.is_finished());
    rig.stop().await;
    let answer = within_deadline(hanging).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
    assert!(callback.is_quiet());
}

#[tokio::test]
async fn lost_repeated_and_changed_events() {
    let (rig, mut callback) = (Rig::start().await, Callback::start().await);
    rig.faults(json!([
        {"name": "lose", "address_contains": "lose", "action": {"kind": "lose_events"}},
        {"name": "repeat", "address_contains": "repeat", "action": {"kind": "repeat_events", "times": 3}},
        {"name": "bounce", "address_contains": "bounce", "action": {"kind": "event", "event": "bounced_hard"}},
        {"name": "complain", "address_contains": "complain", "action": {"kind": "event", "event": "complaint"}},
    ]))
    .await;
    let mut dispatch = Dispatch::of(&["lose", "repeat", "bounce", "complain"]).calling(&[&callback]);
    for delivery in &mut dispatch.deliveries {
        delivery["address"] = delivery["message_id"].clone();
    }
    let results = rig.deliver(&dispatch).await;
    assert!(results.iter().all(|result| result["status"] == "accepted"));
    let seen: Vec<_> = callback.events(5).await.iter().map(|e| format!("{} {}", e["message_id"], e["kind"])).collect();
    let repeat = r#""repeat" "delivered""#;
    assert_eq!(seen, [repeat, repeat, repeat, r#""bounce" "bounced_hard""#, r#""complain" "complaint""#]);
    assert_eq!(rig.stats().await["events_lost_by_fault"], 1);
}

#[tokio::test]
async fn the_page_names_active_faults() {
    let rig = Rig::start().await;
    rig.faults(json!([{"name": "slow carrier", "action": {"kind": "delay", "ms": 5}}])).await;
    let (_, page) = rig.send(Method::GET, "/", Body::empty()).await;
    assert!(page.contains("Active faults") && page.contains("slow carrier"), "{page}");
}

/// One exchange on a connection of its own, so that nothing is tried twice.
#[expect(clippy::unwrap_used, reason = "a test that can't go on says so by panicking")]
async fn raw_exchange(address: std::net::SocketAddr, body: &Value) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let body = body.to_string();
    let head = format!(
        "POST /v1/deliveries HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
