//! Between openraft's types and bytes: what nodes say to each other (`wire::peer`) and what a group's log keeps. Parses
//! once, with typed reasons; holds no state.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use model::cluster::NodeInfo;
use model::id::GroupId;
use openraft::EntryPayload;
use openraft::entry::RaftEntry as _;
use openraft::raft::{AppendEntriesRequest, StreamAppendError, StreamAppendResult, VoteRequest, VoteResponse};
use openraft::vote::RaftLeaderId as _;
use wire::{Stored as _, peer};

use crate::type_config::{Entry, EntryBytes, LeaderId, LogId, Member, Membership, StoredMembership, TypeConfig, Vote};

/// Bytes or messages that are not what a node of this cluster sends or stores.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodecError {
    /// A field that must be given isn't.
    #[error("{0} is required")]
    Missing(&'static str),
    /// A group's number is out of range.
    #[error("{0} is no group")]
    Group(u32),
    /// A stored record is too short or of an unknown kind.
    #[error("the log record is malformed: {0}")]
    Record(&'static str),
    /// A membership is malformed.
    #[error("the membership is malformed: {0}")]
    Membership(String),
}

/// The kinds of payload in a log record.
const BLANK: u8 = 0;
const COMMANDS: u8 = 1;
const MEMBERSHIP: u8 = 2;

/// Parses a group's number.
pub(crate) fn group(number: u32) -> Result<GroupId, CodecError> {
    u16::try_from(number).map(GroupId).map_err(|_| CodecError::Group(number))
}

/// Returns a vote as it travels.
pub(crate) fn vote_out(vote: &Vote) -> peer::Vote {
    peer::Vote { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
}

/// Parses a vote.
pub(crate) fn vote_in(vote: Option<peer::Vote>) -> Result<Vote, CodecError> {
    let peer::Vote { term, node, committed } = vote.ok_or(CodecError::Missing("vote"))?;
    Ok(Vote { leader_id: LeaderId::new(term, node), committed })
}

/// Returns a log id as it travels.
pub(crate) fn log_id_out(log_id: &LogId) -> peer::LogId {
    peer::LogId { term: log_id.leader_id.term, node: log_id.leader_id.node_id, index: log_id.index }
}

/// Parses a log id.
pub(crate) fn log_id_in(log_id: peer::LogId) -> LogId {
    LogId::new(LeaderId::new(log_id.term, log_id.node), log_id.index)
}

/// Returns an entry as it travels; its commands share memory with the log.
pub(crate) fn entry_out(entry: Entry) -> peer::LogEntry {
    let payload = match entry.payload {
        EntryPayload::Blank => None,
        EntryPayload::Normal(commands) => Some(peer::log_entry::Payload::Commands(commands.0)),
        EntryPayload::Membership(membership) => {
            Some(peer::log_entry::Payload::Membership(encode_membership(&membership)))
        }
    };
    peer::LogEntry { id: Some(log_id_out(&entry.log_id)), payload }
}

/// Parses an entry.
pub(crate) fn entry_in(entry: peer::LogEntry) -> Result<Entry, CodecError> {
    let log_id = log_id_in(entry.id.ok_or(CodecError::Missing("entries.id"))?);
    let payload = match entry.payload {
        None => EntryPayload::Blank,
        Some(peer::log_entry::Payload::Commands(commands)) => EntryPayload::Normal(EntryBytes(commands)),
        Some(peer::log_entry::Payload::Membership(bytes)) => EntryPayload::Membership(decode_membership(bytes)?),
    };
    Ok(Entry { log_id, payload })
}

/// Returns an append request as it travels.
pub(crate) fn append_out(group: GroupId, request: AppendEntriesRequest<TypeConfig>) -> peer::AppendRequest {
    peer::AppendRequest {
        group: u32::from(group.0),
        vote: Some(vote_out(&request.vote)),
        previous: request.prev_log_id.as_ref().map(log_id_out),
        entries: request.entries.into_iter().map(entry_out).collect(),
        committed: request.leader_commit.as_ref().map(log_id_out),
    }
}

/// Parses an append request.
pub(crate) fn append_in(request: peer::AppendRequest) -> Result<AppendEntriesRequest<TypeConfig>, CodecError> {
    Ok(AppendEntriesRequest {
        vote: vote_in(request.vote)?,
        prev_log_id: request.previous.map(log_id_in),
        entries: request.entries.into_iter().map(entry_in).collect::<Result<_, _>>()?,
        leader_commit: request.committed.map(log_id_in),
    })
}

/// Returns the answer to an append request as it travels.
pub(crate) fn append_reply_out(result: StreamAppendResult<TypeConfig>) -> peer::AppendReply {
    use peer::append_reply::Result as Reply;
    let result = match result {
        Ok(Some(matching)) => Reply::Matching(log_id_out(&matching)),
        Ok(None) => Reply::Success(true),
        Err(StreamAppendError::Conflict(log_id)) => Reply::Conflict(log_id_out(&log_id)),
        Err(StreamAppendError::HigherVote(vote)) => Reply::HigherVote(vote_out(&vote)),
    };
    peer::AppendReply { result: Some(result) }
}

/// Returns the answer that says why there is none.
pub(crate) fn append_failure(reason: impl Into<String>) -> peer::AppendReply {
    peer::AppendReply { result: Some(peer::append_reply::Result::Failure(reason.into())) }
}

/// Parses the answer to an append request; the inner error is a failure of the other node, in its words.
pub(crate) fn append_reply_in(reply: peer::AppendReply) -> Result<StreamAppendResult<TypeConfig>, String> {
    use peer::append_reply::Result as Reply;
    match reply.result {
        Some(Reply::Matching(matching)) => Ok(Ok(Some(log_id_in(matching)))),
        Some(Reply::Success(_)) => Ok(Ok(None)),
        Some(Reply::Conflict(log_id)) => Ok(Err(StreamAppendError::Conflict(log_id_in(log_id)))),
        Some(Reply::HigherVote(vote)) => {
            let vote = vote_in(Some(vote)).map_err(|error| error.to_string())?;
            Ok(Err(StreamAppendError::HigherVote(vote)))
        }
        Some(Reply::Failure(reason)) => Err(reason),
        None => Err("an empty answer".to_owned()),
    }
}

/// Returns a request for a vote as it travels.
pub(crate) fn vote_request_out(group: GroupId, request: &VoteRequest<TypeConfig>) -> peer::VoteRequest {
    peer::VoteRequest {
        group: u32::from(group.0),
        vote: Some(vote_out(&request.vote)),
        last: request.last_log_id.as_ref().map(log_id_out),
    }
}

/// Parses a request for a vote; `transfer` says that the leader asked the candidate to take over.
pub(crate) fn vote_request_in(
    request: peer::VoteRequest,
    transfer: bool,
) -> Result<VoteRequest<TypeConfig>, CodecError> {
    let mut parsed = VoteRequest::new(vote_in(request.vote)?, request.last.map(log_id_in));
    parsed.leadership_transfer = transfer;
    Ok(parsed)
}

/// Returns the answer to a request for a vote as it travels.
pub(crate) fn vote_reply_out(response: &VoteResponse<TypeConfig>) -> peer::VoteReply {
    peer::VoteReply {
        vote: Some(vote_out(&response.vote)),
        last: response.last_log_id.as_ref().map(log_id_out),
        granted: response.vote_granted,
    }
}

/// Parses the answer to a request for a vote.
pub(crate) fn vote_reply_in(reply: peer::VoteReply) -> Result<VoteResponse<TypeConfig>, CodecError> {
    Ok(VoteResponse::new(vote_in(reply.vote)?, reply.last.map(log_id_in), reply.granted))
}

/// Returns the bytes that a group's log keeps of an entry: term, node, kind, payload. The index is the record's key.
pub(crate) fn encode_record(entry: &Entry) -> Bytes {
    let (kind, payload) = match &entry.payload {
        EntryPayload::Blank => (BLANK, Bytes::new()),
        EntryPayload::Normal(commands) => (COMMANDS, commands.0.clone()),
        EntryPayload::Membership(membership) => (MEMBERSHIP, encode_membership(membership)),
    };
    let mut out = BytesMut::with_capacity(17 + payload.len());
    out.put_u64(entry.log_id.leader_id.term);
    out.put_u64(entry.log_id.leader_id.node_id);
    out.put_u8(kind);
    out.put(payload);
    out.freeze()
}

/// Parses a record of a group's log.
pub(crate) fn decode_record(index: u64, mut bytes: Bytes) -> Result<Entry, CodecError> {
    if bytes.len() < 17 {
        return Err(CodecError::Record("too short"));
    }
    let log_id = LogId::new(LeaderId::new(bytes.get_u64(), bytes.get_u64()), index);
    let payload = match bytes.get_u8() {
        BLANK if bytes.is_empty() => EntryPayload::Blank,
        COMMANDS => EntryPayload::Normal(EntryBytes(bytes)),
        MEMBERSHIP => EntryPayload::Membership(decode_membership(bytes)?),
        _ => return Err(CodecError::Record("unknown kind")),
    };
    Ok(Entry { log_id, payload })
}

/// Returns the 24 bytes of a log id.
pub(crate) fn encode_log_id(log_id: &LogId) -> Bytes {
    let mut out = BytesMut::with_capacity(24);
    out.put_u64(log_id.leader_id.term);
    out.put_u64(log_id.leader_id.node_id);
    out.put_u64(log_id.index);
    out.freeze()
}

/// Parses the bytes of a log id.
pub(crate) fn decode_log_id(mut bytes: &[u8]) -> Result<LogId, CodecError> {
    if bytes.len() != 24 {
        return Err(CodecError::Record("a log id has 24 bytes"));
    }
    let leader = LeaderId::new(bytes.get_u64(), bytes.get_u64());
    Ok(LogId::new(leader, bytes.get_u64()))
}

/// A vote as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredVote {
    pub(crate) vote: Vote,
    /// The term of which an entry must be applied before this node votes again; see `rejoin`.
    pub(crate) barred: Option<u64>,
}

/// Returns the bytes of a vote: 17, and 8 more while the node is barred from voting.
pub(crate) fn encode_vote(stored: &StoredVote) -> Bytes {
    let mut out = BytesMut::with_capacity(25);
    out.put_u64(stored.vote.leader_id.term);
    out.put_u64(stored.vote.leader_id.node_id);
    out.put_u8(u8::from(stored.vote.committed));
    if let Some(term) = stored.barred {
        out.put_u64(term);
    }
    out.freeze()
}

/// Parses the bytes of a vote.
pub(crate) fn decode_vote(mut bytes: &[u8]) -> Result<StoredVote, CodecError> {
    if !matches!(bytes.len(), 17 | 25) {
        return Err(CodecError::Record("a vote has 17 or 25 bytes"));
    }
    let leader_id = LeaderId::new(bytes.get_u64(), bytes.get_u64());
    let vote = Vote { leader_id, committed: bytes.get_u8() != 0 };
    Ok(StoredVote { vote, barred: bytes.try_get_u64().ok() })
}

/// Returns the bytes of a membership: its configurations, then its members with what others must know of them.
pub(crate) fn encode_membership(membership: &Membership) -> Bytes {
    let mut out = BytesMut::new();
    let configs = membership.get_joint_config();
    out.put_u32(len_u32(configs.len()));
    for config in configs {
        out.put_u32(len_u32(config.len()));
        config.iter().for_each(|node| out.put_u64(*node));
    }
    let nodes: Vec<(&u64, &Member)> = membership.nodes().collect();
    out.put_u32(len_u32(nodes.len()));
    for (id, member) in nodes {
        let info = member.0.encoded();
        out.put_u64(*id);
        out.put_u32(len_u32(info.len()));
        out.put_slice(&info);
    }
    out.freeze()
}

/// Parses the bytes of a membership.
pub(crate) fn decode_membership(mut bytes: Bytes) -> Result<Membership, CodecError> {
    let short = |_| CodecError::Membership("too short".to_owned());
    let mut configs = Vec::new();
    for _ in 0..bytes.try_get_u32().map_err(short)? {
        let mut config = BTreeSet::new();
        for _ in 0..bytes.try_get_u32().map_err(short)? {
            config.insert(bytes.try_get_u64().map_err(short)?);
        }
        configs.push(config);
    }
    let mut nodes = BTreeMap::new();
    for _ in 0..bytes.try_get_u32().map_err(short)? {
        let id = bytes.try_get_u64().map_err(short)?;
        let length = bytes.try_get_u32().map_err(short)? as usize;
        if bytes.len() < length {
            return Err(CodecError::Membership("too short".to_owned()));
        }
        let info = NodeInfo::decode(&bytes.split_to(length)).map_err(|e| CodecError::Membership(e.to_string()))?;
        nodes.insert(id, Member(info));
    }
    // A group that was never initialised has an empty membership, which openraft's constructor refuses.
    if configs.is_empty() && nodes.is_empty() {
        return Ok(Membership::default());
    }
    Membership::new(configs, nodes).map_err(|error| CodecError::Membership(error.to_string()))
}

/// Returns the bytes of a membership with its place in the log, as the state keeps it.
pub(crate) fn encode_stored_membership(membership: &StoredMembership) -> Bytes {
    let mut out = BytesMut::new();
    match membership.log_id() {
        Some(log_id) => {
            out.put_u8(1);
            out.put_slice(&encode_log_id(log_id));
        }
        None => out.put_u8(0),
    }
    out.put_slice(&encode_membership(membership.membership()));
    out.freeze()
}

/// Parses the bytes of a membership with its place in the log.
pub(crate) fn decode_stored_membership(mut bytes: Bytes) -> Result<StoredMembership, CodecError> {
    let short = || CodecError::Membership("too short".to_owned());
    let log_id = match bytes.try_get_u8().map_err(|_| short())? {
        0 => None,
        _ if bytes.len() < 24 => return Err(short()),
        _ => Some(decode_log_id(&bytes.split_to(24))?),
    };
    Ok(StoredMembership::new(log_id, decode_membership(bytes)?))
}

fn len_u32(length: usize) -> u32 {
    u32::try_from(length).expect("a membership has fewer members and bytes than 2^32")
}

/// Returns the index of a log id, 0 when there is none.
pub(crate) fn index_of(log_id: Option<&LogId>) -> u64 {
    log_id.map_or(0, |log_id| log_id.index)
}

/// Returns about how many bytes an entry takes on the wire and in the log.
pub(crate) fn entry_len(entry: &Entry) -> usize {
    debug_assert!(entry.index() == entry.log_id.index);
    match &entry.payload {
        EntryPayload::Normal(commands) => commands.0.len() + 32,
        EntryPayload::Blank | EntryPayload::Membership(_) => 64,
    }
}

#[cfg(test)]
mod tests {
    use model::cluster::RegionKind;
    use model::id::{NodeId, RegionId};
    use openraft::entry::RaftEntry;
    use proptest::prelude::*;

    use super::*;

    fn member(id: u64) -> Member {
        let region = RegionId::new("eu-west-1").unwrap();
        let peer = format!("10.0.0.{id}:4401");
        let (grpc, door) = ("grpc:1".to_owned(), String::new());
        Member(NodeInfo { id: NodeId(id), region, kind: RegionKind::Serving, peer, grpc, door })
    }

    fn membership() -> impl Strategy<Value = Membership> {
        let configs = prop::collection::vec(prop::collection::btree_set(1..9_u64, 1..4), 1..3);
        (configs, prop::collection::btree_set(1..9_u64, 0..3)).prop_map(|(configs, learners)| {
            let nodes: BTreeMap<u64, Member> =
                configs.iter().flatten().copied().chain(learners).map(|id| (id, member(id))).collect();
            Membership::new(configs, nodes).unwrap()
        })
    }

    fn log_id() -> impl Strategy<Value = LogId> {
        (any::<u64>(), any::<u64>(), any::<u64>())
            .prop_map(|(term, node, index)| LogId::new(LeaderId::new(term, node), index))
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let payload = prop_oneof![
            Just(EntryPayload::Blank),
            prop::collection::vec(any::<u8>(), 0..64).prop_map(|bytes| EntryPayload::Normal(EntryBytes(bytes.into()))),
            membership().prop_map(EntryPayload::Membership),
        ];
        (log_id(), payload).prop_map(|(log_id, payload)| Entry::new(log_id, payload))
    }

    proptest! {
        #[test]
        fn entries_survive_the_log_and_the_wire(entry in entry()) {
            prop_assert_eq!(&decode_record(entry.log_id.index, encode_record(&entry)).unwrap(), &entry);
            prop_assert_eq!(&entry_in(entry_out(entry.clone())).unwrap(), &entry);
        }

        #[test]
        fn votes_and_stored_memberships_survive(log_id in log_id(), membership in membership(), barred: Option<u64>) {
            let vote = Vote { leader_id: log_id.leader_id, committed: log_id.index % 2 == 0 };
            let stored = StoredVote { vote, barred };
            prop_assert_eq!(decode_vote(&encode_vote(&stored)).unwrap(), stored);
            prop_assert_eq!(vote_in(Some(vote_out(&vote))).unwrap(), vote);
            let stored = StoredMembership::new(Some(log_id), membership);
            prop_assert_eq!(decode_stored_membership(encode_stored_membership(&stored)).unwrap(), stored);
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = Bytes::from(bytes);
            let _ = decode_record(1, bytes.clone());
            let _ = decode_stored_membership(bytes.clone());
            let _ = decode_vote(&bytes);
            let _ = decode_log_id(&bytes);
        }
    }

    #[test]
    fn what_is_missing_or_too_short_is_named() {
        assert_eq!(vote_in(None), Err(CodecError::Missing("vote")));
        assert_eq!(group(65_536), Err(CodecError::Group(65_536)));
        assert_eq!(decode_record(1, Bytes::from_static(&[0; 16])), Err(CodecError::Record("too short")));
        assert_eq!(decode_record(1, Bytes::from_static(&[9; 17])), Err(CodecError::Record("unknown kind")));
        assert!(append_reply_in(wire::peer::AppendReply { result: None }).is_err());
    }

    #[test]
    fn an_empty_membership_survives() {
        let stored = StoredMembership::default();
        assert_eq!(decode_stored_membership(encode_stored_membership(&stored)).unwrap(), stored);
    }
}
