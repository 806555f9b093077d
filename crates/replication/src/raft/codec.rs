//! Between openraft's types and bytes: what nodes say to each other (`wire::peer`) and what a group's log keeps. Parses
//! once, with typed reasons; holds no state.

mod error;
mod stored;

use std::time::Duration;

use model::id::{GroupId, Incarnation, NodeId, Term};
use openraft::EntryPayload;
use openraft::entry::RaftEntry as _;
use openraft::raft::{AppendEntriesRequest, StreamAppendError, StreamAppendResult, VoteRequest, VoteResponse};
use openraft::vote::RaftLeaderId as _;
use traffic::loss::Starved;
use wire::peer;

use crate::proposals::attempts::Attempt;
use crate::proposals::leader_hint::Leader;
use crate::raft::type_config::{Entry, EntryBytes, LeaderId, LogId, StoredMembership, TypeConfig, Vote};

pub(crate) use self::error::CodecError;
pub(crate) use self::stored::{
    StoredVote, decode_log_id, decode_membership, decode_record, decode_stored_membership, decode_vote, encode_log_id,
    encode_membership, encode_record, encode_stored_membership, encode_vote,
};

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

/// Returns an attempt as it travels.
pub(crate) fn attempt_out(attempt: &Attempt) -> peer::Attempt {
    let Attempt { node, incarnation, term, generation } = *attempt;
    peer::Attempt { node: node.0, incarnation: incarnation.0, term: term.map(|term| term.0), generation }
}

/// Parses an attempt.
pub(crate) fn attempt_in(attempt: &peer::Attempt) -> Attempt {
    let peer::Attempt { node, incarnation, term, generation } = *attempt;
    Attempt { node: NodeId(node), incarnation: Incarnation(incarnation), term: term.map(Term), generation }
}

/// Returns what is said of a starved holder as it travels.
pub(crate) fn starved_out(starved: &Starved) -> peer::StarvedHolder {
    let Starved { group, term, leader, holder, lasts } = starved;
    let lasts_ms = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
    peer::StarvedHolder { group: u32::from(group.0), term: term.0, leader: leader.0, holder: holder.0, lasts_ms }
}

/// Parses what is said of a starved holder.
pub(crate) fn starved_in(starved: &peer::StarvedHolder) -> Result<Starved, CodecError> {
    let peer::StarvedHolder { group: number, term, leader, holder, lasts_ms } = *starved;
    let (term, lasts) = (Term(term), Duration::from_millis(lasts_ms));
    Ok(Starved { group: group(number)?, term, leader: NodeId(leader), holder: NodeId(holder), lasts })
}

/// Returns who leads as it travels.
pub(crate) fn not_leader_out(leader: Option<Leader>) -> peer::NotLeader {
    let term = leader.and_then(|leader| leader.term).map(|term| term.0);
    peer::NotLeader { leader: leader.map(|leader| leader.node.0), term }
}

/// Parses who leads.
pub(crate) fn leader_in(not_leader: &peer::NotLeader) -> Option<Leader> {
    let node = NodeId(not_leader.leader?);
    Some(Leader { node, term: not_leader.term.map(Term) })
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
        known_incarnation: 0,
        membership: bytes::Bytes::new(),
        membership_log: None,
    }
}

/// Parses the answer to a request for a vote.
pub(crate) fn vote_reply_in(reply: peer::VoteReply) -> Result<VoteResponse<TypeConfig>, CodecError> {
    Ok(VoteResponse::new(vote_in(reply.vote)?, reply.last.map(log_id_in), reply.granted))
}

/// Parses the membership that whoever was asked for a vote goes by; an empty one when it knows of none.
pub(crate) fn membership_of(reply: &peer::VoteReply) -> Result<StoredMembership, CodecError> {
    let Some(log) = reply.membership_log else { return Ok(StoredMembership::default()) };
    Ok(StoredMembership::new(Some(log_id_in(log)), decode_membership(reply.membership.clone())?))
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
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use model::cluster::{NodeInfo, RegionKind};
    use model::id::{NodeId, RegionId};
    use openraft::entry::RaftEntry;
    use proptest::prelude::*;

    use super::*;
    use crate::raft::type_config::{Member, Membership, StoredMembership};

    fn member(id: u64) -> Member {
        let region = RegionId::new("eu-west-1").unwrap();
        let peer = format!("10.0.0.{id}:4401");
        let (grpc, rest_url) = ("grpc:1".to_owned(), String::new());
        Member(NodeInfo { id: NodeId(id), region, kind: RegionKind::Serving, peer, grpc, rest_url })
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
