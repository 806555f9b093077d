//! TCP between nodes, with TLS or plain. With TLS both ends prove who they are: the one that connects looks for the name
//! of the node that it means in the other's certificate, the one that accepts checks each call against the certificate
//! (`server::callers`).
//!
//! What must always hold: whatever knocks, accepting goes on. Connections and handshakes under way are bounded, a
//! handshake that takes long is given up, and running out of file descriptors is waited out.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use hyper_util::rt::TokioIo;
use model::cluster::NodeInfo;
use model::id::ClusterId;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use service::ports::BoxFuture;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tonic::transport::{Channel, Uri};

use crate::peers::transport::{
    CONNECT_TIMEOUT, Incoming, InvalidPeerAddress, PeerProof, PeerStream, PeerTransport, node_name, peer_endpoint,
};

/// The most open connections of other nodes. Each node opens one; the rest is room for reconnecting.
const CONNECTIONS_MAX: usize = 256;
/// The most handshakes under way; further connections wait in the system's queue.
const HANDSHAKES_MAX: usize = 32;
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long accepting rests when the system has nothing left to give.
const ACCEPT_REST: Duration = Duration::from_millis(200);
/// How often failed handshakes are worth a line in the log.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// What this node proves itself with. Asked for each connection, so that renewed certificates count at once.
pub trait PeerCredentials: Send + Sync + 'static {
    /// Returns the settings for connections of others; clients must prove themselves.
    fn server(&self) -> Arc<ServerConfig>;

    /// Returns the settings for connections to others.
    fn client(&self) -> Arc<ClientConfig>;
}

/// TCP without Nagle's delay.
pub struct TcpTransport {
    listener: Mutex<Option<TcpListener>>,
    tls: Option<Tls>,
}

#[derive(Clone)]
struct Tls {
    cluster: ClusterId,
    credentials: Arc<dyn PeerCredentials>,
}

impl TcpTransport {
    /// Listens on `address`, with neither encryption nor proof: for a network that nobody else reaches. Port 0 takes a
    /// free one.
    ///
    /// # Errors
    /// When the address can't be bound.
    pub async fn plain(address: &str) -> io::Result<TcpTransport> {
        Ok(TcpTransport { listener: Mutex::new(Some(TcpListener::bind(address).await?)), tls: None })
    }

    /// Listens on `address` with TLS, for nodes of the cluster alone.
    ///
    /// # Errors
    /// When the address can't be bound.
    pub async fn tls(
        address: &str,
        cluster: ClusterId,
        credentials: Arc<dyn PeerCredentials>,
    ) -> io::Result<TcpTransport> {
        let plain = TcpTransport::plain(address).await?;
        Ok(TcpTransport { tls: Some(Tls { cluster, credentials }), ..plain })
    }
}

impl PeerTransport for TcpTransport {
    fn connect(&self, to: &NodeInfo) -> Result<Channel, InvalidPeerAddress> {
        let endpoint = peer_endpoint(&to.peer)?;
        let Some(tls) = self.tls.clone() else { return Ok(endpoint.connect_lazy()) };
        let invalid = |reason: String| InvalidPeerAddress { address: to.peer.clone(), reason };
        let name = node_name(tls.cluster, to.id, &to.region);
        let name = ServerName::try_from(name).map_err(|error| invalid(error.to_string()))?;
        let address = to.peer.clone();
        let connector = tower::service_fn(move |_: Uri| {
            let (tls, name, address) = (tls.clone(), name.clone(), address.clone());
            async move { tls.connect(&address, name).await.map(TokioIo::new) }
        });
        Ok(endpoint.connect_with_connector_lazy(connector))
    }

    fn incoming(&self) -> Incoming {
        let taken = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        match taken {
            Some(listener) => accept(listener, self.tls.clone()),
            None => futures::stream::empty().boxed(),
        }
    }
}

impl Tls {
    async fn connect(
        &self,
        address: &str,
        name: ServerName<'static>,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let connecting = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            TlsConnector::from(self.credentials.client()).connect(name, stream).await
        };
        // A handshake takes two round trips more than a connection.
        tokio::time::timeout(CONNECT_TIMEOUT * 3, connecting)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn accept(self, stream: TcpStream) -> io::Result<PeerStream> {
        let stream = TlsAcceptor::from(self.credentials.server()).accept(stream).await?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).cloned();
        let certificate = certificate.ok_or_else(|| io::Error::other("the other end showed no certificate"))?;
        Ok(PeerStream::new(stream, PeerProof::certificate(certificate.into_owned())))
    }
}

/// Accepts connections for ever.
fn accept(listener: TcpListener, tls: Option<Tls>) -> Incoming {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let stream = async_stream::stream! {
        let mut handshakes: FuturesUnordered<BoxFuture<'static, io::Result<PeerStream>>> = FuturesUnordered::new();
        let mut complained: Option<Instant> = None;
        loop {
            let place = async {
                let place = places.clone().acquire_owned().await;
                (listener.accept().await, place)
            };
            tokio::select! {
                biased;
                Some(shaken) = handshakes.next(), if !handshakes.is_empty() => match shaken {
                    Ok(stream) => yield Ok(stream),
                    Err(error) => complain(&mut complained, "connection of another node refused", &error),
                },
                (accepted, place) = place, if handshakes.len() < HANDSHAKES_MAX => match (accepted, place) {
                    (Ok((stream, _)), Ok(place)) => {
                        let tls = tls.clone();
                        handshakes.push(Box::pin(async move { Ok(shake(stream, tls).await?.counted(place)) }));
                    }
                    (Err(error), _) => {
                        complain(&mut complained, "accepting connections of other nodes failed; trying again", &error);
                        tokio::time::sleep(ACCEPT_REST).await;
                    }
                    (_, Err(_)) => return,
                },
            }
        }
    };
    stream.boxed()
}

async fn shake(stream: TcpStream, tls: Option<Tls>) -> io::Result<PeerStream> {
    stream.set_nodelay(true)?;
    let from = stream.peer_addr()?;
    let Some(tls) = tls else { return Ok(PeerStream::new(stream, PeerProof::Unproved)) };
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(io::Error::new(error.kind(), format!("{from}: {error}"))),
        Err(_) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("{from}: no TLS handshake in {HANDSHAKE_TIMEOUT:?}")))
        }
    }
}

fn complain(last: &mut Option<Instant>, what: &'static str, error: &io::Error) {
    metrics::counter!("signalbox_peer_connections_refused_total").increment(1);
    if last.is_none_or(|last| last.elapsed() >= COMPLAIN_EVERY) {
        *last = Some(Instant::now());
        tracing::warn!(%error, "{what}");
    } else {
        tracing::debug!(%error, "{what}");
    }
}

#[cfg(test)]
#[path = "tcp_tests.rs"]
mod tests;
