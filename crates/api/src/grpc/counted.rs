//! The body of a call, counted as it arrives. Over its budget it ends with RESOURCE_EXHAUSTED, which its service passes
//! on.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tonic::Status;

use super::error::GrpcError;
use crate::quotas::Share;

/// A body whose bytes are counted.
pub(super) struct Counted {
    body: Incoming,
    share: Arc<Share>,
}

impl Counted {
    pub(super) fn new(body: Incoming, share: Arc<Share>) -> Counted {
        Counted { body, share }
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let Poll::Ready(Some(Ok(frame))) = polled else { return polled.map_err(axum::Error::new) };
        match self.share.take(frame.data_ref().map_or(0, Bytes::len)) {
            Ok(()) => Poll::Ready(Some(Ok(frame))),
            Err(_) => Poll::Ready(Some(Err(axum::Error::new(Status::from(GrpcError::exhausted("bytes of calls")))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
