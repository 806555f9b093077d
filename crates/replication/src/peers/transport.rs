//! The seam to the network: how a node reaches others and how others reach it. Production uses TCP; the simulator plugs
//! in its own.

use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tonic::transport::server::{Connected, TcpIncoming};
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
    /// Returns a channel to `address` (`host:port`). It connects when it is first used, and again after it broke.
    ///
    /// # Errors
    /// When the address isn't one.
    fn connect(&self, address: &str) -> Result<Channel, InvalidPeerAddress>;

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

/// A connection that another node opened.
pub struct PeerStream {
    io: Box<dyn PeerIo>,
    /// Ready when this node stops: the connection ends then, however busy it is.
    closed: Option<BoxFuture<'static, ()>>,
    is_closed: bool,
}

impl PeerStream {
    /// Wraps a connection of any kind.
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> PeerStream {
        PeerStream { io: Box::new(stream), closed: None, is_closed: false }
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
    type ConnectInfo = ();

    fn connect_info(&self) {}
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

/// TCP without Nagle's delay.
pub struct TcpTransport {
    listener: Mutex<Option<TcpListener>>,
}

impl TcpTransport {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address can't be bound.
    pub async fn bind(address: &str) -> io::Result<TcpTransport> {
        Ok(TcpTransport { listener: Mutex::new(Some(TcpListener::bind(address).await?)) })
    }
}

impl PeerTransport for TcpTransport {
    fn connect(&self, address: &str) -> Result<Channel, InvalidPeerAddress> {
        Ok(peer_endpoint(address)?.connect_lazy())
    }

    fn incoming(&self) -> Incoming {
        let taken = self.listener.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        match taken {
            Some(listener) => TcpIncoming::from(listener).with_nodelay(Some(true)).map_ok(PeerStream::new).boxed(),
            None => futures::stream::empty().boxed(),
        }
    }
}
