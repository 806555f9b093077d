//! TLS on accepted connections. Whose certificate it is and which versions there are is the caller's to say.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Returns what makes TLS of a listener's connections, for one protocol of ALPN ("h2", "http/1.1").
pub(crate) fn acceptor(config: &ServerConfig, protocol: &str) -> TlsAcceptor {
    let mut config = config.clone();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// Makes a handshake; nothing when the client speaks no TLS, no known version of it, or takes too long.
pub(super) async fn handshake(acceptor: &TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    match tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!("TLS handshake took too long");
            None
        }
    }
}
