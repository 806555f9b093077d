//! The types that openraft is used with. Its names stay inside this crate.

use std::fmt;

use bytes::Bytes;
use model::cluster::NodeInfo;
use model::outcome::Outcome;

openraft::declare_raft_types!(
    /// openraft's type configuration: entries are opaque bytes, answers are outcomes.
    pub(crate) TypeConfig:
        D = EntryBytes,
        R = Answers,
        NodeId = u64,
        Node = Member,
);

/// Who proposed an entry: term and node.
pub(crate) type LeaderId = openraft::type_config::alias::CommittedLeaderIdOf<TypeConfig>;
/// An entry's identity.
pub(crate) type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
/// A vote, granted or not.
pub(crate) type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
/// A log entry.
pub(crate) type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
/// A membership without its log position.
pub(crate) type Membership = openraft::Membership<u64, Member>;
/// A membership with its log position.
pub(crate) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
/// What a snapshot holds.
pub(crate) type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<TypeConfig>;
/// A leader's entries for a follower.
pub(crate) type AppendEntries = openraft::raft::AppendEntriesRequest<TypeConfig>;
/// A failure to reach a node.
pub(crate) type RpcError = openraft::errors::RPCError<TypeConfig>;

/// An encoded [`wire::Entry`]: what the leader made is what every replica decodes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct EntryBytes(pub(crate) Bytes);

impl fmt::Debug for EntryBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl fmt::Display for EntryBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The answers to an entry's proposals, in their order; none for entries without commands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answers(pub(crate) Vec<Outcome>);

/// A member of a group, with all that other nodes must know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member(pub(crate) NodeInfo);
