//! Starting a node's replication: opening its groups, serving its peers, setting its tasks going.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::TryStreamExt as _;
use model::cluster::{NodeInfo, Nodes, placement};
use model::id::{ClusterId, GroupId, Incarnation, LogIndex, NodeId};
use openraft::{Config, SnapshotPolicy, StepDownPolicy};
use service::ports::{Clock, Random};
use store::{EngineError, LogStore, StateStore};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use traffic::LeaseTiming;
use traffic::cluster_time::TimeRules;
use wire::peer::peer_server::PeerServer;

use crate::leadership::balance;
use crate::leadership::candidacy::Leaderless;
use crate::leadership::duties;
use crate::leadership::duties::DutyFactory;
use crate::lease::group_lease::GroupLease;
use crate::lease::last_seen::LastSeen;
use crate::lease::pushes::Pushes;
use crate::lease::rounds;
use crate::lease::tenure;
use crate::members::part::Rejoin;
use crate::members::rejoin;
use crate::node::background::Background;
use crate::node::effects::Announcer;
use crate::node::fatal::Fatal;
use crate::node::group::Group;
use crate::node::purge;
use crate::node::purge::Housekeeping;
use crate::node::shared::Node;
use crate::peers::beat;
use crate::peers::channels::{MESSAGE_BYTES_MAX, Peers};
use crate::peers::introduction::Introduction;
use crate::peers::transport::{CONNECTION_WINDOW, KEEPALIVE, PeerTransport, STREAM_WINDOW};
use crate::proposals::attempts::Generation;
use crate::proposals::proposer::Proposer;
use crate::proposals::submission::ProposerParts;
use crate::raft::clock::ClockBridge;
use crate::raft::codec;
use crate::raft::hashes::{Hashes, Round};
use crate::raft::network::NetworkFactory;
use crate::raft::raft_log::GroupLog;
use crate::raft::snapshot::applied_state;
use crate::raft::state_machine::{GroupMachine, MachineParts, Raft, last_stamp};
use crate::raft::type_config::Member;
use crate::server::callers::CallerCheck;
use crate::server::peer_server::PeerService;
use crate::time::cluster::ClusterTime;
use crate::time::group::GroupTime;

/// The most entries in one message to a follower; its bytes are bounded too.
const MESSAGE_ENTRIES_MAX: u64 = 256;
/// How long a chunk of a snapshot may take, and its installation without any sign.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(60);
/// The most calls of one node that are under way here: appends, heartbeats, proposals and leases of all groups.
const STREAMS_MAX: u32 = 4096;
/// The most messages that wait inside one group's Raft.
const RAFT_QUEUE: u64 = 4096;

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
    /// The durations don't make a valid configuration.
    #[error("the election timing is not valid: {0}")]
    Timing(String),
}

/// Opens everything and starts it.
pub(crate) async fn start(config: ReplicationConfig, parts: ReplicationParts) -> Result<Arc<Node>, StartError> {
    let info = config.nodes.get(&config.node).ok_or(StartError::NotConfigured(config.node))?.clone();
    let opening = Opening::new(&config, &info, parts)?;
    opening.watch_disk();
    let mut groups = BTreeMap::new();
    for group in GroupId::all(config.partitions) {
        groups.insert(group, opening.open(group).await?);
    }
    let (node, queues) = opening.assemble(&config, info, groups);
    queues.into_iter().for_each(|queue| node.spawn_essential("proposals", queue));
    serve(&node, CallerCheck::new(&opening.introduction), opening.parts.transport.incoming());
    for group in node.groups.values() {
        node.spawn_essential("tenures", tenure::watch(node.clone(), group.clone()));
        node.spawn_essential("balance of leaders", balance::run(node.clone(), group.clone()));
    }
    node.spawn_essential("lease requests", rounds::run(node.clone()));
    node.spawn_essential("flush and purge", purge::run(node.clone(), config.housekeeping));
    node.spawn_essential("heartbeats", beat::run(node.clone()));
    let nodes = Arc::new(config.nodes);
    for group in node.groups.values() {
        let lowest = placement(&nodes, group.id).into_values().min();
        let makes = config.bootstrap && lowest == Some(config.node);
        let joining = Joining { node: node.clone(), group: group.clone(), nodes: nodes.clone(), makes };
        node.spawn(joining.run(opening.started));
    }
    Ok(node)
}

/// Starts the duties of the groups that this node leads or will lead.
pub(crate) fn spawn_duties(node: &Arc<Node>, factory: &DutyFactory) {
    for group in node.groups.values() {
        node.spawn_essential("duties", duties::run(node.clone(), group.clone(), factory.clone()));
    }
}

/// What groups are opened with.
struct Opening {
    parts: ReplicationParts,
    raft_config: Arc<Config>,
    timing: LeaseTiming,
    partitions: u16,
    node: NodeId,
    nodes: Nodes,
    holder: Option<traffic::lease::HolderId>,
    started: model::time::BootTime,
    introduction: Introduction,
    time: Arc<ClusterTime>,
    peers: Arc<Peers>,
    pushes: Arc<Pushes>,
    fatal: Fatal,
    room: Arc<Notify>,
}

