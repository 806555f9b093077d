//! What one node's replication is made of, as its tasks and ports share it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::cluster::{NodeInfo, RegionKind};
use model::id::{GroupId, Incarnation, LogIndex, NodeId};
use model::time::BootTime;
use model::version::Build;
use openraft::async_runtime::WatchReceiver as _;
use service::ports::{Clock, Random};
use store::{LogStore, StateStore};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use traffic::LeaseTiming;
use traffic::lease::HolderId;

use crate::lease::last_seen::LastSeen;
use crate::lease::pushes::Pushes;
use crate::lease::round_trips::RoundTrips;
use crate::lease::seconds::Seconds;
use crate::node::background::Background;
use crate::node::fatal::{Fatal, essential};
use crate::node::group::Group;
use crate::peers::channels::Peers;
use crate::proposals::proposer::Proposer;
use crate::time::cluster::ClusterTime;

/// One node's replication.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) incarnation: Incarnation,
    /// When this start of it began.
    pub(crate) started: BootTime,
    pub(crate) info: NodeInfo,
    pub(crate) build: Build,
    pub(crate) timing: LeaseTiming,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) time: Arc<ClusterTime>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) last_seen: LastSeen,
    pub(crate) round_trips: RoundTrips,
    pub(crate) seconds: Seconds,
    /// A replica of every group, most of them empty and idle where a region has several nodes: a group can move here at
    /// any time.
    pub(crate) groups: BTreeMap<GroupId, Arc<Group>>,
    pub(crate) proposers: BTreeMap<GroupId, Proposer>,
    pub(crate) pushes: Arc<Pushes>,
    pub(crate) fatal: Fatal,
    pub(crate) log: LogStore,
    pub(crate) state: StateStore,
    pub(crate) background: Arc<dyn Background>,
    pub(crate) tasks: Mutex<JoinSet<()>>,
    /// Of groups without a replica here, the last index that a caller was answered for: reads elsewhere wait for it.
    pub(crate) seen: Mutex<BTreeMap<GroupId, LogIndex>>,
    /// Whether this node seeks and takes no leadership any more.
    pub(crate) leaving: AtomicBool,
    /// Whether connections of other nodes are to be ended.
    pub(crate) stopping: watch::Sender<bool>,
}

impl Node {
    /// Returns a group of which this node is a member.
    pub(crate) fn group(&self, group: GroupId) -> Option<&Arc<Group>> {
        self.groups.get(&group).filter(|group| group.is_member())
    }

    /// Returns a group of the cluster, whether this node is a member or not.
    pub(crate) fn replica(&self, group: GroupId) -> Option<&Arc<Group>> {
        self.groups.get(&group)
    }

    /// Returns the groups of which this node is a member, in ascending order.
    pub(crate) fn hosted(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.groups.values().filter(|group| group.is_member())
    }

    /// Returns the queue of proposals of a group of the cluster.
    pub(crate) fn proposer(&self, group: GroupId) -> Option<&Proposer> {
        self.proposers.get(&group)
    }

    /// Reads the clock that leases go by.
    pub(crate) fn now(&self) -> BootTime {
        self.clock.boot_time()
    }

    /// Compares the clocks that this node knows of.
    pub(crate) fn look_at_clocks(&self) {
        let nodes = self.peers.nodes();
        self.time.look(&nodes.into_iter().map(|(id, info)| (id, info.region)).collect());
    }

    /// Returns this node as a holder of leases; nothing on a witness.
    pub(crate) fn holder(&self) -> Option<HolderId> {
        (self.info.kind == RegionKind::Serving).then(|| HolderId {
            node: self.id,
            incarnation: self.incarnation,
            region: self.info.region.clone(),
        })
    }

    /// Waits until the replica here has applied an index; at once when none is placed here.
    pub(crate) async fn wait_applied(&self, group: GroupId, index: LogIndex, due: Instant) -> Result<(), ()> {
        // A group that is placed here is waited for even while this node is no member yet, as after the loss of its
        // disk: an answer before the replica has the entry would be followed by a stale read.
        // One that was replaced gets nothing any more.
        let comes = |group: &&Arc<Group>| group.placed && !group.has_caught_up() && !group.is_left_out();
        let here = |group: &&Arc<Group>| group.is_member() || comes(group);
        let Some(group) = self.replica(group).filter(here) else { return Ok(()) };
        let mut applied = group.announcer.watch();
        match tokio::time::timeout_at(due, applied.wait_for(|applied| *applied >= index)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(()),
        }
    }

    /// Runs a task that must live as long as the node: one that ends or panics is a reason to stop.
    pub(crate) fn spawn_essential(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn(essential(self.fatal.clone(), self.stopping.subscribe(), name, task));
    }

    /// Says whether a group stopped by itself; then the node must stop, and tells what the group ended with: its disk,
    /// most likely.
    pub(crate) fn report_stopped(&self, group: &Group) -> bool {
        let metrics = group.raft.metrics();
        let stopped = metrics.borrow_watched().running_state.as_ref().err().map(ToString::to_string);
        if let Some(why) = stopped.as_ref().filter(|_| !*self.stopping.borrow()) {
            self.fatal.report(format!("group {} stopped: {why}", group.id));
        }
        stopped.is_some()
    }

    /// Runs a task until the node stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }

    /// Takes note that a caller was answered for an index, for reads from replicas elsewhere.
    pub(crate) fn saw(&self, group: GroupId, index: LogIndex) {
        if self.group(group).is_none() {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let known = seen.entry(group).or_default();
            *known = index.max(*known);
        }
    }

    /// Returns the last index that a caller was answered for.
    pub(crate) fn seen(&self, group: GroupId) -> LogIndex {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&group).copied().unwrap_or_default()
    }

    /// Takes no leadership any more.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Says whether this node takes no leadership any more.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Ends all tasks and connections.
    pub(crate) fn abort_tasks(&self) {
        self.stopping.send_replace(true);
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}
