//! The listeners with TLS: a handshake comes first, is bounded in time, and names the protocol.

use std::net::SocketAddr;
use std::sync::Arc;

use api::grpc::{KEY_ID as KEY_ID_NAME, KEY_SECRET};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::Endpoint;
use wire::v1;

use crate::grpc::Grpc;
use crate::rest::Rest;
use crate::sockets::{exchange, served_by};
use crate::support::{KEY_ID, SECRET};

/// A certificate for `localhost`, and a client that trusts it and asks for a protocol.
fn tls(protocol: &str) -> (Arc<ServerConfig>, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    (Arc::new(server), TlsConnector::from(Arc::new(client)))
}

async fn connect(address: SocketAddr, connector: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[tokio::test]
async fn requests_come_through_tls_and_plain_ones_do_not() {
    let (server, connector) = tls("http/1.1");
    let served = served_by(Rest::with_tls(server).await).await;
    let alive = b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let mut stream = connect(served.address, &connector).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream.write_all(alive).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    let plain = exchange(served.address, alive).await;
    assert!(!plain.starts_with("HTTP"), "{plain}");
}

#[tokio::test]
async fn calls_come_through_tls() {
    let (server, connector) = tls("h2");
    let grpc = Grpc::with_tls(server).await;
    let address = grpc.address;
    let connecting = tower::service_fn(move |_: http::Uri| {
        let connector = connector.clone();
        async move { connect(address, &connector).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://localhost").connect_with_connector_lazy(connecting);
    let mut request = tonic::Request::new(v1::GetPlanRequest {});
    request.metadata_mut().insert(KEY_ID_NAME, KEY_ID.parse().unwrap());
    request.metadata_mut().insert(KEY_SECRET, SECRET.parse().unwrap());
    v1::traffic_client::TrafficClient::new(channel).get_plan(request).await.unwrap();
}

/// A timer here would be reached first: nothing else waits before the connection is accepted.
#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_not_ended_is_dropped() {
    let (server, _) = tls("http/1.1");
    let served = served_by(Rest::with_tls(server).await).await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    silent.write_all(b"\x16").await.unwrap();
    assert_eq!(silent.read_to_end(&mut Vec::new()).await.unwrap(), 0);
}
