use model::id::{NodeId, RegionId};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::transport::server::Connected as _;

use super::*;

const CLUSTER: ClusterId = ClusterId(7);
/// How long what must happen may take.
const SOON: Duration = Duration::from_secs(20);

fn region() -> RegionId {
    RegionId::new("us-east-1").unwrap()
}

/// A cluster's authority.
struct Authority(Issuer<'static, KeyPair>, CertificateDer<'static>);

impl Authority {
    fn new() -> Authority {
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Authority(Issuer::new(params, key), certificate.der().clone())
    }

    /// What a node has that trusts this authority and was issued a certificate.
    fn node(&self, number: u64) -> Arc<Credentials> {
        let mut params = CertificateParams::new(vec![node_name(CLUSTER, NodeId(number), &region())]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().der().clone();
        let key = || PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.1.clone()).unwrap();
        let roots = Arc::new(roots);
        let clients = WebPkiClientVerifier::builder(roots.clone()).build().unwrap();
        let server = ServerConfig::builder()
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate.clone()], key())
            .unwrap();
        let client = ClientConfig::builder().with_root_certificates(roots.clone());
        let client = client.with_client_auth_cert(vec![certificate], key()).unwrap();
        let unproved = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Arc::new(Credentials { server: server.into(), client: client.into(), unproved: unproved.into() })
    }
}

struct Credentials {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    /// As `client`, without a certificate.
    unproved: Arc<ClientConfig>,
}

impl PeerCredentials for Credentials {
    fn server(&self) -> Arc<ServerConfig> {
        self.server.clone()
    }

    fn client(&self) -> Arc<ClientConfig> {
        self.client.clone()
    }
}

/// Starts node 2 and returns what it lets in, and its address.
async fn node_2(authority: &Authority) -> (Incoming, String) {
    let transport = TcpTransport::tls("127.0.0.1:0", CLUSTER, authority.node(2)).await.unwrap();
    let address = transport.listener.lock().unwrap().as_ref().unwrap().local_addr().unwrap();
    (transport.incoming(), address.to_string())
}

async fn connect(
    client: Arc<ClientConfig>,
    address: &str,
    to: u64,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let name = ServerName::try_from(node_name(CLUSTER, NodeId(to), &region())).unwrap();
    TlsConnector::from(client).connect(name, TcpStream::connect(address).await?).await
}

async fn next(incoming: &mut Incoming) -> PeerStream {
    tokio::time::timeout(SOON, incoming.next()).await.expect("a connection").unwrap().unwrap()
}

#[tokio::test]
async fn both_ends_know_who_the_other_is() {
    let authority = Authority::new();
    let (mut incoming, address) = node_2(&authority).await;
    let tls = Tls { cluster: CLUSTER, credentials: authority.node(1) };
    let name = ServerName::try_from(node_name(CLUSTER, NodeId(2), &region())).unwrap();
    let (ours, theirs) = tokio::join!(tls.connect(&address, name), next(&mut incoming));
    let mut ours = ours.unwrap();
    let (proof, mut theirs) = (theirs.connect_info(), theirs);
    ours.write_all(b"hello").await.unwrap();
    let mut heard = [0; 5];
    theirs.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
    for _ in 0..2 {
        assert!(proof.is_of(CLUSTER, NodeId(1), &region()));
        assert!(!proof.is_of(CLUSTER, NodeId(3), &region()), "another node");
        assert!(!proof.is_of(ClusterId(8), NodeId(1), &region()), "another cluster");
        assert!(!proof.is_of(CLUSTER, NodeId(1), &RegionId::new("eu-west-1").unwrap()), "another region");
    }
}

#[tokio::test]
async fn another_node_at_the_address_is_not_connected_to() {
    let authority = Authority::new();
    let (mut incoming, address) = node_2(&authority).await;
    let node_1 = authority.node(1);
    let refused = tokio::select! {
        connected = connect(node_1.client(), &address, 3) => connected.unwrap_err(),
        _ = incoming.next() => panic!("let in"),
    };
    assert!(refused.to_string().contains("certificate"), "{refused}");
}

#[tokio::test]
async fn whoever_has_no_certificate_of_the_authority_is_not_let_in() {
    let authority = Authority::new();
    let (mut incoming, address) = node_2(&authority).await;
    let own = authority.node(1);
    // They trust node 2, and can't prove themselves.
    let stranger = Authority::new().node(1);
    let silent = TcpStream::connect(&address).await.unwrap();
    let mut plain = TcpStream::connect(&address).await.unwrap();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let strange = tokio::spawn({
        let (address, unproved, foreign) = (address.clone(), own.unproved.clone(), stranger.client());
        async move {
            let mut ended = 0;
            for client in [unproved, foreign] {
                let mut byte = [0; 1];
                let read = match connect(client, &address, 2).await {
                    // A client of TLS 1.3 learns when it reads.
                    Ok(mut stream) => stream.read(&mut byte).await,
                    Err(error) => Err(error),
                };
                ended += usize::from(!matches!(read, Ok(1..)));
            }
            let mut byte = [0; 64];
            // An alert, or nothing.
            while matches!(plain.read(&mut byte).await, Ok(1..)) {}
            ended
        }
    });
    let refused = tokio::select! {
        ended = strange => ended.unwrap(),
        _ = incoming.next() => panic!("let in"),
    };
    assert_eq!(refused, 2);
    // Meanwhile nobody else is kept out.
    let (connected, _) = tokio::join!(connect(own.client(), &address, 2), next(&mut incoming));
    connected.unwrap();
    drop(silent);
}
