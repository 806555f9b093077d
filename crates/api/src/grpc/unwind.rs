//! A panic in a gRPC call ends that call alone: every call is polled as one that may unwind.

use std::task::{Context, Poll};

use service::panics::may_unwind;
use service::ports::BoxFuture;
use tower::{Layer, Service};

/// Puts [`Unwind`] around the services.
#[derive(Debug, Clone, Copy)]
pub struct UnwindLayer;

/// A service whose calls may unwind.
#[derive(Debug, Clone)]
pub struct Unwind<S>(S);

impl<S> Layer<S> for UnwindLayer {
    type Service = Unwind<S>;

    fn layer(&self, inner: S) -> Unwind<S> {
        Unwind(inner)
    }
}

impl<S, R> Service<R> for Unwind<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        Box::pin(may_unwind(self.0.call(request)))
    }
}
