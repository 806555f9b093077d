//! What operators see and change of the cluster itself.

use std::collections::BTreeMap;
use std::time::Duration;

use model::alarm::Alarm;
use model::cluster::NodeInfo;
use model::id::{GroupId, LogIndex, NodeId, RegionId, Term};
use model::time::Timestamp;
use model::version::Build;

use super::{BoxFuture, LogError};

/// How one group stands, seen from one node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct GroupStatus {
    pub group: GroupId,
    /// Who leads it, as far as this node knows.
    pub leader: Option<NodeId>,
    pub term: Term,
    /// The last entry of this node's log.
    pub last: LogIndex,
    /// The last entry known to be committed.
    pub committed: LogIndex,
    /// The last entry applied here.
    pub applied: LogIndex,
    /// On the leader: the last entry that each replica has.
    pub replicated: BTreeMap<NodeId, LogIndex>,
    /// The members that vote.
    pub voters: Vec<NodeId>,
    /// The members that only store.
    pub learners: Vec<NodeId>,
    /// The apply version that it is at, as far as this node has applied it.
    pub version: u32,
    /// How long this node's send lease is still valid; nothing when it holds none.
    pub lease_left: Option<Duration>,
}

/// How the cluster stands, seen from one node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct ClusterStatus {
    /// The node that answers.
    pub node: NodeId,
    pub region: RegionId,
    /// Every node it knows.
    pub nodes: Vec<NodeInfo>,
    /// How long ago it last saw each other node; nothing for those it never saw.
    pub last_seen: BTreeMap<NodeId, Duration>,
    /// The groups it has replicas of.
    pub groups: Vec<GroupStatus>,
    /// The shortest round trip to each other node in the last ten seconds; nothing for those that didn't answer.
    pub round_trips: BTreeMap<NodeId, Duration>,
    /// The programs of the nodes that reported theirs since this one's start, and of this one.
    pub builds: BTreeMap<NodeId, Build>,
    /// What an operator should look at, as far as the replication knows.
    pub alarms: Vec<Alarm>,
}

/// A leap of most regions' wall clocks that the cluster's time doesn't follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLeap {
    /// The cluster's time.
    pub time: Timestamp,
    /// The median of the wall clocks at the same moment.
    pub clocks: Timestamp,
    /// How far the clocks are ahead, in milliseconds; negative when they are behind.
    pub ahead_ms: i64,
}

/// Why the cluster was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the values are")]
pub enum ClusterError {
    #[error("node {0} is not a member")]
    UnknownNode(NodeId),
    /// The change would break a rule.
    #[error("{0}")]
    Refused(String),
    /// No leap of the wall clocks is held back.
    #[error("the cluster's time follows the wall clocks; there is no leap to accept")]
    NoLeap,
    /// A group could not be changed; the change may have been made in others, and repeating it is safe.
    #[error("group {group}: {detail}")]
    Group { group: GroupId, detail: String },
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The cluster's members. Every change may be repeated.
pub trait ClusterControl: Send + Sync {
    /// Tells how the cluster stands.
    fn status(&self) -> ClusterStatus;

    /// Adds a node as a learner of the groups placed on it, and waits until it has caught up.
    fn add_node(&self, node: NodeInfo) -> BoxFuture<'_, Result<(), ClusterError>>;

    /// Makes a learner a voter in its groups.
    fn promote_node(&self, node: NodeId) -> BoxFuture<'_, Result<(), ClusterError>>;

    /// Removes a node from all groups.
    fn remove_node(&self, node: NodeId) -> BoxFuture<'_, Result<(), ClusterError>>;

    /// Hands the leadership of a group to a live, caught-up node.
    fn transfer_leader(&self, group: GroupId, to: NodeId) -> BoxFuture<'_, Result<(), ClusterError>>;

    /// Returns the leap of the wall clocks that is held back, if there is one.
    fn time_leap(&self) -> Option<TimeLeap>;

    /// Takes the wall clocks for the cluster's time, and returns the leap. The other nodes learn it from this one.
    ///
    /// # Errors
    /// When no leap is held back.
    fn accept_time(&self) -> Result<TimeLeap, ClusterError>;
}
