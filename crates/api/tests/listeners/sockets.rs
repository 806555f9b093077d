//! The listeners on real sockets: garbage, size and time limits, and closing.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::grpc::Grpc;
use crate::rest::Rest;

/// A guard against a test that never ends, far above what any of them takes.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Served {
    pub address: std::net::SocketAddr,
    pub shutdown: CancellationToken,
    pub serving: tokio::task::JoinHandle<()>,
    pub rest: Rest,
}

async fn served() -> Served {
    served_by(Rest::start().await).await
}

pub async fn served_by(rest: Rest) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(api::rest::serve(listener, rest.api.clone(), shutdown.clone()));
    Served { address, shutdown, serving, rest }
}

/// Writes bytes and no more, and reads until the other side closes; a reset counts as closing.
pub async fn exchange(address: std::net::SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    answer(&mut stream).await
}

pub async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn garbage_at_the_rest_listener_harms_nobody() {
    let served = served().await;
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let many = format!("GET /livez HTTP/1.1\r\nhost: a\r\n{many}\r\n");
    let garbage: [&[u8]; 6] = [
        b"\x00\xff\xfe garbage \r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /v1/apps HTTP/1.1\r\nhost: a\r\ncontent-length: nonsense\r\n\r\n",
        long.as_bytes(),
        many.as_bytes(),
    ];
    for bytes in garbage {
        let answer = exchange(served.address, bytes).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let alive = exchange(served.address, b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(alive.starts_with("HTTP/1.1 200"), "{alive}");
    assert!(alive.to_lowercase().contains("\r\ndate: "), "{alive}");
}

#[tokio::test]
async fn a_refused_body_is_read_so_that_the_answer_arrives() {
    let served = served().await;
    let body = vec![b'x'; 9 * 1024 * 1024];
    let mut request =
        format!("POST /v1/apps HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len())
            .into_bytes();
    request.extend(body);
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let answer = answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[tokio::test]
async fn a_closing_listener_closes_its_idle_connections() {
    let served = served().await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    served.shutdown.cancel();
    tokio::time::timeout(PATIENCE, served.serving).await.unwrap().unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, idle.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn garbage_at_the_grpc_listener_harms_nobody() {
    let grpc = Grpc::start().await;
    for bytes in
        [&b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..], b"\x00\xff\xfe", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff"]
    {
        exchange(grpc.address, bytes).await;
    }
    let mut traffic = {
        let (channel, key) = grpc.with_key();
        wire::v1::traffic_client::TrafficClient::with_interceptor(channel, key)
    };
    traffic.get_plan(wire::v1::GetPlanRequest {}).await.unwrap();
}
