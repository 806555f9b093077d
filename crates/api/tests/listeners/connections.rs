//! Connections that say nothing, or never end what they say: they don't keep others out.

use api::ConnectionLimits;
use api::grpc::GrpcLimits;
use api::rest::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::v1;

use crate::grpc::Grpc;
use crate::rest::Rest;
use crate::sockets::{PATIENCE, Served, answer, exchange, served_by};

const FEW: ConnectionLimits = ConnectionLimits { max: 20, reserve: 4 };
const CREATE: &str = r#"{"Name":"n"}"#;
const ALIVE: &[u8] = b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

async fn few() -> Served {
    served_by(Rest::with_limits(Limits { connections: FEW, ..Limits::default() }).await).await
}

/// Opens connections that each write `said` and no more.
async fn hold(address: std::net::SocketAddr, count: usize, said: &[u8]) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said).await.unwrap();
        held.push(stream);
    }
    held
}

async fn create(served: &Served) -> String {
    let mut request = served.rest.head("POST", "/v1/apps", CREATE, CREATE.len());
    request.extend(CREATE.as_bytes());
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let _ = stream.shutdown().await;
    answer(&mut stream).await
}

#[tokio::test]
async fn idle_connections_give_way_to_new_ones() {
    let served = few().await;
    for said in [&b""[..], b"POST /v1/apps HTTP/1.1\r\nhost: a\r\n"] {
        let _idle = hold(served.address, 300, said).await;
        let created = create(&served).await;
        assert!(created.starts_with("HTTP/1.1 201"), "{created}");
    }
}

#[tokio::test]
async fn health_is_answered_while_every_connection_has_a_request() {
    let served = few().await;
    let head = served.rest.head("POST", "/v1/apps", CREATE, CREATE.len());
    let busy = hold(served.address, FEW.max, &head).await;
    // The reserve is used when the requests under way have arrived.
    let full = async {
        loop {
            let answer = create(&served).await;
            if answer.starts_with("HTTP/1.1 429") {
                return answer;
            }
        }
    };
    let full = tokio::time::timeout(PATIENCE, full).await.unwrap();
    assert!(full.contains("Too many connections"), "{full}");
    for _ in 0..3 * FEW.reserve {
        let alive = exchange(served.address, ALIVE).await;
        assert!(alive.starts_with("HTTP/1.1 200"), "{alive}");
    }
    drop(busy);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_speaks_is_closed() {
    let served = few().await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    // A timer here would be reached first: nothing else waits before the connection is accepted.
    assert_eq!(silent.read_to_end(&mut Vec::new()).await.unwrap(), 0);
}

#[tokio::test]
async fn idle_connections_give_way_to_calls() {
    let grpc = Grpc::with_limits(GrpcLimits { connections: FEW, ..GrpcLimits::default() }).await;
    for said in [&b""[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"] {
        let _idle = hold(grpc.address, 300, said).await;
        let (channel, key) = grpc.with_key();
        let mut traffic = v1::traffic_client::TrafficClient::with_interceptor(channel, key);
        traffic.get_plan(v1::GetPlanRequest {}).await.unwrap();
    }
}
