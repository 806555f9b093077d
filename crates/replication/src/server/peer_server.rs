//! What other nodes ask of this one: the gRPC service `Peer`. Parses, asks the group, answers; rule R2 is kept here.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use model::cluster::RegionKind;
use model::id::{GroupId, NodeId};
use openraft::raft::{StreamAppendError, StreamAppendResult, TransferLeaderRequest as RaftTransfer, VoteResponse};
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument as _;
use tracing::field::Empty;
use wire::peer::peer_server::Peer;
use wire::peer::snapshot_part::Part;
use wire::peer::{
    AppendReply, AppendRequest, HeartbeatReply, HeartbeatRequest, IdentifyReply, IdentifyRequest, LeaseReply,
    LeaseRequest, ProposeReply, ProposeRequest, ReadReply, ReadRequest, SnapshotPart, SnapshotReply,
    TransferLeaderReply, TransferLeaderRequest, VoteReply, VoteRequest,
};

use crate::leadership::transfer;
use crate::lease::group_lease::votes::VoteAsked;
use crate::members::start_number;
use crate::node::background;
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::raft::codec::{self, CodecError};
use crate::raft::network::TRANSFER_KEY;
use crate::raft::snapshot::Snapshot;
use crate::raft::snapshot::{self, SnapshotData};
use crate::raft::type_config::{AppendEntries, TypeConfig, Vote};
use crate::server::callers::Caller;
use crate::server::lease_calls;
use crate::server::propose_calls;
use crate::server::read_calls;

/// The service.
#[derive(Clone)]
pub(crate) struct PeerService(pub(crate) Arc<Node>);

fn invalid(error: CodecError) -> Status {
    Status::invalid_argument(error.to_string())
}

fn stopped(error: impl std::fmt::Display) -> Status {
    Status::unavailable(format!("the group is stopped: {error}"))
}

/// What a node says that lost its disk, until it knows what it may have forgotten.
const SILENT: &str = "the node asks the others what it may have forgotten";

/// Refuses leaders from before a loss of this node's disk.
fn admit(group: &Group, vote: &Vote) -> Result<(), Status> {
    group.rejoin.admits(vote).map_err(|higher| match higher {
        Some(higher) => Status::failed_precondition(format!("there is a higher vote: {higher}")),
        None => Status::unavailable(SILENT),
    })
}

impl PeerService {
    fn group(&self, number: u32) -> Result<Arc<Group>, Status> {
        let id: GroupId = codec::group(number).map_err(invalid)?;
        let hosted = self.0.replica(id).cloned();
        hosted.ok_or_else(|| Status::not_found(format!("there is no group {id} on node {}", self.0.id)))
    }

    /// Notes a current leader's heartbeat before it is answered (R2). Noting it later than it came errs to the safe
    /// side.
    fn note(&self, group: &Group, result: &StreamAppendResult<TypeConfig>) {
        if !matches!(result, Err(StreamAppendError::HigherVote(_))) {
            group.lease.heartbeat(self.0.now());
        }
    }

    async fn heartbeat_of_one(&self, caller: &Caller, request: AppendRequest, patience: Duration) -> AppendReply {
        let group = match self.group(request.group) {
            Ok(group) => group,
            Err(status) => return codec::append_failure(status.message()),
        };
        let request = match codec::append_in(request) {
            Ok(request) => request,
            Err(error) => return codec::append_failure(error.to_string()),
        };
        if let Err(status) = caller.is(request.vote.leader_id.node_id) {
            return codec::append_failure(status.message());
        }
        match group.rejoin.admits(&request.vote) {
            Ok(()) => {}
            Err(Some(higher)) => return codec::append_reply_out(Err(StreamAppendError::HigherVote(higher))),
            Err(None) => return codec::append_failure(SILENT),
        }
        let previous = request.prev_log_id;
        let last = request.entries.last().map(|entry| entry.log_id).or(previous);
        match tokio::time::timeout(patience, group.raft.append_entries(request)).await {
            Ok(Ok(response)) => {
                if response.is_conflict() && previous.is_none() {
                    return codec::append_failure("a conflict with nothing");
                }
                let result = response.into_stream_result(previous, last);
                self.note(&group, &result);
                codec::append_reply_out(result)
            }
            Ok(Err(error)) => codec::append_failure(error.to_string()),
            Err(_) => codec::append_failure("the group is too busy to answer"),
        }
    }

    fn refused(group: &Group) -> VoteReply {
        codec::vote_reply_out(&VoteResponse::new(group.vote(), group.last_log_id(), false))
    }

