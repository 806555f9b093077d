//! Opening a node's groups from what is stored, and making a node of them. Nothing runs yet when this is done.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::cluster::{NodeInfo, Nodes, RegionKind, placement};
use model::id::{GroupId, LogIndex, NodeId};
use model::time::BootTime;
use model::version::Versions;
use openraft::{Config, SnapshotPolicy, StepDownPolicy};
use service::ports::BoxFuture;
use store::EngineError;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use traffic::LeaseTiming;
use traffic::lease::HolderId;

use crate::lease::broken::LeaseBreak;
use crate::lease::contact::ContactWatch;
use crate::lease::group_lease::GroupLease;
use crate::lease::last_seen::LastSeen;
use crate::lease::pushes::Pushes;
use crate::lease::round_trips::RoundTrips;
use crate::lease::seconds::Seconds;
use crate::members::left::LeftOut;
use crate::members::part::Rejoin;
use crate::node::config::{ReplicationConfig, ReplicationParts, StartError};
use crate::node::effects::Announcer;
use crate::node::fatal::Fatal;
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::node::version::GroupVersion;
use crate::peers::beat;
use crate::peers::channels::Peers;
use crate::peers::introduction::Introduction;
use crate::proposals::attempts::Generation;
use crate::proposals::own::OwnProposals;
use crate::proposals::proposer::Proposer;
use crate::proposals::submission::ProposerParts;
use crate::raft::codec;
use crate::raft::hashes::{Hashes, Round};
use crate::raft::network::NetworkFactory;
use crate::raft::raft_log::GroupLog;
use crate::raft::snapshot::applied_state;
use crate::raft::state_machine::{GroupMachine, MachineParts, Raft, stored_meta};
use crate::time::cluster::ClusterTime;
use crate::time::group::GroupTime;

/// The most entries in one message to a follower; its bytes are bounded too.
const MESSAGE_ENTRIES_MAX: u64 = 256;
/// How long a chunk of a snapshot may take, and its installation without any sign.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(60);
/// The most messages that wait inside one group's Raft.
const RAFT_QUEUE: u64 = 4096;

/// What groups are opened with.
pub(super) struct Opening {
    pub(super) parts: ReplicationParts,
    raft_config: Arc<Config>,
    timing: LeaseTiming,
    partitions: u16,
    node: NodeId,
    nodes: Nodes,
    holder: Option<HolderId>,
    lease_break: Option<LeaseBreak>,
    known: Versions,
    pub(super) started: BootTime,
    pub(super) introduction: Introduction,
    time: Arc<ClusterTime>,
    peers: Arc<Peers>,
    pushes: Arc<Pushes>,
    fatal: Fatal,
    room: Arc<Notify>,
}

impl Opening {
    pub(super) fn new(
        config: &ReplicationConfig,
        info: &NodeInfo,
        parts: ReplicationParts,
    ) -> Result<Opening, StartError> {
        let raft_config = raft_config(&config.timing).map_err(|error| StartError::Timing(error.to_string()))?;
        let serving = info.kind == RegionKind::Serving;
        let holder = serving.then(|| HolderId {
            node: config.node,
            incarnation: config.incarnation,
            region: info.region.clone(),
        });
        let introduction = Introduction { cluster: config.cluster, node: config.node, region: info.region.clone() };
        let time = ClusterTime::new(config.time, config.node, parts.clock.clone(), parts.log.clone());
        Ok(Opening {
            raft_config: Arc::new(raft_config),
            timing: config.timing,
            partitions: config.partitions,
            node: config.node,
            nodes: config.nodes.clone(),
            holder,
            lease_break: config.lease_break,
            known: config.build.versions,
            started: parts.clock.boot_time(),
            time: Arc::new(time),
            peers: Arc::new(Peers::new(parts.transport.clone(), introduction.clone(), config.nodes.clone())),
            introduction,
            pushes: Arc::new(Pushes::default()),
            fatal: Fatal::new(),
            room: Arc::new(Notify::new()),
            parts,
        })
    }

    /// Stops the node at any failure of its disk, also at one that a caller's read met.
    pub(super) fn watch_disk(&self) {
        let listener = || {
            let fatal = self.fatal.clone();
            Box::new(move |error: &EngineError| fatal.report(error.to_string()))
        };
        self.parts.log.on_fault(listener());
        self.parts.state.on_fault(listener());
    }

