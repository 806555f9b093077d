//! A request body that asks before it leaves. HTTP/1 reads the body of a request once its connection is made and writes
//! what it read in the same breath, so that this is the last moment to say no. Knows nothing of what is asked.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use model::MessageId;
use reqwest::Body;

use crate::driver::{Begin, BeginGuard, Withdrawn};

/// How much of the payload holds fences back until it is written, in bytes: few enough that the operating system takes
/// them at once, also for a peer that reads nothing.
const HOLDING_LEN: usize = 1024;

/// A payload and the messages whose dispatch begins with its first byte. Refused, it fails the request, nothing of it
/// is written, and the connection is closed.
pub(in crate::drivers) struct GuardedBody {
    payload: Bytes,
    messages: Vec<MessageId>,
    /// Nothing once it was asked.
    begin: Option<Arc<dyn Begin>>,
}

impl GuardedBody {
    /// Makes a body of a payload, which is not empty.
    pub(in crate::drivers) fn body(payload: Vec<u8>, messages: Vec<MessageId>, begin: Arc<dyn Begin>) -> Body {
        Body::wrap(GuardedBody { payload: payload.into(), messages, begin: Some(begin) })
    }
}

impl http_body::Body for GuardedBody {
    type Data = Bytes;
    type Error = Withdrawn;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Withdrawn>>> {
        let Some(begin) = self.begin.take() else {
            let rest = std::mem::take(&mut self.payload);
            return Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))));
        };
        let begun = begin.begin(&self.messages)?;
        let len = HOLDING_LEN.min(self.payload.len());
        let bytes = self.payload.split_to(len);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(Holding { bytes, _begun: begun })))))
    }

    fn is_end_stream(&self) -> bool {
        self.begin.is_none() && self.payload.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.payload.len() as u64)
    }
}

/// The first bytes of a payload: dropped when they are written.
struct Holding {
    bytes: Bytes,
    _begun: BeginGuard,
}

impl AsRef<[u8]> for Holding {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