    async fn receive_snapshot(
        &self,
        caller: &Caller,
        mut parts: Streaming<SnapshotPart>,
    ) -> Result<SnapshotReply, Status> {
        let first = parts.message().await?.and_then(|part| part.part);
        let Some(Part::Header(header)) = first else {
            return Err(Status::invalid_argument("a snapshot begins with a header"));
        };
        tracing::Span::current().record("group", header.group);
        let group = self.group(header.group)?;
        caller.is(header.vote.map_or(0, |vote| vote.node))?;
        let (vote, meta, chain) = snapshot::header_in(header).map_err(invalid)?;
        admit(&group, &vote)?;
        let _one = group.receiving.try_acquire().map_err(|_| Status::resource_exhausted("a snapshot is on its way"))?;
        tracing::info!(last = meta.last_log_id.map_or(0, |last| last.index), "receiving a snapshot");
        let (background, state, id) = (&*self.0.background, self.0.state.clone(), group.id);
        let applied = snapshot::applied_row(&meta, chain);
        let begun = background::call(background, move || state.install(id, applied)).await.map_err(stopped)?;
        let mut installer = begun.map_err(stopped)?;
        loop {
            let part = parts.message().await?.and_then(|part| part.part);
            match part {
                Some(Part::Chunk(chunk)) if chunk.rows.is_empty() => break,
                Some(Part::Chunk(chunk)) => {
                    let rows: Vec<_> = chunk.rows.into_iter().map(|row| (row.key, row.value)).collect();
                    let put = background::call(background, move || (installer.put(&rows), installer)).await;
                    let (put, again) = put.map_err(stopped)?;
                    put.map_err(|error| Status::invalid_argument(error.to_string()))?;
                    installer = again;
                }
                Some(Part::Header(_)) => return Err(Status::invalid_argument("a second header")),
                None => return Err(Status::aborted("the snapshot ended before its last part")),
            }
        }
        let data = SnapshotData::Received(Box::new(installer));
        let snapshot = Snapshot { meta, snapshot: data };
        let response = group.raft.install_full_snapshot(vote, snapshot).await.map_err(stopped)?;
        tracing::info!("snapshot installed");
        Ok(SnapshotReply { vote: Some(codec::vote_out(&response.vote)) })
    }
}

#[tonic::async_trait]
impl Peer for PeerService {
    type AppendStream = BoxStream<'static, Result<AppendReply, Status>>;

    async fn append(&self, request: Request<Streaming<AppendRequest>>) -> Result<Response<Self::AppendStream>, Status> {
        let caller = Caller::of(&request)?;
        let mut requests = request.into_inner();
        let Some(first) = requests.message().await? else {
            return Ok(Response::new(futures::stream::empty().boxed()));
        };
        let number = first.group;
        let group = self.group(number)?;
        caller.is(first.vote.map_or(0, |vote| vote.node))?;
        let rest = requests
            .take_while(|request| std::future::ready(request.is_ok()))
            .filter_map(move |request| std::future::ready(request.ok().filter(|request| request.group == number)));
        // A malformed request, or one in another's name, ends the stream: the leader sees it end and begins anew.
        let requests = futures::stream::once(std::future::ready(first))
            .chain(rest)
            .map(codec::append_in)
            .take_while(move |request| {
                let own = |request: &AppendEntries| caller.is(request.vote.leader_id.node_id).is_ok();
                std::future::ready(request.as_ref().is_ok_and(own))
            })
            .filter_map(|request| std::future::ready(request.ok()));
        let mut requests = Box::pin(requests.peekable());
        if let Some(request) = requests.as_mut().peek().await {
            // The others of the stream come from the same leader.
            admit(&group, &request.vote)?;
        }
        let this = self.clone();
        let results = group.raft.stream_append(requests).map(move |result| match result {
            Ok(result) => {
                this.note(&group, &result);
                Ok(codec::append_reply_out(result))
            }
            Err(fatal) => Err(stopped(fatal)),
        });
        Ok(Response::new(results.boxed()))
    }

    async fn heartbeat(&self, request: Request<HeartbeatRequest>) -> Result<Response<HeartbeatReply>, Status> {
        // A group that is slower than this holds up the answers of the others no longer.
        let patience = self.0.timing.heartbeat();
        let caller = Caller::of(&request)?;
        let heartbeats = request.into_inner().heartbeats;
        let replies = heartbeats.into_iter().map(|heartbeat| self.heartbeat_of_one(&caller, heartbeat, patience));
        let replies = futures::future::join_all(replies).await;
        Ok(Response::new(HeartbeatReply { replies }))
    }

