//! Snapshots on their way: read in chunks from the sender's view, collected beside the receiver's present rows, put in
//! their place at one stroke. A transfer that breaks off begins anew.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use model::id::GroupId;
use openraft::errors::{NetworkError, StreamingError};
use openraft::raft::SnapshotResponse;
use store::{AppliedRow, Installer, SnapshotReader, StateStore};
use tokio::sync::Notify;
use wire::peer::snapshot_part::Part;
use wire::peer::{Row, SnapshotChunk, SnapshotHeader, SnapshotPart};

use crate::node::background::{self, Background};
use crate::peers::introduction::PeerCalls;
use crate::raft::append_stream::rpc_error;
use crate::raft::codec::{self, CodecError};
use crate::raft::type_config::{LogId, RpcError, SnapshotMeta, StoredMembership, TypeConfig, Vote};

/// The most bytes of rows in one part of a snapshot; one row is always allowed.
const CHUNK_BYTES_MAX: usize = 1024 * 1024;

/// What a snapshot holds, on either side.
pub(crate) enum SnapshotData {
    /// Rows to be read.
    Reader(Box<SnapshotReader>),
    /// Rows that came, not yet in place.
    Received(Box<Installer>),
}

/// A snapshot on its way out or in.
pub(crate) type Snapshot = openraft::type_config::alias::SnapshotOf<TypeConfig, SnapshotData>;

/// Reads how far a group's state got, in openraft's types.
pub(crate) fn applied_state(row: &AppliedRow) -> Result<(Option<LogId>, StoredMembership), CodecError> {
    let last = row.last.as_ref().map(|bytes| codec::decode_log_id(bytes)).transpose()?;
    let membership = row.membership.clone().map(codec::decode_stored_membership).transpose()?;
    Ok((last, membership.unwrap_or_default()))
}

/// Returns the present state as a snapshot; nothing when nothing was applied.
pub(crate) fn current(state: &StateStore, group: GroupId) -> Result<Option<Snapshot>, io::Error> {
    let reader = state.snapshot(group).map_err(io::Error::other)?;
    let (last_log_id, last_membership) = applied_state(reader.applied()).map_err(io::Error::other)?;
    if last_log_id.is_none() {
        return Ok(None);
    }
    let meta = SnapshotMeta { last_log_id, last_membership };
    Ok(Some(Snapshot { meta, snapshot: SnapshotData::Reader(Box::new(reader)) }))
}

/// Returns what the state is to say of itself once a snapshot is in place; `chain` is the hash chain of the sender's.
pub(crate) fn applied_row(meta: &SnapshotMeta, chain: u64) -> AppliedRow {
    AppliedRow {
        last: meta.last_log_id.as_ref().map(codec::encode_log_id),
        membership: Some(codec::encode_stored_membership(&meta.last_membership)),
        chain,
    }
}

/// Puts received rows in the place of the present ones. It blocks.
pub(crate) fn install(data: SnapshotData) -> Result<(), io::Error> {
    match data {
        SnapshotData::Received(installer) => installer.finish().map_err(io::Error::other),
        // The state is persistent: it is never behind what this node itself could offer.
        SnapshotData::Reader(_) => Ok(()),
    }
}

/// A snapshot on its way out.
pub(crate) struct Outgoing {
    pub(crate) group: GroupId,
    pub(crate) vote: Vote,
    pub(crate) snapshot: Snapshot,
    /// How long nothing may move.
    pub(crate) chunk_timeout: Duration,
    pub(crate) background: Arc<dyn Background>,
}

impl Outgoing {
    /// Sends it and waits until it is in place.
    pub(crate) async fn send(
        self,
        mut client: PeerCalls,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let Outgoing { group, vote, snapshot, chunk_timeout, background } = self;
        let SnapshotData::Reader(reader) = snapshot.snapshot else {
            return Err(NetworkError::from_string("a received snapshot can't be sent on").into());
        };
        let header = header_out(group, &vote, &snapshot.meta, reader.applied().chain);
        let moved = Arc::new(Notify::new());
        let call = client.snapshot(parts(header, *reader, Reading { background, moved: moved.clone() }));
        tokio::pin!(call);
        let reply = loop {
            tokio::select! {
                biased;
                reply = &mut call => break reply,
                () = moved.notified() => {}
                () = tokio::time::sleep(chunk_timeout) => {
                    return Err(NetworkError::from_string("the snapshot does not move").into());
                }
            }
        };
        let reply = reply.map_err(|status| StreamingError::from(rpc_error(&status)))?.into_inner();
        let invalid = |error: CodecError| StreamingError::from(RpcError::from(NetworkError::new(&error)));
        Ok(SnapshotResponse::new(codec::vote_in(reply.vote).map_err(invalid)?))
    }
}

fn header_out(group: GroupId, vote: &Vote, meta: &SnapshotMeta, chain: u64) -> SnapshotHeader {
    SnapshotHeader {
        group: u32::from(group.0),
        vote: Some(codec::vote_out(vote)),
        last: meta.last_log_id.as_ref().map(codec::log_id_out),
        membership: codec::encode_membership(meta.last_membership.membership()),
        membership_log: meta.last_membership.log_id().as_ref().map(codec::log_id_out),
        id: format!("{chain:016x}"),
    }
}

/// Parses a snapshot's header: vote, what it holds, and the hash chain of its state.
pub(crate) fn header_in(header: SnapshotHeader) -> Result<(Vote, SnapshotMeta, u64), CodecError> {
    let membership = codec::decode_membership(header.membership)?;
    let meta = SnapshotMeta {
        last_log_id: header.last.map(codec::log_id_in),
        last_membership: StoredMembership::new(header.membership_log.map(codec::log_id_in), membership),
    };
    let chain = u64::from_str_radix(&header.id, 16).map_err(|_| CodecError::Missing("id"))?;
    Ok((codec::vote_in(header.vote)?, meta, chain))
}

/// How a snapshot's rows are read.
struct Reading {
    background: Arc<dyn Background>,
    /// Told of every chunk that is asked for.
    moved: Arc<Notify>,
}

/// The parts of a snapshot in order. A read that fails ends the stream without its last part, which is empty, so that
/// the receiver knows that something is missing.
fn parts(
    header: SnapshotHeader,
    mut reader: SnapshotReader,
    reading: Reading,
) -> impl Stream<Item = SnapshotPart> + Send + 'static {
    async_stream::stream! {
        yield SnapshotPart { part: Some(Part::Header(header)) };
        loop {
            reading.moved.notify_one();
            let read = background::call(&*reading.background, move || (reader.next_chunk(CHUNK_BYTES_MAX), reader)).await;
            let Ok((chunk, rest)) = read else { return };
            reader = rest;
            let rows = match chunk {
                Ok(rows) => rows.unwrap_or_default(),
                Err(error) => {
                    tracing::error!(%error, "failed to read a snapshot");
                    return;
                }
            };
            let last = rows.is_empty();
            let rows = rows.into_iter().map(|(key, value)| Row { key, value }).collect();
            yield SnapshotPart { part: Some(Part::Chunk(SnapshotChunk { rows })) };
            if last {
                return;
            }
        }
    }
}
