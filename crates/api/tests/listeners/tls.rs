//! The listeners with TLS on real sockets.

use std::net::SocketAddr;
use std::sync::Arc;

use api::grpc::GrpcLimits;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::grpc::Grpc;
use crate::rest::Rest;
use crate::sockets::PATIENCE;

const HOST: &str = "listener.example";

/// A listener's address, and what its clients trust.
struct Served {
    address: SocketAddr,
    certificate: CertificateDer<'static>,
}

fn server(protocol: &[u8]) -> (Arc<ServerConfig>, CertificateDer<'static>) {
    rustls::crypto::ring::default_provider().install_default().ok();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![HOST.to_owned()]).unwrap().self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let server = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.clone()], key);
    let mut server = server.unwrap();
    server.alpn_protocols = vec![protocol.to_vec()];
    (Arc::new(server), certificate)
}

async fn rest() -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, (tls, certificate)) = (listener.local_addr().unwrap(), server(b"http/1.1"));
    let api = Rest::start().await.api;
    tokio::spawn(api::rest::serve(listener, Some(tls), api, CancellationToken::new()));
    Served { address, certificate }
}

async fn grpc() -> Served {
    let (tls, certificate) = server(b"h2");
    let grpc = Grpc::serving(GrpcLimits::default(), Some(tls)).await;
    Served { address: grpc.address, certificate }
}

impl Served {
    async fn connect(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        protocol: &[u8],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let client = ClientConfig::builder_with_protocol_versions(versions).with_root_certificates(roots);
        let mut client = client.with_no_client_auth();
        client.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from(HOST).unwrap();
        let connecting = TlsConnector::from(Arc::new(client)).connect(name, stream);
        tokio::time::timeout(PATIENCE, connecting).await.expect("a handshake ends")
    }

    /// Asks for /livez over TLS.
    async fn lives(&self, version: &'static SupportedProtocolVersion) {
        let mut stream = self.connect(&[version], b"http/1.1").await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn rest_speaks_both_versions_and_nothing_in_plain_text() {
    let served = rest().await;
    served.lives(&rustls::version::TLS12).await;
    served.lives(&rustls::version::TLS13).await;
    let mut plain = TcpStream::connect(served.address).await.unwrap();
    plain.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, plain.read_to_end(&mut answer)).await.unwrap();
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "answered in plain text");
}

#[tokio::test]
async fn whoever_shakes_no_hand_holds_nobody_up() {
    let served = rest().await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(served.address).await.unwrap());
    }
    served.lives(&rustls::version::TLS13).await;
    assert_eq!(silent.len(), 50);
}

#[tokio::test]
async fn grpc_agrees_on_http_2_with_forward_secrecy() {
    let served = grpc().await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let stream = served.connect(&[version], b"h2").await.unwrap();
        let session = stream.get_ref().1;
        assert_eq!(session.alpn_protocol(), Some(&b"h2"[..]));
        let suite = format!("{:?}", session.negotiated_cipher_suite().unwrap().suite());
        let ephemeral = version.version == ProtocolVersion::TLSv1_3 || suite.contains("ECDHE");
        assert!(ephemeral, "{suite}");
    }
    let other = served.connect(&[&rustls::version::TLS13], b"spdy/1").await;
    assert!(other.is_err(), "a protocol that is not spoken here");
}