    async fn vote(&self, request: Request<VoteRequest>) -> Result<Response<VoteReply>, Status> {
        let transfer = request.metadata().contains_key(TRANSFER_KEY);
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let group = self.group(request.group)?;
        let request = codec::vote_request_in(request, transfer).map_err(invalid)?;
        caller.is(request.vote.leader_id.node_id)?;
        let asked = VoteAsked { candidate: request.vote.leader_id, transfer, held: group.vote() };
        if !group.rejoin.may_vote() || group.lease.refuses_vote(self.0.now(), &asked) {
            tracing::debug!(group = group.id.0, "vote refused: hold-off not over");
            return Ok(Response::new(PeerService::refused(&group)));
        }
        // In a task of its own, because what is granted afterwards depends on the outcome: it must not be cut short
        // when the candidate hangs up.
        let voting = tokio::spawn(async move {
            let response = group.raft.vote(request).await;
            group.lease.voted(response.as_ref().ok().map(|response| &response.vote));
            response
        });
        let response = voting.await.map_err(stopped)?.map_err(stopped)?;
        Ok(Response::new(codec::vote_reply_out(&response)))
    }

    async fn pre_vote(&self, request: Request<VoteRequest>) -> Result<Response<VoteReply>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let group = self.group(request.group)?;
        let request = codec::vote_request_in(request, false).map_err(invalid)?;
        caller.is(request.vote.leader_id.node_id)?;
        let reply = if !group.rejoin.may_vote() || group.lease.refuses_pre_vote(self.0.now()) {
            PeerService::refused(&group)
        } else {
            codec::vote_reply_out(&group.raft.pre_vote(request).await.map_err(stopped)?)
        };
        let known = start_number::known(&self.0, &group, caller.node).map_err(stopped)?;
        let stored = group.stored_membership();
        let membership = codec::encode_membership(stored.membership());
        let membership_log = stored.log_id().as_ref().map(codec::log_id_out);
        Ok(Response::new(VoteReply { known_incarnation: known.0, membership, membership_log, ..reply }))
    }

    async fn snapshot(&self, request: Request<Streaming<SnapshotPart>>) -> Result<Response<SnapshotReply>, Status> {
        let span = tracing::info_span!("snapshot", direction = "receive", group = Empty);
        let caller = Caller::of(&request)?;
        self.receive_snapshot(&caller, request.into_inner()).instrument(span).await.map(Response::new)
    }

    async fn transfer_leader(
        &self,
        request: Request<TransferLeaderRequest>,
    ) -> Result<Response<TransferLeaderReply>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let group = self.group(request.group)?;
        if request.from.is_none() {
            // No leader's call, but a node that wishes this leader to transfer leadership.
            let transferred = transfer::transfer(&self.0, &group, NodeId(request.to)).await;
            let refused = transferred.err().map(|error| error.to_string()).unwrap_or_default();
            return Ok(Response::new(TransferLeaderReply { refused }));
        }
        let from = codec::vote_in(request.from).map_err(invalid)?;
        caller.is(from.leader_id.node_id)?;
        admit(&group, &from)?;
        group.lease.transfer_begun(from.leader_id, NodeId(request.to));
        if request.to == self.0.id.0 && !group.rejoin.may_vote() {
            let refused = "the node lost its disk and has not caught up".to_owned();
            return Ok(Response::new(TransferLeaderReply { refused }));
        }
        if request.to == self.0.id.0 && self.0.is_leaving() {
            return Ok(Response::new(TransferLeaderReply { refused: "the node is about to stop".to_owned() }));
        }
        let transfer = RaftTransfer::new(from, request.to, request.last.map(codec::log_id_in));
        let refused = match group.raft.handle_transfer_leader(transfer).await.map_err(stopped)? {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        Ok(Response::new(TransferLeaderReply { refused }))
    }

    async fn propose(&self, request: Request<ProposeRequest>) -> Result<Response<ProposeReply>, Status> {
        let caller = Caller::of(&request)?;
        propose_calls::answer(&self.0, &caller, request.into_inner()).await.map(Response::new)
    }

    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadReply>, Status> {
        read_calls::answer(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn identify(&self, _: Request<IdentifyRequest>) -> Result<Response<IdentifyReply>, Status> {
        let node = &self.0;
        Ok(Response::new(IdentifyReply {
            node: node.id.0,
            region: node.info.region.to_string(),
            serving: node.info.kind == RegionKind::Serving,
            partitions: u32::try_from(node.groups.len().saturating_sub(1)).unwrap_or(u32::MAX),
            build: node.build.name.clone(),
            oldest_version: node.build.versions.oldest(),
            newest_version: node.build.versions.newest(),
            has_data: node.groups.values().any(|group| !group.log.is_pristine()),
        }))
    }

    async fn lease(&self, request: Request<LeaseRequest>) -> Result<Response<LeaseReply>, Status> {
        let caller = Caller::of(&request)?;
        caller.is(request.get_ref().node)?;
        if request.get_ref().region != caller.region.as_str() {
            let detail = format!("node {} of {} speaks as one of another region", caller.node, caller.region);
            return Err(Status::permission_denied(detail));
        }
        lease_calls::answer(&self.0, request.into_inner()).map(Response::new).map_err(invalid)
    }
}
