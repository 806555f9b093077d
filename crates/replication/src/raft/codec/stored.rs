//! What a node keeps: the records of a group's log, votes and memberships, in bytes.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use model::cluster::NodeInfo;
use openraft::EntryPayload;
use openraft::vote::RaftLeaderId as _;
use wire::Stored as _;

use crate::raft::type_config::{Entry, EntryBytes, LeaderId, LogId, Member, Membership, StoredMembership, Vote};

use super::error::CodecError;

/// The kinds of payload in a log record.
const BLANK: u8 = 0;
const COMMANDS: u8 = 1;
const MEMBERSHIP: u8 = 2;

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
