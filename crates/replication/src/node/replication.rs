//! The handle of a node's replication: what the rest of the node is given.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::cluster::Nodes;
use model::id::{GroupId, NodeId, Term};
use model::readiness::ReadyState;
use model::version::Build;
use traffic::loss::Starved;
use traffic::readiness::{self, NeighbourNews, RegionReadiness, Sight};

use crate::leadership::duties::DutyFactory;
use crate::leadership::leave;
use crate::lease::starved;
use crate::node::config::{ReplicationConfig, ReplicationParts, StartError};
use crate::node::effects::EffectStream;
use crate::node::fatal::NodeFault;
use crate::node::purge;
use crate::node::shared::Node;
use crate::node::start;
use crate::raft::hashes::Verdict;

/// A node's replication. Clones are the same. It runs until [`stop`](Replication::stop) is called, also when the last
/// clone is dropped. It implements the ports `ReplicatedLog`, `Reads`, `SendPermits`, `Leases`
/// and `ClusterControl`.
#[derive(Clone)]
pub struct Replication(Arc<Node>);

impl Replication {
    /// Opens the groups of this node and starts to take part. Returns before any group has a leader.
    ///
    /// # Errors
    /// When the node isn't configured, the durations aren't valid, or a group's storage is malformed.
    pub async fn start(config: ReplicationConfig, parts: ReplicationParts) -> Result<Replication, StartError> {
        start::start(config, parts).await.map(Replication)
    }

    /// Runs duties on every group while this node leads it. The factory is called at each beginning of a leadership.
    pub fn spawn_duties(&self, factory: DutyFactory) {
        start::spawn_duties(&self.0, &factory);
    }

    /// Returns the groups of which this node is a member, in ascending order.
    pub fn groups(&self) -> Vec<GroupId> {
        self.0.hosted().map(|group| group.id).collect()
    }

    /// Returns the nodes as known now: the configured ones, and members that joined.
    pub fn nodes(&self) -> Nodes {
        self.0.peers.nodes()
    }

    /// Returns the news of a group from now on, also of one that this node is no member of yet; nothing when the
    /// cluster has no such group.
    pub fn effects(&self, group: GroupId) -> Option<EffectStream> {
        self.0.replica(group).map(|group| group.announcer.subscribe())
    }

    /// Returns the term in which this node leads a group now, if it does.
    pub fn leads(&self, group: GroupId) -> Option<Term> {
        self.0.group(group)?.leading().map(|leader| Term(leader.term))
    }

    /// Returns the node that leads a group, as far as this node knows.
    pub fn leader(&self, group: GroupId) -> Option<NodeId> {
        self.0.group(group)?.leader()
    }

    /// Returns the programs of all nodes that reported theirs, this one's among them, and how long ago each did.
    pub fn builds(&self) -> BTreeMap<NodeId, (Build, Duration)> {
        let node = &self.0;
        let mut builds = node.last_seen.builds(node.now());
        builds.insert(node.id, (node.build.clone(), Duration::ZERO));
        builds
    }

    /// Returns what is known of who saw whom last, and of who could send, by node.
    pub fn peers(&self) -> BTreeMap<NodeId, NeighbourNews> {
        self.0.last_seen.all(self.0.now())
    }

    /// Takes what this node says of itself: the others are told so with the next lease calls.
    pub fn tell_ready(&self, ready: ReadyState) {
        self.0.last_seen.set_own(ready);
    }

    /// Says which regions could send now, as far as this node knows.
    pub fn region_readiness(&self) -> RegionReadiness {
        let (ready, nodes, news) = (self.0.last_seen.own(), self.nodes(), self.peers());
        let silence = self.0.timing.lapse();
        readiness::judge(&Sight { node: self.0.id, nodes: &nodes, news: &news, silence }, &ready)
    }

    /// Tells which holders are without a lease because the line to their partition's leader is cut, as far as is known
    /// here.
    pub fn starved(&self) -> Vec<Starved> {
        starved::all(&self.0)
    }

    /// Says whether another replica of a group agreed with the one here since the start: before that, it isn't known
    /// whether it holds the same truth. Yes when there is no other.
    pub fn is_confirmed(&self, group: GroupId) -> bool {
        self.0.group(group).is_some_and(|group| group.is_confirmed())
    }

    /// Says whether this node heard a group's leader, or as its leader a quorum, in the last
    /// [`CONTACT_MAX`](crate::CONTACT_MAX), and the leader heard this node: without that it may be cut off from a
    /// majority, whatever it believes, and what it is asked to write comes nowhere.
    pub fn in_contact(&self, group: GroupId) -> bool {
        self.0.group(group).is_some_and(|group| !group.contact.is_lost())
    }

    /// Says whether the replica here may be another truth than the others': it differs from one of them, and none agrees
    /// with it.
    pub fn is_doubtful(&self, group: GroupId) -> bool {
        self.0.group(group).is_some_and(|group| group.verdict() != Verdict::Fine)
    }

    /// Returns the hash over all changes that a hosted group's state has seen; replicas that applied the same have the
    /// same.
    pub fn chain(&self, group: GroupId) -> u64 {
        self.0.state.applied(group).chain
    }

    /// Flushes the states and forgets all log entries that are in them, whatever housekeeping would keep: for an
    /// operator who is short of disk. Replicas that lack the entries get a snapshot.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn compact(&self) -> Result<(), store::EngineError> {
        purge::compact(&self.0).await
    }

    /// Waits until the node must stop, and returns why.
    pub async fn failed(&self) -> NodeFault {
        self.0.fatal.reported().await
    }

    /// Prepares a stop: hands every leadership to another live voter, and takes none any more. Begins no transfer after
    /// `wait`. Returns how many groups this node still leads; the others elect in its place when it has stopped.
    pub async fn transfer_leaderships(&self, wait: Duration) -> usize {
        leave::transfer_leaderships(&self.0, wait).await
    }

    /// Stops to take part: ends all tasks, closes the groups. What is stored stays as it is.
    pub async fn stop(&self) {
        self.0.abort_tasks();
        for group in self.0.groups.values() {
            if group.raft.shutdown().await.is_err() {
                tracing::debug!(group = group.id.0, "group already stopped");
            }
        }
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.0
    }
}
