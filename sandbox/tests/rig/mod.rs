//! What the contract tests stand on: a sandbox on a free port, a client, and a callback that records what it gets.
//! Everything goes over loopback; nothing here looks inside the sandbox.
#![expect(dead_code, reason = "each test file uses its own part")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on says so by panicking")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::routing::post;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sandbox::{Clock, SandboxConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// How long a test waits for what has to come.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// What the clock of the tests says.
pub const NOW_MS: u64 = 1_700_000_000_007;

/// A time of day that stands still.
struct StillClock;

impl Clock for StillClock {
    fn now_ms(&self) -> u64 {
        NOW_MS
    }
}

/// A running sandbox with a client for it.
pub struct Rig {
    pub address: SocketAddr,
    client: Client<HttpConnector, Body>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

pub fn config() -> SandboxConfig {
    SandboxConfig { listen: ([127, 0, 0, 1], 0).into(), ..SandboxConfig::default() }
}

impl Rig {
    pub async fn start() -> Self {
        Self::start_with(config()).await
    }

    pub async fn start_with(config: SandboxConfig) -> Self {
        let sandbox = sandbox::bind_with_clock(config, Arc::new(StillClock)).await.unwrap();
        let address = sandbox.local_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            sandbox.serve(async { stopped.await.unwrap_or(()) }).await.unwrap();
        });
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, client, stop: Some(stop), server: Some(server) }
    }

    /// Stops the sandbox and waits for its end.
    pub async fn stop(&mut self) {
        drop(self.stop.take());
        within_deadline(self.server.take().unwrap()).await.unwrap();
    }

    pub async fn send(&self, method: Method, path: &str, body: impl Into<Body>) -> (StatusCode, String) {
        let uri = format!("http://{}{path}", self.address);
        let request = Request::builder().method(method).uri(uri).body(body.into()).unwrap();
        let answer = within_deadline(self.client.request(request)).await.unwrap();
        let status = answer.status();
        let bytes = within_deadline(axum::body::to_bytes(Body::new(answer.into_body()), usize::MAX)).await.unwrap();
        (status, String::from_utf8(bytes.into()).unwrap())
    }

    /// Sends JSON and wants 200 with JSON.
    pub async fn ok(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, text) = self.send(method, path, body.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Sends JSON and wants this status with JSON that has `error`.
    pub async fn refused(&self, method: Method, path: &str, body: impl Into<Body>) -> (StatusCode, String) {
        let (status, text) = self.send(method, path, body).await;
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"));
        (status, answer["error"].as_str().unwrap_or_else(|| panic!("{path}: {text}")).to_owned())
    }

    pub async fn deliver(&self, request: &Dispatch) -> Vec<Value> {
        let answer = self.ok(Method::POST, "/v1/deliveries", request.body()).await;
        answer["results"].as_array().unwrap().clone()
    }

    pub async fn lines(&self, path: &str) -> Vec<Value> {
        let (status, text) = self.send(Method::GET, path, Body::empty()).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub async fn ids(&self, path: &str) -> Vec<String> {
        let id = |line: &Value| line["message_id"].as_str().unwrap().to_owned();
        self.lines(path).await.iter().map(id).collect()
    }

    pub async fn stats(&self) -> Value {
        self.ok(Method::GET, "/v1/stats", json!(null)).await
    }

    /// Puts these fault rules in place.
    pub async fn faults(&self, rules: Value) {
        self.ok(Method::PUT, "/v1/faults", json!({ "rules": rules })).await;
    }

    /// Asks for the counts again and again until they are so; each round is an exchange over the network.
    pub async fn stats_become(&self, so: impl Fn(&Value) -> bool) -> Value {
        within_deadline(async {
            loop {
                let stats = self.stats().await;
                if so(&stats) {
                    return stats;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }
}

/// A delivery request in the making.
#[derive(Clone)]
pub struct Dispatch {
    pub region: &'static str,
    pub callbacks: Vec<String>,
    pub deliveries: Vec<Value>,
}

impl Dispatch {
    pub fn of(ids: &[&str]) -> Self {
        let deliveries = ids.iter().map(|id| delivery(id)).collect();
        Self { region: "us-east-1", callbacks: Vec::new(), deliveries }
    }

    pub fn calling(mut self, callbacks: &[&Callback]) -> Self {
        self.callbacks = callbacks.iter().map(|callback| callback.url()).collect();
        self
    }

    pub fn with(mut self, field: &str, value: Value) -> Self {
        for delivery in &mut self.deliveries {
            delivery[field] = value.clone();
        }
        self
    }

    pub fn body(&self) -> Value {
        json!({"region": self.region, "node": format!("{}-a", self.region), "callbacks": self.callbacks,
            "deliveries": self.deliveries})
    }
}

pub fn delivery(id: &str) -> Value {
    json!({"message_id": id, "app_id": "app", "channel": "SMS", "address": "+15550100", "attempt": 1, "epoch": 3,
        "class": "at_most_once", "origination": "+15550199", "payload": {"Body": "hello"}})
}

/// A listener that takes events, and passes on every body it gets.
pub struct Callback {
    address: SocketAddr,
    bodies: mpsc::UnboundedReceiver<Value>,
    heads: Arc<Mutex<Vec<HeaderMap>>>,
    status: Arc<AtomicU16>,
}

impl Callback {
    pub async fn start() -> Self {
        let (sender, bodies) = mpsc::unbounded_channel();
        let status = Arc::new(AtomicU16::new(200));
        let answer = Arc::clone(&status);
        let heads: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
        let seen = Arc::clone(&heads);
        let take = move |State(()): State<()>, head: HeaderMap, body: String| {
            seen.lock().unwrap().push(head);
            sender.send(serde_json::from_str(&body).unwrap()).unwrap();
            let status = StatusCode::from_u16(answer.load(Ordering::SeqCst)).unwrap();
            async move { status }
        };
        let router = Router::new().route("/_provider/sandbox", post(take));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, bodies, heads, status }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on answers with this status; it records what it gets all the same.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// The next body that it gets.
    pub async fn next(&mut self) -> Value {
        within_deadline(self.bodies.recv()).await.unwrap()
    }

    /// The next so many events, from as many bodies as it takes.
    pub async fn events(&mut self, count: usize) -> Vec<Value> {
        let mut events = Vec::new();
        while events.len() < count {
            let body = self.next().await;
            let batch = body["events"].as_array().unwrap();
            assert!((1..=500).contains(&batch.len()), "{} events in a batch", batch.len());
            events.extend(batch.iter().cloned());
        }
        assert_eq!(events.len(), count);
        events
    }

    /// A header of every request so far.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        heads.iter().map(|head| head[name].to_str().unwrap().to_owned()).collect()
    }

    /// Whether nothing has come that wasn't asked for.
    pub fn is_quiet(&mut self) -> bool {
        self.bodies.try_recv().is_err()
    }
}

pub async fn within_deadline<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("it comes before the deadline")
}

/// An address that nobody listens on.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
