//! What a node's replication is told and given when it starts, and why it may not start.

use std::sync::Arc;

use model::cluster::Nodes;
use model::id::{ClusterId, GroupId, Incarnation, NodeId};
use model::version::Build;
use registry::ApplyError;
use service::ports::{Clock, Random};
use store::{LogStore, StateStore};
use traffic::LeaseTiming;
use traffic::cluster_time::TimeRules;

use crate::leadership::rules::LeadershipRules;
use crate::lease::broken::LeaseBreak;
use crate::node::background::Background;
use crate::node::purge::Housekeeping;
use crate::peers::transport::PeerTransport;

/// What a node must know to take part.
#[derive(Debug, Clone)]
pub struct ReplicationConfig {
    /// The cluster. Calls of and to nodes of another one are refused.
    pub cluster: ClusterId,
    /// This node; it is one of `nodes`.
    pub node: NodeId,
    /// This start of it; larger than that of every earlier start.
    pub incarnation: Incarnation,
    /// The nodes of the cluster, as configured. Members that joined later are learned from the groups.
    pub nodes: Nodes,
    /// How many partitions the cluster has; never changed after it was made.
    pub partitions: u16,
    /// The durations of leases and elections; the same on all nodes.
    pub timing: LeaseTiming,
    /// Whether this cluster may be new: then of each group's members the one with the lowest number makes it, when all
    /// of them have answered that nothing is stored of it. Once a cluster exists this changes nothing.
    pub bootstrap: bool,
    /// When states are flushed and log entries forgotten.
    pub housekeeping: Housekeeping,
    /// What the cluster's time goes by; the same on all nodes.
    pub time: TimeRules,
    /// When leaders give their leadership to others.
    pub leadership: LeadershipRules,
    /// How many bytes of proposals of one group may be queued or under way on this node, without those that wait for
    /// fences, which have half as much: 4 KiB to [`QUEUE_BYTES_MAX`](crate::QUEUE_BYTES_MAX). Each takes 2 KiB at least.
    pub queue_bytes: usize,
    /// This program: its release, and the apply versions that it goes by.
    pub build: Build,
    /// What of the lease is broken on purpose; nothing but in simulations.
    pub lease_break: Option<LeaseBreak>,
}

/// What a node works with.
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct ReplicationParts {
    /// The logs; somebody runs their rounds of syncing.
    pub log: LogStore,
    pub state: StateStore,
    /// The network.
    pub transport: Arc<dyn PeerTransport>,
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub random: Arc<dyn Random>,
    /// Where work is done that may block.
    pub background: Arc<dyn Background>,
}

/// Why a node can't be started.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub enum StartError {
    /// The node isn't one of the configured ones.
    #[error("node {0} is not one of the configured nodes")]
    NotConfigured(NodeId),
    /// A group's stored state is malformed.
    #[error("group {group} can't be opened: {detail}")]
    Group {
        group: GroupId,
        /// What is wrong.
        detail: String,
    },
    /// A group is at an apply version that this build doesn't know. Nothing was changed.
    #[error("group {group} can't be opened by this build: {reason}; its data is untouched")]
    Version {
        group: GroupId,
        /// Which versions there are, and which build to start instead.
        reason: ApplyError,
    },
    /// The durations don't make a valid configuration.
    #[error("the election timing is not valid: {0}")]
    Timing(String),
}
