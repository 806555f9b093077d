//! The routes that take messages and show them, over loopback.

mod rig;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use rig::{Dispatch, NOW_MS, Rig, config, delivery};
use sandbox::SandboxConfig;
use serde_json::{Value, json};

#[tokio::test]
async fn accepts_in_order_and_shows_what_it_got() {
    let rig = Rig::start().await;
    let results = rig.deliver(&Dispatch::of(&["m1", "m2"])).await;
    let ids: Vec<_> = results.iter().map(|result| result["message_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["m1", "m2"]);
    assert!(results.iter().all(|result| result["status"] == "accepted"));
    assert_ne!(results[0]["provider_id"], results[1]["provider_id"]);
    let line = rig.lines("/outbox?message_id=m1").await.remove(0);
    let wanted = json!({"message_id": "m1", "app_id": "app", "channel": "SMS", "address": "+15550100",
        "payload": {"Body": "hello"}, "region": "us-east-1", "node": "us-east-1-a", "epoch": 3, "attempt": 1,
        "class": "at_most_once", "origination": "+15550199", "status": "accepted",
        "provider_id": results[0]["provider_id"], "at_ms": NOW_MS, "seq": 1});
    assert_eq!(line, wanted);
}

#[tokio::test]
async fn each_filter_of_the_outbox_is_optional_and_exact() {
    let rig = Rig::start().await;
    rig.deliver(&Dispatch::of(&["m1"])).await;
    rig.deliver(&Dispatch::of(&["m2"]).with("app_id", json!("other"))).await;
    rig.deliver(&Dispatch::of(&["m3"]).with("address", json!("a+b@example.com"))).await;
    rig.deliver(&Dispatch::of(&["m4"]).with("channel", json!("EMAIL"))).await;
    let cases: &[(&str, &[&str])] = &[
        ("/outbox", &["m1", "m2", "m3", "m4"]),
        ("/outbox?app_id=&address=&message_id=&channel=&limit=", &["m1", "m2", "m3", "m4"]),
        ("/outbox?app_id=app", &["m1", "m3", "m4"]),
        ("/outbox?app_id=ap", &[]),
        ("/outbox?address=a%2Bb%40example.com", &["m3"]),
        ("/outbox?message_id=m2", &["m2"]),
        ("/outbox?channel=EMAIL", &["m4"]),
        ("/outbox?app_id=app&channel=SMS", &["m1", "m3"]),
        ("/outbox?limit=2", &["m3", "m4"]),
        ("/outbox?app_id=app&limit=2", &["m3", "m4"]),
        ("/outbox?channel=SMS&limit=1", &["m3"]),
        ("/outbox?limit=0", &[]),
        ("/outbox?limit=100", &["m1", "m2", "m3", "m4"]),
    ];
    for (path, wanted) in cases {
        assert_eq!(rig.ids(path).await, *wanted, "{path}");
    }
    for (path, named) in [("/outbox?adress=x", "adress"), ("/outbox?limit=-1", "limit"), ("/outbox?all=maybe", "all")] {
        let (status, error) = rig.refused(Method::GET, path, Body::empty()).await;
        assert!(status == StatusCode::BAD_REQUEST && error.contains(named), "{path}: {error}");
    }
}

#[tokio::test]
async fn a_long_outbox_comes_whole_and_in_order() {
    let rig = Rig::start().await;
    for round in 0..6 {
        let ids: Vec<_> = (0..1_000).map(|index| format!("m{:05}", round * 1_000 + index)).collect();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        rig.deliver(&Dispatch::of(&ids)).await;
    }
    let all = rig.ids("/outbox").await;
    assert_eq!(all.len(), 6_000);
    assert!(all.is_sorted());
    assert_eq!(rig.ids("/outbox?limit=1500").await, all[4_500..]);
    assert_eq!(rig.ids("/outbox?message_id=m05999&limit=1").await, ["m05999"]);
    assert_eq!(rig.ids("/outbox?message_id=m00000&limit=1").await, ["m00000"]);
}

#[tokio::test]
async fn emptying_the_outbox_forgets_messages_and_keeps_counts() {
    let rig = Rig::start().await;
    rig.deliver(&Dispatch::of(&["m1", "m1"])).await;
    assert_eq!(rig.ok(Method::DELETE, "/outbox", json!(null)).await, json!({"removed": 2}));
    assert_eq!(rig.lines("/outbox").await, Vec::<Value>::new());
    rig.deliver(&Dispatch::of(&["m1"])).await;
    assert_eq!(rig.lines("/outbox").await[0]["seq"], 3);
    let stats = rig.stats().await;
    assert_eq!((&stats["total"], &stats["duplicates"], &stats["duplicates_seen"]), (&json!(3), &json!(0), &json!(1)));
}

#[tokio::test]
async fn counts_what_it_got() {
    let rig = Rig::start().await;
    rig.deliver(&Dispatch::of(&["m1", "m2", "m1"])).await;
    rig.deliver(&Dispatch { region: "eu-west-1", ..Dispatch::of(&["m3"]).with("channel", json!("EMAIL")) }).await;
    rig.faults(json!([{"name": "f", "action": {"kind": "fail", "status": "permanent_failure"}}])).await;
    rig.deliver(&Dispatch::of(&["m4"])).await;
    let stats = rig.stats().await;
    assert_eq!((&stats["total"], &stats["accepted"], &stats["duplicates"]), (&json!(5), &json!(4), &json!(1)));
    assert_eq!(stats["by_region"], json!({"eu-west-1": 1, "us-east-1": 3}));
    assert_eq!(stats["by_channel"], json!({"EMAIL": 1, "SMS": 3}));
    assert_eq!(stats["by_status"], json!({"accepted": 4, "permanent_failure": 1}));
    assert_eq!((&stats["retained"], &stats["fell_out"]), (&json!(5), &json!(0)));
}

#[tokio::test]
async fn keeps_the_newest_and_says_what_fell_out() {
    let rig = Rig::start_with(SandboxConfig { retain_messages: 3, retain_records: 1, ..config() }).await;
    rig.deliver(&Dispatch::of(&["m1", "m2", "m3", "m4", "m5"])).await;
    rig.ok(Method::POST, "/v1/records", json!({"records": [{"app_id": "a"}, {"app_id": "b"}]})).await;
    assert_eq!(rig.ids("/outbox").await, ["m3", "m4", "m5"]);
    let stats = rig.stats().await;
    assert_eq!((&stats["retained"], &stats["fell_out"]), (&json!(3), &json!(2)));
    assert_eq!((&stats["retained_records"], &stats["fell_out_records"]), (&json!(1), &json!(1)));
    let (_, page) = rig.send(Method::GET, "/", Body::empty()).await;
    assert!(page.contains("2 older messages and 1 older records fell out"), "{page}");
}

#[tokio::test]
async fn bad_deliveries_are_refused_whole_and_the_field_is_named() {
    let rig = Rig::start().await;
    let mut bad = Dispatch::of(&["m1", "m2"]);
    bad.deliveries[1]["address"] = json!("");
    let cases = [
        (bad.body().to_string(), "deliveries[1].address: must not be empty"),
        (r#"{"region":"#.to_owned(), "body: EOF"),
        (String::new(), "body: EOF"),
        ("\u{0}garbage".to_owned(), "body: expected value"),
        (json!({"region": "r", "node": "n", "deliveries": [{}]}).to_string(), "deliveries[0]: missing field"),
        (json!({"region": "r", "node": "n", "deliveries": vec![delivery("m"); 1_001]}).to_string(), "deliveries: 1001"),
    ];
    for (body, wanted) in cases {
        let (status, error) = rig.refused(Method::POST, "/v1/deliveries", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
        assert!(error.starts_with(wanted), "{error}");
    }
    assert_eq!(rig.stats().await["total"], 0);
}

#[tokio::test]
async fn bodies_of_32_mib_fit_and_larger_ones_are_refused_with_or_without_a_declared_length() {
    let rig = Rig::start().await;
    let with_payload = |len: usize| Dispatch::of(&["m1"]).with("payload", json!("x".repeat(len))).body().to_string();
    let (status, _) = rig.send(Method::POST, "/v1/deliveries", with_payload(33_554_000)).await;
    assert_eq!(status, StatusCode::OK);
    let (status, error) = rig.refused(Method::POST, "/v1/deliveries", with_payload(33_554_432)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{error}");
    let chunks = (0..33).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 20]));
    let chunked = Body::from_stream(futures::stream::iter(chunks));
    let (status, error) = rig.refused(Method::POST, "/v1/deliveries", chunked).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{error}");
}

#[tokio::test]
async fn records_are_kept_as_they_came_and_shown_by_app() {
    let rig = Rig::start().await;
    let body = "{\"records\":[{\"app_id\":\"a\",\n \"n\": 1.50},{\"app_id\":\"b\"},{\"app_id\":\"a\",\"n\":2}]}";
    let (status, text) = rig.send(Method::POST, "/v1/records", body).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, r#"{"stored":3}"#));
    let (_, text) = rig.send(Method::GET, "/events?app_id=a", Body::empty()).await;
    assert_eq!(text, "{\"app_id\":\"a\",  \"n\": 1.50}\n{\"app_id\":\"a\",\"n\":2}\n");
    assert_eq!(rig.lines("/events").await.len(), 3);
    assert_eq!(rig.lines("/events?limit=1").await, [json!({"app_id": "a", "n": 2})]);
    let cases = [
        (json!({}), "body: missing field `records`"),
        (json!({"records": [{"app_id": "a"}, {"n": 1}]}), "records[1].app_id: missing field"),
        (json!({"records": [{"app_id": 5}]}), "records[0].app_id: invalid type"),
        (json!({"records": [["a"]]}), "records[0]: must be an object"),
    ];
    for (body, wanted) in cases {
        let (status, error) = rig.refused(Method::POST, "/v1/records", body.to_string()).await;
        assert!(status == StatusCode::BAD_REQUEST && error.starts_with(wanted), "{body}: {error}");
    }
    assert_eq!(rig.lines("/events").await.len(), 3, "a refused request stores nothing");
}

#[tokio::test]
async fn the_page_shows_messages_escaped_and_its_fragment_is_the_same() {
    let rig = Rig::start().await;
    let hostile = "<script>alert(1)</script>\"'&";
    let dispatch = Dispatch::of(&["m1"]).with("payload", json!({"Body": hostile}));
    rig.deliver(&dispatch.with("address", json!(hostile)).with("app_id", json!(hostile))).await;
    rig.faults(json!([{"name": hostile, "address_contains": hostile, "action": {"kind": "hang"}}])).await;
    let (status, page) = rig.send(Method::GET, "/", Body::empty()).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("m1") && page.contains("&lt;script&gt;alert(1)"), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains(hostile), "{page}");
    let fragment = rig.ok(Method::GET, "/v1/page", json!(null)).await;
    assert!(page.contains(fragment["html"].as_str().unwrap()));
    let filtered = rig.ok(Method::GET, "/v1/page?q=nothing-like-it", json!(null)).await;
    assert!(filtered["html"].as_str().unwrap().contains("No message kept fits the filter"));
    for path in ["/page.css", "/page.js"] {
        assert_eq!(rig.send(Method::GET, path, Body::empty()).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_in_json() {
    let rig = Rig::start().await;
    assert_eq!(rig.send(Method::GET, "/livez", Body::empty()).await, (StatusCode::OK, "ok\n".to_owned()));
    assert_eq!(rig.refused(Method::GET, "/nothing", Body::empty()).await.0, StatusCode::NOT_FOUND);
    assert_eq!(rig.refused(Method::PATCH, "/outbox", Body::empty()).await.0, StatusCode::METHOD_NOT_ALLOWED);
}
