//! openraft's view of the network: one handle per group, target and purpose, all over the one channel to the target.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use model::id::{GroupId, NodeId};
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{NetworkError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{
    Backoff, NetBackoff, NetSnapshot, NetStreamAppend, NetTransferLeader, NetVote, RPCOption, RaftNetworkFactory,
};
use openraft::raft::{
    AppendEntriesRequest, SnapshotResponse, StreamAppendError, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use service::ports::Clock;
use tonic::Request;
use tracing::Instrument as _;
use wire::peer;

use crate::lease::group_lease::GroupLease;
use crate::members::left::LeftOut;
use crate::node::background::Background;
use crate::peers::channels::{Peer, Peers};
use crate::raft::append_stream::{Answer, AppendStream, rpc_error};
use crate::raft::codec;
use crate::raft::snapshot::Snapshot;
use crate::raft::snapshot::SnapshotData;
use crate::raft::type_config::{Member, RpcError, StoredMembership, TypeConfig, Vote};

/// The metadata key that marks a vote request as part of a transfer of leadership: voters grant it even while they
/// refuse others (rule R8).
pub(crate) const TRANSFER_KEY: &str = "signalbox-leadership-transfer";
/// The delays before an unreachable node is called again: first, and at most.
const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// What all handles of a group share.
#[derive(Clone)]
pub(crate) struct NetworkFactory {
    pub(crate) group: GroupId,
    pub(crate) node: NodeId,
    /// Where it is noted that others go by a membership without this node.
    pub(crate) left_out: Arc<LeftOut>,
    pub(crate) peers: Arc<Peers>,
    /// Where it is noted who follows.
    pub(crate) lease: Arc<GroupLease>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long a follower may take to answer an append.
    pub(crate) append_timeout: Duration,
    /// How long a chunk of a snapshot may take.
    pub(crate) snapshot_timeout: Duration,
    pub(crate) background: Arc<dyn Background>,
}

/// A handle to one target.
pub(crate) struct Network {
    factory: NetworkFactory,
    target: NodeId,
    /// Whether this handle carries heartbeats, which are merged with those of other groups.
    merges: bool,
}

impl RaftNetworkFactory<TypeConfig> for NetworkFactory {
    type Network = Network;

    async fn new_client(&mut self, target: u64, member: &Member) -> Network {
        self.peers.learn_if_unknown(&member.0);
        Network { factory: self.clone(), target: NodeId(target), merges: false }
    }

    async fn new_heartbeat_client(&mut self, target: u64, member: &Member) -> Network {
        Network { merges: true, ..self.new_client(target, member).await }
    }
}

impl Network {
    fn peer(&self) -> Result<Peer, RpcError> {
        self.factory.peers.get(self.target).map_err(|error| Unreachable::new(&error).into())
    }

    async fn call<T>(
        &self,
        option: &RPCOption,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, RpcError> {
        match tokio::time::timeout(option.soft_ttl(), call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(rpc_error(&status)),
            Err(_) => Err(NetworkError::from_string("the call timed out").into()),
        }
    }

    /// Takes note when another member goes by a newer membership without this node: it is told of nothing any more, and
    /// asks those who took its place.
    fn left_out(&self, membership: &StoredMembership) {
        let NetworkFactory { group, node, left_out, peers, .. } = &self.factory;
        if left_out.told(*node, membership) {
            tracing::info!(
                group = group.0,
                from = self.target.0,
                "another member goes by a newer membership without this node"
            );
            membership.membership().nodes().for_each(|(_, member)| peers.learn_if_unknown(&member.0));
        }
    }

    fn merged<S>(&self, mut input: S) -> Result<BoxStream<'static, Answer>, RpcError>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
    {
        let heartbeats = self.peer()?.heartbeats;
        let (NetworkFactory { group, lease, clock, .. }, target) = (self.factory.clone(), self.target);
        Ok(async_stream::stream! {
            while let Some(request) = input.next().await {
                // Before it is sent, so that the evidence comes out older than it is, if at all.
                let (leader, sent) = (request.vote.leader_id, clock.boot_time());
                let answer = match heartbeats.send(codec::append_out(group, request)).await {
                    Ok(reply) => codec::append_reply_in(reply).map_err(|e| Unreachable::from_string(e).into()),
                    Err(error) => Err(Unreachable::new(&error).into()),
                };
                if let Ok(Ok(_) | Err(StreamAppendError::Conflict(_))) = &answer {
                    lease.follows(leader, target, sent);
                }
                yield answer;
            }
        }
        .boxed())
    }
}

impl NetStreamAppend<TypeConfig> for Network {
    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Answer>, RpcError>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
    {
        Box::pin(async move {
            if self.merges {
                return Ok(self.merged(input)? as BoxStream<'s, Answer>);
            }
            let factory = &self.factory;
            let stream =
                AppendStream { group: factory.group, client: self.peer()?.client, timeout: factory.append_timeout };
            Ok(stream.run(input) as BoxStream<'s, Answer>)
        })
    }
}

impl NetVote<TypeConfig> for Network {
    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        let mut request = Request::new(codec::vote_request_out(self.factory.group, &rpc));
        if rpc.leadership_transfer {
            request.metadata_mut().insert(TRANSFER_KEY, tonic::metadata::MetadataValue::from_static("1"));
        }
        let mut client = self.peer()?.client;
        let reply = self.call(&option, client.vote(request)).await?;
        codec::vote_reply_in(reply).map_err(|error| Unreachable::new(&error).into())
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        let request = codec::vote_request_out(self.factory.group, &rpc);
        let mut client = self.peer()?.client;
        let reply = self.call(&option, client.pre_vote(request)).await?;
        let membership = codec::membership_of(&reply).map_err(|error| Unreachable::new(&error))?;
        self.left_out(&membership);
        codec::vote_reply_in(reply).map_err(|error| Unreachable::new(&error).into())
    }
}

impl NetSnapshot<TypeConfig> for Network {
    type SnapshotData = SnapshotData;

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let client = self.peer()?.client;
        let outgoing = crate::raft::snapshot::Outgoing {
            group: self.factory.group,
            vote,
            snapshot,
            chunk_timeout: self.factory.snapshot_timeout,
            background: self.factory.background.clone(),
        };
        let span = tracing::info_span!("snapshot", direction = "send", group = outgoing.group.0, to = self.target.0);
        span.in_scope(|| tracing::info!("sending a snapshot"));
        tokio::select! {
            biased;
            closed = cancel => Err(StreamingError::Closed(closed)),
            sent = outgoing.send(client).instrument(span) => sent,
        }
    }
}

impl NetTransferLeader<TypeConfig> for Network {
    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RpcError> {
        let message = peer::TransferLeaderRequest {
            group: u32::from(self.factory.group.0),
            from: Some(codec::vote_out(request.from_leader())),
            to: *request.to_node_id(),
            last: request.last_log_id().map(codec::log_id_out),
        };
        let mut client = self.peer()?.client;
        let reply = self.call(&option, client.transfer_leader(message)).await?;
        if reply.refused.is_empty() { Ok(Ok(())) } else { Err(Unreachable::from_string(reply.refused).into()) }
    }
}

impl NetBackoff<TypeConfig> for Network {
    fn backoff(&self) -> Option<Backoff> {
        let delays = std::iter::successors(Some(BACKOFF_MIN), |delay| Some((*delay * 2).min(BACKOFF_MAX)));
        Some(Backoff::new(delays))
    }
}
