//! Pipelined append: the requests of one group to one follower go out one after the other without waiting for answers,
//! within a window, over one gRPC stream; the answers come back in the order of the requests.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use model::id::GroupId;
use openraft::base::BoxStream;
use openraft::errors::{NetworkError, Unreachable};
use openraft::raft::{AppendEntriesRequest, StreamAppendResult};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Response, Status, Streaming};
use wire::peer::{AppendReply, AppendRequest};

use crate::peers::introduction::PeerCalls;
use crate::raft::codec;
use crate::raft::type_config::{RpcError, TypeConfig};

/// The most requests of one group that are unanswered by one follower.
pub(crate) const WINDOW_REQUESTS_MAX: usize = 64;
/// The most bytes of entries that are unanswered; one request is always allowed.
pub(crate) const WINDOW_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What a stream of appends to one follower is about.
pub(crate) struct AppendStream {
    pub(crate) group: GroupId,
    pub(crate) client: PeerCalls,
    /// How long the oldest unanswered request may wait.
    pub(crate) timeout: Duration,
}

/// A request that is under way.
struct Sent {
    bytes: usize,
    due: Instant,
}

/// An answer as openraft takes it.
pub(crate) type Answer = Result<StreamAppendResult<TypeConfig>, RpcError>;
type Call = Pin<Box<dyn Future<Output = Result<Response<Streaming<AppendReply>>, Status>> + Send>>;

/// The answering side of the call: the call itself until the other node took it, then its answers.
enum Replies {
    Opening(Call),
    Open(Box<Streaming<AppendReply>>),
}

impl Replies {
    /// Returns the next answer. May be dropped while it waits.
    async fn next(&mut self) -> Result<AppendReply, Status> {
        loop {
            match self {
                Replies::Opening(call) => *self = Replies::Open(Box::new(call.await?.into_inner())),
                Replies::Open(replies) => {
                    let ended = || Status::unavailable("the other node ended the stream");
                    return replies.message().await?.ok_or_else(ended);
                }
            }
        }
    }
}

impl AppendStream {
    /// Sends the requests of `input` and returns the answers, in their order. The stream ends after the last answer, or
    /// after the first that isn't a success. Dropping it drops `input` at once.
    pub(crate) fn run<S>(mut self, mut input: S) -> BoxStream<'static, Answer>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
    {
        Box::pin(async_stream::stream! {
            let (sender, receiver) = mpsc::channel::<AppendRequest>(WINDOW_REQUESTS_MAX);
            let mut client = self.client.clone();
            let mut replies =
                Replies::Opening(Box::pin(async move { client.append(ReceiverStream::new(receiver)).await }));
            let mut sender = Some(sender);
            let mut window = Window::default();
            loop {
                tokio::select! {
                    biased;
                    reply = replies.next(), if !window.is_empty() => {
                        window.answered();
                        let answer = self.answer(reply);
                        let last = !matches!(answer, Ok(Ok(_)));
                        yield answer;
                        if last { return; }
                    }
                    () = tokio::time::sleep_until(window.due()), if !window.is_empty() => {
                        yield Err(NetworkError::from_string("the follower did not answer in time").into());
                        return;
                    }
                    request = input.next(), if sender.is_some() && window.has_room() => {
                        let sent = match request {
                            Some(request) => self.send(&sender, request),
                            None => None,
                        };
                        match sent {
                            Some(sent) => window.sent(sent),
                            None => sender = None,
                        }
                    }
                    else => return,
                }
            }
        })
    }

    /// Hands a request to the call; nothing when the call has ended.
    fn send(
        &mut self,
        sender: &Option<mpsc::Sender<AppendRequest>>,
        request: AppendEntriesRequest<TypeConfig>,
    ) -> Option<Sent> {
        let bytes = request.entries.iter().map(codec::entry_len).sum();
        let sent = Sent { bytes, due: Instant::now() + self.timeout };
        sender.as_ref()?.try_send(codec::append_out(self.group, request)).ok()?;
        Some(sent)
    }

    fn answer(&self, reply: Result<AppendReply, Status>) -> Answer {
        match reply {
            Ok(reply) => codec::append_reply_in(reply).map_err(|reason| Unreachable::from_string(reason).into()),
            Err(status) => Err(rpc_error(&status)),
        }
    }
}

/// The requests that are under way, oldest first.
#[derive(Default)]
struct Window {
    sent: VecDeque<Sent>,
    bytes: usize,
}

impl Window {
    fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    fn has_room(&self) -> bool {
        self.sent.len() < WINDOW_REQUESTS_MAX && self.bytes < WINDOW_BYTES_MAX
    }

    fn due(&self) -> Instant {
        self.sent.front().map_or_else(Instant::now, |sent| sent.due)
    }

    fn sent(&mut self, sent: Sent) {
        self.bytes += sent.bytes;
        self.sent.push_back(sent);
    }

    fn answered(&mut self) {
        if let Some(sent) = self.sent.pop_front() {
            self.bytes -= sent.bytes;
        }
    }
}

/// Sorts a failed call: a node that isn't there is left alone for a while, anything else is tried again at once.
pub(crate) fn rpc_error(status: &Status) -> RpcError {
    match status.code() {
        Code::DeadlineExceeded | Code::Cancelled => NetworkError::from_string(status).into(),
        _ => Unreachable::from_string(status).into(),
    }
}
