//! Accepting connections, with TLS or without, for both listeners: a socket in, connections that may speak out.
//!
//! What must always hold: connections are counted from the moment on when they are accepted until they end, those that
//! still shake hands too; a handshake that takes long is given up and holds nobody else up; and accepting goes on
//! whatever happens to one connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use rustls::ServerConfig;
use service::ports::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long to wait after a connection couldn't be accepted; out of file descriptors is the common reason.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The most handshakes under way; further connections wait to be accepted.
const HANDSHAKES_MAX: usize = 256;

/// A socket that connections are taken from.
pub(crate) struct Connections {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
    /// A place for the next connection.
    place: Option<OwnedSemaphorePermit>,
    handshakes: FuturesUnordered<BoxFuture<'static, io::Result<Connection>>>,
}

/// A connection with its place among those that are allowed.
pub(crate) struct Connection {
    stream: Stream,
    _place: OwnedSemaphorePermit,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connections {
    /// Takes connections from a socket, at most `max` at a time; further ones wait to be accepted.
    pub(crate) fn new(listener: TcpListener, tls: Option<Arc<ServerConfig>>, max: usize) -> Connections {
        let (tls, places) = (tls.map(TlsAcceptor::from), Arc::new(Semaphore::new(max)));
        Connections { listener, tls, places, place: None, handshakes: FuturesUnordered::new() }
    }

    /// Waits for a connection that may speak. May be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Connection {
        loop {
            let may_accept = self.handshakes.len() < HANDSHAKES_MAX;
            tokio::select! {
                Some(shaken) = self.handshakes.next(), if !self.handshakes.is_empty() => match shaken {
                    Ok(connection) => return connection,
                    Err(error) => {
                        metrics::counter!("signalbox_tls_handshakes_failed_total").increment(1);
                        tracing::debug!(%error, "TLS handshake failed");
                    }
                },
                accepted = accept(&self.listener, &self.places, &mut self.place), if may_accept => {
                    let Some((stream, place)) = accepted else { continue };
                    match self.tls.clone() {
                        Some(tls) => self.handshakes.push(Box::pin(shake(tls, stream, place))),
                        None => return Connection { stream: Stream::Plain(stream), _place: place },
                    }
                }
            }
        }
    }
}

/// Waits for a place and a connection; nothing when the system gave none.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    place: &mut Option<OwnedSemaphorePermit>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    if place.is_none() {
        *place = Arc::clone(places).acquire_owned().await.ok();
    }
    match listener.accept().await {
        Ok((stream, _)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "failed to set nodelay");
            }
            place.take().map(|place| (stream, place))
        }
        Err(error) => {
            tracing::warn!(%error, "failed to accept a connection");
            tokio::time::sleep(ACCEPT_BACKOFF).await;
            None
        }
    }
}

async fn shake(tls: TlsAcceptor, stream: TcpStream, place: OwnedSemaphorePermit) -> io::Result<Connection> {
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await??;
    Ok(Connection { stream: Stream::Tls(Box::new(stream)), _place: place })
}

impl Connection {
    /// Returns the socket below.
    pub(crate) fn socket(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }
}

/// Calls the same function of whichever stream it is.
macro_rules! either {
    ($self:ident, $function:ident($($argument:expr),*)) => {
        match &mut $self.stream {
            Stream::Plain(stream) => Pin::new(stream).$function($($argument),*),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).$function($($argument),*),
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_read(cx, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_shutdown(cx))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, poll_write_vectored(cx, parts))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