impl Opening {
    fn new(config: &ReplicationConfig, info: &NodeInfo, parts: ReplicationParts) -> Result<Opening, StartError> {
        let raft_config = raft_config(&config.timing).map_err(|error| StartError::Timing(error.to_string()))?;
        let serving = info.kind == model::cluster::RegionKind::Serving;
        let holder = serving.then(|| traffic::lease::HolderId {
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
    fn watch_disk(&self) {
        let listener = || {
            let fatal = self.fatal.clone();
            Box::new(move |error: &EngineError| fatal.report(error.to_string()))
        };
        self.parts.log.on_fault(listener());
        self.parts.state.on_fault(listener());
    }

    async fn open(&self, id: GroupId) -> Result<Arc<Group>, StartError> {
        let failed = |detail: String| StartError::Group { group: id, detail };
        let log = GroupLog::new(id, self.parts.log.clone(), self.room.clone(), self.fatal.clone());
        let lease = Arc::new(GroupLease::new(self.timing, self.holder.clone(), self.started));
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
        let stamped = last_stamp(&*self.parts.state.view(id)).map_err(|error| failed(error.to_string()))?;
        let time = Arc::new(GroupTime::new(self.time.clone(), stamped));
        let hashes = Arc::new(Hashes::default());
        if last.is_some() {
            hashes.replaced(Round { index: applied, hash: row.chain });
        }
        let machine = GroupMachine::new(MachineParts {
            group: id,
            partitions: self.partitions,
            state: self.parts.state.clone(),
            synced: log.synced(),
            announcer: announcer.clone(),
            hashes: hashes.clone(),
            lease: lease.clone(),
            time: time.clone(),
            pushes: self.pushes.clone(),
            background: self.parts.background.clone(),
            fatal: self.fatal.clone(),
        });
        let network = NetworkFactory {
            group: id,
            background: self.parts.background.clone(),
            peers: self.peers.clone(),
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
            time,
            announcer,
            hashes,
            rejoin: Rejoin::new(part),
            joined: AtomicBool::new(false),
            receiving: Semaphore::new(1),
            leadership: watch::Sender::new(None),
            known_membership: AtomicU64::new(0),
            changing: tokio::sync::Mutex::new(()),
        }))
    }

    #[expect(clippy::type_complexity, reason = "the queues are spawned at once by the only caller")]
    fn assemble(
        &self,
        config: &ReplicationConfig,
        info: NodeInfo,
        groups: BTreeMap<GroupId, Arc<Group>>,
    ) -> (Arc<Node>, Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>>) {
        let mut proposers = BTreeMap::new();
        let mut queues: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>> = Vec::new();
        for group in groups.values() {
            let (proposer, queue) = Proposer::new(ProposerParts {
                group: group.clone(),
                peers: self.peers.clone(),
                clock: self.parts.clock.clone(),
                incarnation: config.incarnation,
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
            info,
            timing: config.timing,
            clock: self.parts.clock.clone(),
            random: self.parts.random.clone(),
            bridge: ClockBridge::new(config.timing.heartbeat() / 8),
            time: self.time.clone(),
            peers: self.peers.clone(),
            last_seen: LastSeen::default(),
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

/// Serves other nodes until the node stops.
fn serve(node: &Arc<Node>, check: CallerCheck, incoming: crate::peers::transport::Incoming) {
    let stopping = node.stopping.subscribe();
    let service = PeerServer::new(PeerService(node.clone()))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let service = InterceptedService::new(service, check);
    let server = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE * 2))
        .max_concurrent_streams(Some(STREAMS_MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .add_service(service)
        .serve_with_incoming(incoming.map_ok(move |stream| stream.until(stopped(stopping.clone()))));
    let fatal = node.fatal.clone();
    node.spawn(async move {
        if let Err(error) = server.await {
            fatal.report(format!("peers can't be served any more: {error}"));
        }
    });
}

/// Ready when the node stops. tonic serves each connection in a task of its own, which nobody else can end.
async fn stopped(mut stopping: watch::Receiver<bool>) {
    // A closed channel means that the node is gone.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// A group on its way to full part.
struct Joining {
    node: Arc<Node>,
    group: Arc<Group>,
    nodes: Arc<Nodes>,
    /// Whether this node makes the group if it is new.
    makes: bool,
}

impl Joining {
    /// Waits for V, because R2 holds for this node's own vote too; joins; makes the group if it is new; and lets this
    /// node stand for election.
    async fn run(self, started: model::time::BootTime) {
        let refusal = self.node.timing.vote_hold_off();
        loop {
            let passed = self.node.now().since(started);
            if passed >= refusal {
                break;
            }
            tokio::time::sleep(refusal - passed).await;
        }
        let new = rejoin::run(&self.node, &self.group, &self.nodes).await;
        if new && self.makes && self.group.log.is_pristine() {
            self.make().await;
        }
        self.group.joined.store(true, Ordering::Relaxed);
        Leaderless::default().decide(&self.node, &self.group);
    }

    /// Makes the group with the nodes that it is placed on.
    async fn make(&self) {
        let members: BTreeMap<u64, Member> = placement(&self.nodes, self.group.id)
            .into_values()
            .filter_map(|id| Some((id.0, Member(self.nodes.get(&id)?.clone()))))
            .collect();
        match self.group.raft.initialize(members).await {
            Ok(()) => tracing::info!(group = self.group.id.0, "group bootstrapped"),
            Err(error) => tracing::warn!(group = self.group.id.0, %error, "group not bootstrapped"),
        }
    }
}
