//! The webhook driver: what it posts, and what each answer means.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::RegionId;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use sender::drivers::webhook::{Targets, WebhookConfig, WebhookDriver};
use sender::{Driver, DriverResult};
use serde_json::json;

use crate::server::{Reply, Seen, Server, nobody};
use crate::{custom, dispatch, message};

const LOOPBACK: [&str; 1] = ["127.0.0.0/8"];

fn config(allowed: &[&str]) -> WebhookConfig {
    let targets = Targets::public_and(allowed.iter().map(|network| network.parse().unwrap()).collect());
    WebhookConfig { region: RegionId::new("us-east-1").unwrap(), targets }
}

fn driver(allowed: &[&str]) -> WebhookDriver {
    WebhookDriver::new(config(allowed)).unwrap()
}

async fn deliver_to(url: &str) -> DriverResult {
    driver(&LOOPBACK).deliver(dispatch(vec![custom(1, url)])).await.remove(0)
}

#[tokio::test]
async fn the_message_is_posted_with_a_key_of_the_dispatch() {
    let server = Server::start(|_| Reply::Answer(202, "x-message-id: w-1\r\n", "thanks".to_owned())).await;
    let result = deliver_to(&server.url("/hook?a=b")).await;
    assert_eq!(result, DriverResult::Accepted { provider_id: Some("w-1".to_owned()) });
    let seen = server.seen().remove(0);
    assert_eq!(seen.line, "POST /hook?a=b HTTP/1.1");
    assert_eq!(seen.headers["idempotency-key"], format!("{}-2", message(1)));
    assert_eq!(seen.headers["content-type"], "application/json");
    let wanted = json!({
        "ApplicationId": format!("{:032x}", 7),
        "MessageId": message(1).to_string(),
        "Address": server.url("/hook?a=b"),
        "EndpointId": "ep",
        "Data": "{\"a\":1}",
        "Context": {"k": "v"},
        "TraceId": "trace-1",
        "Attempt": 2,
        "Region": "us-east-1",
    });
    assert_eq!(seen.json(), wanted);
}

fn status_of_path(seen: &Seen) -> Reply {
    let status = seen.line.split_whitespace().nth(1).unwrap().trim_start_matches('/').parse().unwrap();
    Reply::Answer(status, "retry-after: 9\r\nlocation: http://127.0.0.1:1/\r\n", String::new())
}

#[tokio::test]
async fn each_answer_means_what_the_table_says() {
    let server = Server::start(status_of_path).await;
    let batch = [200, 204, 429, 503, 408, 500, 599, 301, 404, 410];
    let batch = batch.iter().map(|status| custom(*status, &server.url(&format!("/{status}")))).collect();
    let results = driver(&LOOPBACK).deliver(dispatch(batch)).await;
    let names: Vec<&str> = results.iter().map(DriverResult::name).collect();
    let wanted = [
        "accepted",
        "accepted",
        "throttled",
        "throttled",
        "unknown",
        "unknown",
        "unknown",
        "permanent",
        "permanent",
        "permanent",
    ];
    assert_eq!(names, wanted);
    let nine = Some(Duration::from_secs(9));
    assert!(matches!(results[2], DriverResult::Throttled { retry_after, .. } if retry_after == nine));
    assert!(matches!(results[5], DriverResult::Unknown { retry_after, .. } if retry_after == nine));
}

#[tokio::test]
async fn a_date_to_come_again_at_is_obeyed() {
    let dates = "date: Sun, 06 Nov 1994 08:49:07 GMT\r\nretry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    let server = Server::start(move |_| Reply::Answer(503, dates, String::new())).await;
    let result = deliver_to(&server.url("/")).await;
    let wait = Some(Duration::from_secs(30));
    assert!(matches!(result, DriverResult::Throttled { retry_after, .. } if retry_after == wait), "{result:?}");
}

#[tokio::test]
async fn a_lost_connection_is_unknown_and_none_at_all_is_temporary() {
    let server = Server::start(|_| Reply::Close).await;
    assert_eq!(deliver_to(&server.url("/")).await.name(), "unknown");
    assert_eq!(deliver_to(&nobody().await).await.name(), "temporary");
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut() {
    let server = Server::start(|_| Reply::Answer(200, "", "x".repeat(10 * 1024 * 1024))).await;
    assert_eq!(deliver_to(&server.url("/")).await.name(), "accepted");
}

#[tokio::test]
async fn what_is_no_target_is_refused_for_good() {
    for url in ["", "not a url", "ftp://example.com/", "file:///etc/passwd"] {
        assert_eq!(deliver_to(url).await.name(), "permanent", "{url}");
    }
}

#[tokio::test]
async fn what_an_address_shows_is_told_before_anything_is_accepted() {
    let (driver, channel) = (driver(&[]), model::Channel::Custom);
    let told = |url: &str| driver.check_address(channel, &model::Address::from_stored(url));
    for url in ["not a url", "ftp://example.com/", "http://10.0.0.1/", "http://a:b@example.com/", "http://a.b:25/"] {
        assert!(told(url).is_err(), "{url}");
    }
    assert_eq!(told("https://example.com/hook"), Ok(()));
}

#[tokio::test]
async fn what_only_the_node_reaches_is_refused_for_good() {
    let server = Server::start(|_| Reply::Answer(200, "", String::new())).await;
    let port = server.address.port();
    let mapped = format!("http://[::ffff:127.0.0.1]:{port}/");
    for url in [server.url("/"), mapped, format!("http://localhost:{port}/"), format!("http://0:{port}/")] {
        let result = driver(&["10.0.0.0/8"]).deliver(dispatch(vec![custom(1, &url)])).await.remove(0);
        let DriverResult::Permanent { detail, .. } = result else { panic!("{url}: {result:?}") };
        assert!(detail.contains("providers.webhook_allow"), "{url}: {detail}");
    }
    assert!(server.seen().is_empty());
}

/// Answers each question with the next of its addresses, and the last one from then on.
struct Changing(Mutex<Vec<IpAddr>>);

impl Resolve for Changing {
    fn resolve(&self, _name: Name) -> Resolving {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
        Box::pin(std::future::ready(Ok(Box::new(std::iter::once(SocketAddr::new(answer, 0))) as Addrs)))
    }
}

#[tokio::test]
async fn a_name_is_looked_at_each_time_it_is_resolved() {
    let server = Server::start_at("0.0.0.0:0", |_| Reply::Answer(200, "connection: close\r\n", String::new())).await;
    // 127.0.0.1 stands for a public address, 127.0.0.2 for one inside; the server listens on both.
    let names = Changing(Mutex::new(vec!["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()]));
    let driver = WebhookDriver::with_resolver(config(&["127.0.0.1/32"]), Arc::new(names)).unwrap();
    let url = format!("http://rebinding.example:{}/", server.address.port());
    let first = driver.deliver(dispatch(vec![custom(1, &url)])).await.remove(0);
    assert_eq!(first.name(), "accepted");
    let second = driver.deliver(dispatch(vec![custom(2, &url)])).await.remove(0);
    assert_eq!(second.name(), "permanent", "{second:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_redirect_inside_is_not_followed() {
    let inside = Server::start(|_| Reply::Answer(200, "", String::new())).await;
    let location: &'static str = format!("location: {}\r\n", inside.url("/")).leak();
    let server = Server::start(move |_| Reply::Answer(307, location, String::new())).await;
    assert_eq!(deliver_to(&server.url("/")).await.name(), "permanent");
    assert!(inside.seen().is_empty());
}
