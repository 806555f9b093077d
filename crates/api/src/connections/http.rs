//! HTTP on one connection: requests are counted as under way until their answers are written, and the connection ends
//! when it is idle or old, must give way, or the listener closes.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::places::{Place, UnderWay};

/// How long a connection may be without a request.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// How old a connection may be; clients connect again, and find the nodes that there are by then.
const AGE_MAX: Duration = Duration::from_secs(3_600);
/// How long a connection that ends may take to say so once nothing is under way.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// Marks the requests of a connection of the reserve: they are answered when they ask for health or metrics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reserved;

/// What answers the requests of a listener.
pub(crate) trait Answers: Send + Sync + 'static {
    /// Answers one request, whatever it is.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send + use<Self>;
}

impl Answers for Router {
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send + use<> {
        let answering = self.clone().call(request);
        async { answering.await.unwrap_or_else(|never| match never {}) }
    }
}

/// Serves the requests of a connection until it ends.
pub(super) async fn serve<S, A>(
    stream: S,
    builder: &Builder<TokioExecutor>,
    answers: &A,
    place: &Place,
    shutdown: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Answers,
{
    let service = hyper::service::service_fn(|request| answer(answers, place, request));
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        // The client closed, or broke the protocol.
        result = connection.as_mut() => result,
        () = async {
            tokio::select! {
                () = place.must_give_way() => {}
                () = place.is_idle_for(IDLE_MAX) => {}
                () = tokio::time::sleep(AGE_MAX) => {}
                () = shutdown.cancelled() => {}
            }
        } => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = connection => result,
                () = place.is_idle_for(FAREWELL_MAX) => Ok(()),
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Answers a request, which is under way until its answer is written.
fn answer<A: Answers>(
    answers: &A,
    place: &Place,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Answer>, Infallible>> + Send + use<A> {
    let under_way = place.begin();
    if place.is_reserved() {
        request.extensions_mut().insert(Reserved);
    }
    let answering = answers.answer(request);
    async { Ok(answering.await.map(|body| Answer { body, _under_way: under_way })) }
}

/// The body of an answer; its request is under way for as long as it is written.
struct Answer {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for Answer {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