    /// Opens a group.
    pub(super) async fn open(&self, id: GroupId) -> Result<Arc<Group>, StartError> {
        let failed = |detail: String| StartError::Group { group: id, detail };
        // Before anything is changed: what another build left is its own to go on with.
        let meta = stored_meta(&*self.parts.state.view(id)).map_err(|error| failed(error.to_string()))?;
        let version = GroupVersion::new(self.known, &meta);
        let version = Arc::new(version.map_err(|reason| StartError::Version { group: id, reason })?);
        let log = GroupLog::new(id, self.parts.log.clone(), self.room.clone(), self.fatal.clone());
        let lease = Arc::new(GroupLease::new(self.timing, self.holder.clone(), self.started, self.lease_break));
        let row = self.parts.state.applied(id);
        let (last, _) = applied_state(&row).map_err(|error| failed(error.to_string()))?;
        let installed = self.parts.state.installed(id).map_err(|error| failed(error.to_string()))?;
        let installed = installed.map(|bytes| codec::decode_log_id(&bytes)).transpose();
        let installed = installed.map_err(|error| failed(error.to_string()))?;
        log.continue_after(last, installed).map_err(|error| failed(error.to_string()))?;
        let part = log.part().map_err(|error| failed(error.to_string()))?;
        let applied = LogIndex(codec::index_of(last.as_ref()));
        lease.applied(applied, false);
        let announcer = Arc::new(Announcer::new(applied));
        let time = Arc::new(GroupTime::new(self.time.clone(), meta.clock));
        let hashes = Arc::new(Hashes::default());
        if last.is_some() {
            hashes.replaced(Round { index: applied, hash: row.chain });
        }
        let own = Arc::new(OwnProposals::new(self.parts.random.next_u64()));
        let machine = GroupMachine::new(MachineParts {
            group: id,
            partitions: self.partitions,
            state: self.parts.state.clone(),
            synced: log.synced(),
            announcer: announcer.clone(),
            own: own.clone(),
            hashes: hashes.clone(),
            lease: lease.clone(),
            time: time.clone(),
            version: version.clone(),
            pushes: self.pushes.clone(),
            background: self.parts.background.clone(),
            fatal: self.fatal.clone(),
        });
        let left_out = Arc::new(LeftOut::default());
        let network = NetworkFactory {
            group: id,
            node: self.node,
            left_out: left_out.clone(),
            background: self.parts.background.clone(),
            peers: self.peers.clone(),
            lease: lease.clone(),
            clock: self.parts.clock.clone(),
            append_timeout: self.timing.vote_hold_off() * 4,
            snapshot_timeout: SNAPSHOT_TIMEOUT,
        };
        let raft = Raft::new(self.node.0, self.raft_config.clone(), network, log.clone(), machine)
            .await
            .map_err(|error| failed(error.to_string()))?;
        Ok(Arc::new(Group {
            id,
            node: self.node,
            placed: placement(&self.nodes, id).values().any(|node| *node == self.node),
            raft,
            log,
            lease,
            contact: ContactWatch::new(),
            time,
            version,
            announcer,
            own,
            hashes,
            rejoin: Rejoin::new(part),
            joined: AtomicBool::new(false),
            caught_up: AtomicBool::new(false),
            left_out,
            receiving: Semaphore::new(1),
            leadership: watch::Sender::new(None),
            known_membership: AtomicU64::new(0),
            changing: tokio::sync::Mutex::new(()),
        }))
    }

    /// Makes the node, and the queues of its groups' proposals, which are still to be run.
    pub(super) fn assemble(
        &self,
        config: &ReplicationConfig,
        info: NodeInfo,
        groups: BTreeMap<GroupId, Arc<Group>>,
    ) -> (Arc<Node>, Vec<BoxFuture<'static, ()>>) {
        let mut proposers = BTreeMap::new();
        let mut queues: Vec<BoxFuture<'static, ()>> = Vec::new();
        for group in groups.values() {
            let (proposer, queue) = Proposer::new(ProposerParts {
                group: group.clone(),
                peers: self.peers.clone(),
                clock: self.parts.clock.clone(),
                incarnation: config.incarnation,
                queue_bytes: config.queue_bytes,
                leader_hint: Mutex::default(),
                generation: Generation::default(),
                senders: Mutex::default(),
            });
            proposers.insert(group.id, proposer);
            queues.push(Box::pin(queue));
        }
        let node = Node {
            id: config.node,
            incarnation: config.incarnation,
            started: self.started,
            info,
            build: config.build.clone(),
            timing: config.timing,
            clock: self.parts.clock.clone(),
            random: self.parts.random.clone(),
            time: self.time.clone(),
            peers: self.peers.clone(),
            last_seen: LastSeen::default(),
            seconds: Seconds::default(),
            round_trips: RoundTrips::default(),
            groups,
            proposers,
            pushes: self.pushes.clone(),
            fatal: self.fatal.clone(),
            log: self.parts.log.clone(),
            state: self.parts.state.clone(),
            background: self.parts.background.clone(),
            tasks: Mutex::new(JoinSet::new()),
            seen: Mutex::default(),
            leaving: AtomicBool::new(false),
            stopping: watch::Sender::new(false),
        };
        (Arc::new(node), queues)
    }
}

/// The settings that the lease needs (docs/lease.md, "What openraft must be set to"). Elections are off until V after
/// the start.
fn raft_config(timing: &LeaseTiming) -> Result<Config, openraft::ConfigError> {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let election = timing.election();
    Config {
        cluster_name: "signalbox".to_owned(),
        heartbeat_interval: ms(beat::raft_interval(timing)),
        election_timeout_min: ms(election.timeout_min),
        election_timeout_max: ms(election.timeout_max),
        max_payload_entries: MESSAGE_ENTRIES_MAX,
        replication_lag_threshold: u64::MAX,
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        api_channel_size: Some(RAFT_QUEUE),
        notification_channel_size: Some(RAFT_QUEUE),
        enable_elect: false,
        // A follower that lost its disk begins anew; what makes that safe is in `rejoin`.
        allow_log_reversion: Some(true),
        enable_pre_vote: Some(true),
        enable_leader_restore: Some(false),
        removed_leader_step_down: StepDownPolicy::Never,
        ..Config::default()
    }
    .validate()
}
