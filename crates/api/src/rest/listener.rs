//! Serving the REST API on a socket: HTTP/1.1 with heads bounded in size and time.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::router::router;
use super::state::RestApi;
use crate::connections::{self, Serving};

/// The largest head of a request, in bytes; also how much of a body is read at once.
const HEAD_MAX: usize = 64 * 1024;
/// The largest number of headers of a request.
const HEADERS_MAX: usize = 100;
/// How long a connection may wait for the head of its next request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Serves a listener until `shutdown`, then lets requests under way end, at most 10 s.
pub async fn serve(listener: TcpListener, api: Arc<RestApi>, shutdown: CancellationToken) {
    let limits = api.limits.connections;
    let tls = api.tls.as_deref().map(|config| connections::acceptor(config, "http/1.1"));
    let serving = Serving { name: "rest", answers: router(api), builder: http1(), limits, tls };
    connections::serve(listener, serving, shutdown).await;
}

fn http1() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_MAX)
        .max_headers(HEADERS_MAX);
    builder
}
