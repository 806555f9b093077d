//! What the sandbox sends back: delivery events and inbound SMS, to real callbacks over loopback.

mod rig;

use axum::http::{Method, StatusCode};
use rig::{Callback, Dispatch, NOW_MS, Rig, config, nobody};
use sandbox::SandboxConfig;
use serde_json::{Value, json};

fn inbound() -> Value {
    json!({"originationNumber": "+15550100", "destinationNumber": "+15550199", "messageBody": "STOP",
        "inboundMessageId": "i1"})
}

#[tokio::test]
async fn an_accepted_message_is_reported_as_delivered() {
    let (rig, mut callback) = (Rig::start().await, Callback::start().await);
    let results = rig.deliver(&Dispatch::of(&["m1"]).calling(&[&callback])).await;
    let event = callback.events(1).await.remove(0);
    assert_eq!(
        (&event["message_id"], &event["kind"], &event["at_ms"]),
        (&json!("m1"), &json!("delivered"), &json!(NOW_MS))
    );
    assert_eq!(event["provider_id"], results[0]["provider_id"]);
    assert!(event["detail"].is_string());
    let stats = rig.stats_become(|stats| stats["events_sent"] == 1).await;
    assert_eq!((&stats["events_dropped"], &stats["events_pending"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn many_events_come_in_batches_and_each_once() {
    let (rig, mut callback) = (Rig::start().await, Callback::start().await);
    let ids: Vec<_> = (0..1_000).map(|index| format!("m{index:04}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    for _ in 0..3 {
        rig.deliver(&Dispatch::of(&ids).calling(&[&callback])).await;
    }
    let mut seen: Vec<_> = callback.events(3_000).await.iter().map(|event| event["provider_id"].to_string()).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3_000);
}

#[tokio::test]
async fn the_first_callback_gets_the_events_and_the_next_one_when_it_fails() {
    let (rig, mut first, mut second) = (Rig::start().await, Callback::start().await, Callback::start().await);
    rig.deliver(&Dispatch::of(&["m1"]).calling(&[&first, &second])).await;
    assert_eq!(first.events(1).await[0]["message_id"], "m1");
    first.answer(503);
    rig.deliver(&Dispatch::of(&["m2"]).calling(&[&first, &second])).await;
    assert_eq!(second.events(1).await[0]["message_id"], "m2");
    assert_eq!(first.events(1).await[0]["message_id"], "m2", "it was asked first");
    rig.stats_become(|stats| stats["events_sent"] == 2).await;
}

#[tokio::test]
async fn events_wait_for_a_callback_that_is_ill() {
    let (rig, mut callback) = (Rig::start().await, Callback::start().await);
    callback.answer(500);
    rig.deliver(&Dispatch::of(&["m1"]).calling(&[&callback])).await;
    callback.events(1).await;
    assert_eq!(rig.stats().await["events_pending"], 1);
    callback.answer(200);
    assert_eq!(callback.events(1).await[0]["message_id"], "m1");
    rig.stats_become(|stats| stats["events_sent"] == 1 && stats["events_pending"] == 0).await;
}

#[tokio::test]
async fn what_is_posted_is_signed_and_keeps_its_id_when_it_is_posted_again() {
    let (rig, mut callback) = (Rig::start().await, Callback::start().await);
    callback.answer(503);
    rig.deliver(&Dispatch::of(&["m1"]).calling(&[&callback])).await;
    callback.events(1).await;
    callback.answer(200);
    callback.events(1).await;
    rig.stats_become(|stats| stats["events_sent"] == 1 && stats["events_pending"] == 0).await;
    rig.deliver(&Dispatch::of(&["m2"]).calling(&[&callback])).await;
    callback.events(1).await;
    let ids = callback.headers("webhook-id");
    assert_eq!(ids[0], ids[ids.len() - 2]);
    assert_ne!(ids[0], ids[ids.len() - 1]);
    assert!(callback.headers("webhook-timestamp").iter().all(|time| *time == (NOW_MS / 1_000).to_string()));
    assert!(callback.headers("webhook-signature").iter().all(|signature| signature.starts_with("v1,")));
}

#[tokio::test]
async fn a_configured_callback_gets_events_when_a_request_names_none() {
    let mut callback = Callback::start().await;
    let rig = Rig::start_with(SandboxConfig { callbacks: vec![callback.url()], ..config() }).await;
    rig.deliver(&Dispatch::of(&["m1"])).await;
    assert_eq!(callback.events(1).await[0]["message_id"], "m1");
}

#[tokio::test]
async fn events_with_nowhere_to_go_are_dropped_and_counted() {
    let rig = Rig::start().await;
    rig.deliver(&Dispatch::of(&["m1", "m2"])).await;
    let stats = rig.stats().await;
    assert_eq!((&stats["events_dropped"], &stats["events_pending"]), (&json!(2), &json!(0)));
}

#[tokio::test]
async fn events_can_be_switched_off() {
    let mut callback = Callback::start().await;
    let config = SandboxConfig { emit_events: false, callbacks: vec![callback.url()], ..config() };
    let mut rig = Rig::start_with(config).await;
    rig.deliver(&Dispatch::of(&["m1"])).await;
    rig.stop().await;
    assert!(callback.is_quiet(), "stopping sends what waits, and nothing waits");
}

#[tokio::test]
async fn stopping_sends_what_still_waits() {
    let (mut rig, mut callback) = (Rig::start().await, Callback::start().await);
    rig.deliver(&Dispatch::of(&["m1"]).calling(&[&callback])).await;
    rig.stop().await;
    assert_eq!(callback.events(1).await[0]["message_id"], "m1");
}

#[tokio::test]
async fn an_inbound_sms_reaches_the_first_callback_that_takes_it() {
    let (mut ill, mut well) = (Callback::start().await, Callback::start().await);
    ill.answer(503);
    let rig = Rig::start_with(SandboxConfig { callbacks: vec![nobody().await, ill.url()], ..config() }).await;
    rig.deliver(&Dispatch::of(&["m1"]).calling(&[&well])).await;
    well.events(1).await;
    let (status, text) = rig.send(Method::POST, "/inbound", inbound().to_string()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{text}");
    let wanted = json!({"inbound": [{"origination_number": "+15550100", "destination_number": "+15550199",
        "message_body": "STOP", "inbound_message_id": "i1"}]});
    assert_eq!(ill.next().await, wanted);
    assert_eq!(well.next().await, wanted);
}

#[tokio::test]
async fn an_inbound_sms_that_nobody_takes_says_why() {
    let rig = Rig::start().await;
    let (status, error) = rig.refused(Method::POST, "/inbound", inbound().to_string()).await;
    assert!(status == StatusCode::BAD_GATEWAY && error.contains("no callback is known"), "{error}");
    let ill = Callback::start().await;
    ill.answer(429);
    let gone = nobody().await;
    let rig = Rig::start_with(SandboxConfig { callbacks: vec![gone.clone(), ill.url()], ..config() }).await;
    let (status, error) = rig.refused(Method::POST, "/inbound", inbound().to_string()).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    for part in [gone, "refused".to_owned(), ill.url(), "429".to_owned()] {
        assert!(error.contains(&part), "{error} lacks {part}");
    }
}

#[tokio::test]
async fn a_bad_inbound_sms_is_refused_and_the_field_is_named() {
    let rig = Rig::start().await;
    let cases = [
        ("originationNumber", json!(""), "originationNumber: must not be empty"),
        ("destinationNumber", json!(1), "destinationNumber: invalid type"),
        ("inboundMessageId", json!("i".repeat(300)), "inboundMessageId: 300 bytes"),
        ("messageBody", json!("x".repeat(65_537)), "messageBody: more than"),
    ];
    for (field, value, wanted) in cases {
        let mut body = inbound();
        body[field] = value;
        let (status, error) = rig.refused(Method::POST, "/inbound", body.to_string()).await;
        assert!(status == StatusCode::BAD_REQUEST && error.starts_with(wanted), "{field}: {error}");
    }
}
