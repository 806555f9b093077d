//! Proposing commands to a group, wherever its leader is.

use std::time::Duration;

use model::command::Proposal;
use model::id::{GroupId, LogIndex, NodeId};
use model::outcome::Outcome;

use super::BoxFuture;

/// What became of proposals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The answers, one per proposal, in their order.
    pub outcomes: Vec<Outcome>,
    /// The entry that held the last of them.
    pub index: LogIndex,
}

/// Why proposals were not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the values are")]
pub enum LogError {
    /// No leader could be reached before the deadline; nothing was done.
    #[error("group {group} had no reachable leader for {waited:?}")]
    NoLeader { group: GroupId, waited: Duration },
    /// A queue is full; nothing was done.
    #[error("too many proposals are under way, retry in {retry_after:?}")]
    Overloaded { retry_after: Duration },
    /// It may or may not be applied, or be applied later: the deadline passed while the entry was under way, or this node
    /// can't find out what became of it.
    #[error("group {group} did not answer in {waited:?}, the change may or may not have been made")]
    Unknown { group: GroupId, waited: Duration },
    /// A proposal is larger than an entry may be; nothing was done.
    #[error("the request needs {size} bytes in the log, {limit} are allowed")]
    TooLarge { size: usize, limit: usize },
    /// A proposal is none that every replica can apply; nothing was done.
    #[error("the request can't be recorded in group {group}: {detail}")]
    Invalid {
        group: GroupId,
        /// Which one, and what is wrong with it.
        detail: String,
    },
    /// The node is stopping; nothing was done.
    #[error("the node is stopping")]
    Stopping,
    /// The node's own copy of the group can't go on; nothing was done.
    #[error("the replica of group {group} on node {node} failed: {detail}")]
    Broken {
        group: GroupId,
        node: NodeId,
        /// What went wrong, for the operator.
        detail: String,
    },
}

/// The replicated logs of all groups, seen from one node. An answer means that a synced majority has the entry, that
/// the leader applied it, and, where this node holds a replica of the group, that the replica applied it too: the next
/// read at this node sees it.
pub trait ReplicatedLog: Send + Sync {
    /// Proposes commands to a group and waits for their answers, at most `deadline`. While there is no leader it tries
    /// again inside the deadline, and so that each is applied once at most: an answer that was lost is found again.
    fn propose(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>>;

    /// As [`ReplicatedLog::propose`], but answers only when every holder of a send lease is fenced up to the entry
    /// (rule R7): from then on no node begins a dispatch that the commands forbid.
    fn propose_fenced(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>>;
}
