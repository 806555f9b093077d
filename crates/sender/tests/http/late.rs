//! The HTTP drivers ask when the payload leaves: on a connection that is made, and nothing leaves when they are
//! refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use model::{NodeId, RegionId};
use sender::drivers::sandbox::{SandboxConfig, SandboxDriver};
use sender::drivers::webhook::{Targets, WebhookConfig, WebhookDriver};
use sender::{Begin, BeginGuard, Dispatch, Driver, DriverResult, Withdrawn};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::server::{Reply, Server};
use crate::{Right, custom, dispatch, message, sms};

fn webhook() -> WebhookDriver {
    let region = RegionId::new("us-east-1").unwrap();
    WebhookDriver::new(WebhookConfig { region, targets: Targets::public_and(vec!["127.0.0.0/8".parse().unwrap()]) })
        .unwrap()
}

fn sandbox(url: &str) -> SandboxDriver {
    let (url, region) = (url.parse().unwrap(), RegionId::new("us-east-1").unwrap());
    SandboxDriver::new(SandboxConfig { url, region, node: NodeId(4), callbacks: Vec::new() }).unwrap()
}

/// A listener whose queue is full: more connections are made when some of it is taken.
async fn full() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(listener.local_addr().unwrap())).await
    {
        waiting.push(stream);
    }
    (listener, waiting)
}

/// Reads what comes on the next connection until it is closed.
async fn read_next(listener: &TcpListener) -> Vec<u8> {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut read = Vec::new();
    // Whether the other side closes or resets it, it ends.
    let _ended = stream.read_to_end(&mut read).await;
    read
}

#[tokio::test(start_paused = true)]
async fn what_is_forbidden_before_the_connection_is_made_does_not_leave() {
    let (listener, waiting) = full().await;
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (forbidden, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let begin = {
        let (forbidden, asked) = (Arc::clone(&forbidden), Arc::clone(&asked));
        Arc::new(Right(move || {
            asked.fetch_add(1, Ordering::Relaxed);
            if forbidden.load(Ordering::Relaxed) { Err(Withdrawn) } else { Ok(()) }
        }))
    };
    let delivered =
        tokio::spawn(async move { webhook().deliver(Dispatch { batch: vec![custom(1, &url)], begin }).await });
    // Time is paused: it goes on when the driver can do nothing but wait for the connection.
    tokio::time::sleep(Duration::from_millis(50)).await;
    tokio::time::resume();
    assert_eq!(asked.load(Ordering::Relaxed), 0, "asked before there was a connection");
    forbidden.store(true, Ordering::Relaxed);
    for _ in &waiting {
        drop(listener.accept().await.unwrap());
    }
    assert_eq!(read_next(&listener).await, b"");
    assert_eq!(delivered.await.unwrap(), [DriverResult::NotBegun]);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_refused_batch_leaves_nothing_and_closes_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let driver = sandbox(&format!("http://{}/", listener.local_addr().unwrap()));
    let refused = Dispatch { batch: vec![sms(1), sms(2)], begin: Arc::new(Right(|| Err(Withdrawn))) };
    let (read, results) = tokio::join!(read_next(&listener), driver.deliver(refused));
    assert_eq!(read, b"");
    assert_eq!(results, [DriverResult::NotBegun, DriverResult::NotBegun]);
}

#[tokio::test]
async fn a_connection_that_is_kept_is_asked_for_as_well() {
    let server = Server::start(|_| Reply::Answer(200, "", String::new())).await;
    let (driver, url) = (webhook(), server.url("/"));
    let first = driver.deliver(dispatch(vec![custom(1, &url)])).await;
    assert_eq!(first[0].name(), "accepted");
    let begin = Arc::new(Right(|| Err(Withdrawn)));
    let second = driver.deliver(Dispatch { batch: vec![custom(2, &url)], begin }).await;
    assert_eq!(second, [DriverResult::NotBegun]);
    let third = driver.deliver(dispatch(vec![custom(3, &url)])).await;
    assert_eq!(third[0].name(), "accepted");
    assert_eq!(server.seen().len(), 2);
}

/// Allows the messages of odd numbers, and tells when the check may be forgotten.
struct Odd(Arc<AtomicUsize>);

impl Begin for Odd {
    fn begin(&self, messages: &[model::MessageId]) -> Result<BeginGuard, Withdrawn> {
        let allowed = messages.iter().all(|id| [message(1), message(3)].contains(id));
        let held = Arc::clone(&self.0);
        held.fetch_add(1, Ordering::Relaxed);
        let held = Held(held);
        if allowed { Ok(BeginGuard::holding(held)) } else { Err(Withdrawn) }
    }
}

struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn each_webhook_begins_for_itself_and_whole() {
    let held = Arc::new(AtomicUsize::new(0));
    let server = {
        let held = Arc::clone(&held);
        // The check is held until bytes were written, and not until the answer.
        Server::start(move |_| {
            let free = held.load(Ordering::Relaxed) == 0;
            Reply::Answer(if free { 200 } else { 500 }, "", String::new())
        })
        .await
    };
    let url = server.url(&format!("/?{}", "x".repeat(5_000)));
    let batch = (1..4).map(|number| custom(number, &url)).collect();
    let results = webhook().deliver(Dispatch { batch, begin: Arc::new(Odd(Arc::clone(&held))) }).await;
    let names: Vec<&str> = results.iter().map(DriverResult::name).collect();
    assert_eq!(names, ["accepted", "not_begun", "accepted"]);
    assert!(server.seen().iter().all(|seen| seen.json()["Address"] == url.as_str()));
    assert_eq!(held.load(Ordering::Relaxed), 0);
}
