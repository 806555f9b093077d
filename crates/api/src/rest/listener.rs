//! Serving the REST API on a socket: connections are counted, heads bounded in size and time, and stopping lets
//! requests under way end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use service::panics::may_unwind;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::router::router;
use super::state::RestApi;
use crate::connections::{Connection, Connections};

/// The largest head of a request, in bytes.
const HEAD_MAX: usize = 64 * 1024;
/// The largest number of headers of a request.
const HEADERS_MAX: usize = 100;
/// How long a connection may wait for the head of its next request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long requests under way may go on when the listener closes.
const CLOSING_MAX: Duration = Duration::from_secs(10);

/// Serves a listener until `shutdown`, then lets requests under way end, at most `CLOSING_MAX`. It speaks TLS when it is
/// given what for.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    api: Arc<RestApi>,
    shutdown: CancellationToken,
) {
    let mut incoming = Connections::new(listener, tls, api.limits.connections_max);
    let router = router(api);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            connection = incoming.next() => {
                connections.spawn(may_unwind(serve_connection(connection, router.clone(), shutdown.clone())));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(incoming);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(CLOSING_MAX, ended).await.is_err() {
        tracing::warn!(connections = connections.len(), "closed connections with requests under way");
    }
}

async fn serve_connection(connection: Connection, router: Router, shutdown: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(connection), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended early");
    }
}
