//! The seam to the network: how a node reaches others and how others reach it. Production uses TCP, plain or with TLS
//! (`tcp`); the simulator plugs in its own.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use model::cluster::NodeInfo;
use model::id::{ClusterId, NodeId, RegionId};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint};

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a connection may be silent before the other side is asked whether it lives, and how long that may take. A
/// connection through a healed partition would otherwise wait for TCP's own, much longer, retransmissions.
pub const KEEPALIVE: Duration = Duration::from_secs(1);
/// How many bytes one stream may have under way: what 80 ms need at 400 Mbit/s.
pub const STREAM_WINDOW: u32 = 4 * 1024 * 1024;
/// How many bytes one connection may have under way.
pub const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

/// Connections that other nodes opened.
pub type Incoming = BoxStream<'static, io::Result<PeerStream>>;

/// A network as the replication sees it.
pub trait PeerTransport: Send + Sync + 'static {
    /// Returns a channel to another node. It connects when it is first used, and again after it broke.
    ///
    /// # Errors
    /// When the node's address isn't one.
    fn connect(&self, to: &NodeInfo) -> Result<Channel, InvalidPeerAddress>;

    /// Returns the connections that others open to this node. Asked once.
    fn incoming(&self) -> Incoming;
}

/// Says that a node's address is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address:?} is not a host:port: {reason}")]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct InvalidPeerAddress {
    pub address: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Returns the settings of a channel between nodes; every transport starts from them.
///
/// # Errors
/// When the address isn't one.
pub fn peer_endpoint(address: &str) -> Result<Endpoint, InvalidPeerAddress> {
    let invalid =
        |e: tonic::transport::Error| InvalidPeerAddress { address: address.to_owned(), reason: e.to_string() };
    Ok(Endpoint::from_shared(format!("http://{address}"))
        .map_err(invalid)?
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE * 2)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW))
}

/// What a connection must be able to do.
trait PeerIo: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> PeerIo for T {}

/// What a connection proves about who opened it.
#[derive(Debug, Clone)]
pub enum PeerProof {
    /// Nothing: callers are believed. For a network that nobody else reaches.
    Unproved,
    /// A certificate that the cluster's authority signed.
    Certificate(Arc<ProvenName>),
}

/// A certificate, and the name in it that was looked for last.
#[derive(Debug)]
pub struct ProvenName {
    certificate: CertificateDer<'static>,
    found: OnceLock<String>,
}

impl PeerProof {
    /// Takes the certificate that the other end proved to hold.
    pub fn certificate(certificate: CertificateDer<'static>) -> PeerProof {
        PeerProof::Certificate(Arc::new(ProvenName { certificate, found: OnceLock::new() }))
    }

    /// Says whether the other end is this node, or nothing is known against it.
    pub(crate) fn is_of(&self, cluster: ClusterId, node: NodeId, region: &RegionId) -> bool {
        let PeerProof::Certificate(proven) = self else { return true };
        let name = node_name(cluster, node, region);
        proven.found.get().is_some_and(|found| *found == name) || proven.holds(name)
    }
}

impl ProvenName {
    fn holds(&self, name: String) -> bool {
        let Ok(server_name) = ServerName::try_from(name.as_str()) else { return false };
        let Ok(parsed) = ParsedCertificate::try_from(&self.certificate) else { return false };
        let holds = verify_server_name(&parsed, &server_name).is_ok();
        if holds {
            // Somebody else was quicker with the same name or, in a certificate of several nodes, another.
            let _ = self.found.set(name);
        }
        holds
    }
}

/// Returns the name that a node's certificate holds as a DNS name, such as
/// `node-2.eu-west-1.0123456789abcdef0123456789abcdef.signalbox`.
pub fn node_name(cluster: ClusterId, node: NodeId, region: &RegionId) -> String {
    format!("node-{node}.{region}.{cluster}.signalbox")
}

/// A connection that another node opened.
pub struct PeerStream {
    io: Box<dyn PeerIo>,
    proof: PeerProof,
    /// Its place among the connections, given back when it ends.
    _place: Option<OwnedSemaphorePermit>,
    /// Ready when this node stops: the connection ends then, however busy it is.
    closed: Option<BoxFuture<'static, ()>>,
    is_closed: bool,
}

impl PeerStream {
    /// Wraps a connection of any kind.
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, proof: PeerProof) -> PeerStream {
        PeerStream { io: Box::new(stream), proof, _place: None, closed: None, is_closed: false }
    }

    /// Counts the connection until it ends.
    pub(crate) fn counted(self, place: OwnedSemaphorePermit) -> PeerStream {
        PeerStream { _place: Some(place), ..self }
    }

    /// Ends the connection when `closed` is ready.
    pub(crate) fn until(self, closed: impl Future<Output = ()> + Send + 'static) -> PeerStream {
        PeerStream { closed: Some(Box::pin(closed)), ..self }
    }

    fn is_closed(&mut self, cx: &mut Context<'_>) -> bool {
        // Asked only until it is ready: a future that ended isn't polled again.
        self.is_closed =
            self.is_closed || self.closed.as_mut().is_some_and(|closed| closed.as_mut().poll(cx).is_ready());
        self.is_closed
    }
}

impl Connected for PeerStream {
    type ConnectInfo = PeerProof;

    fn connect_info(&self) -> PeerProof {
        self.proof.clone()
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_closed(cx) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
