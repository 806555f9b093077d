//! Serving the REST API on a socket: connections are counted, heads bounded in size and time, and stopping lets
//! requests under way end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use service::panics::may_unwind;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::router::router;
use super::state::RestApi;

/// The largest head of a request, in bytes.
const HEAD_MAX: usize = 64 * 1024;
/// The largest number of headers of a request.
const HEADERS_MAX: usize = 100;
/// How long a connection may wait for the head of its next request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long requests under way may go on when the listener closes.
const CLOSING_MAX: Duration = Duration::from_secs(10);
/// How long to wait after a connection couldn't be accepted; out of file descriptors is the common reason.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Serves a listener until `shutdown`, then lets requests under way end, at most `CLOSING_MAX`.
pub async fn serve(listener: TcpListener, api: Arc<RestApi>, shutdown: CancellationToken) {
    let places = Arc::new(Semaphore::new(api.limits.connections_max));
    let router = router(api);
    let mut connections = JoinSet::new();
    while let Some((stream, place)) = next(&listener, &places, &shutdown, &mut connections).await {
        connections.spawn(may_unwind(connection(stream, router.clone(), shutdown.clone(), place)));
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(CLOSING_MAX, ended).await.is_err() {
        tracing::warn!(connections = connections.len(), "closed connections with requests under way");
    }
}

/// Waits for a place and a connection; nothing when the listener closes.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    shutdown: &CancellationToken,
    connections: &mut JoinSet<()>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = tokio::select! {
        place = Arc::clone(places).acquire_owned() => place.ok()?,
        () = shutdown.cancelled() => return None,
    };
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => return Some((stream, place)),
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = shutdown.cancelled() => return None,
        }
    }
}

async fn connection(stream: TcpStream, router: Router, shutdown: CancellationToken, _place: OwnedSemaphorePermit) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "failed to set nodelay");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
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
