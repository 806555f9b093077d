//! Three nodes in one process, joined by pipes, on stores in memory; links between them can be cut. Time is paused: it
//! goes on when all of them wait.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::Proposal;
use model::cluster::{NodeInfo, Nodes, RegionKind, placement, preferred_leader_region};
use model::command::Command;
use model::id::{ClusterId, Epoch, GroupId, Incarnation, NodeId, RegionId};
use model::outcome::Outcome;
use model::plan::{Author, Mode, RegionState, TrafficPlan};
use model::time::{BootTime, Timestamp};
use model::version::{Build, Versions};
use registry::tables::{FollowUpNumbers, WriteRows};
use replication::{
    Housekeeping, InPlace, LeadershipRules, LeaseBreak, NodeFault, PeerTransport as _, Replication, ReplicationConfig,
    ReplicationParts, StartError,
};
use service::ports::{Applied, Clock, GroupTime as _, LogError, Random, ReplicatedLog};
use store::memory::MemoryOperation;
use store::{EngineError, LogStore, MemoryEngine, StateStore};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tonic::transport::Channel;
use traffic::LeaseTiming;
use traffic::cluster_time::TimeRules;

use self::links::{LinkedTransport, Links};

pub mod links;
pub mod said;

/// How long anything may take that must happen.
pub const SOON: Duration = Duration::from_secs(20);
/// The partitions of the test cluster.
pub const PARTITIONS: u16 = 2;
/// The partition that most tests use.
pub const GROUP: GroupId = GroupId(1);
/// The test cluster.
pub const CLUSTER: ClusterId = ClusterId(7);
/// Another cluster.
pub const STRANGERS: ClusterId = ClusterId(8);
const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"];

/// How often `eventually` looks.
const LOOK: Duration = Duration::from_millis(5);
/// What the wall clock shows when the cluster is made.
const START: Timestamp = Timestamp(1_767_323_045_000);

/// Paused time, and how many milliseconds more than passed the wall clocks of all nodes show, and that of this one.
pub struct PausedClock(Instant, Arc<AtomicU64>, Arc<AtomicI64>);

impl Clock for PausedClock {
    fn boot_time(&self) -> BootTime {
        BootTime(u64::try_from(self.0.elapsed().as_nanos()).unwrap() + 1_000_000_000)
    }

    fn boot_id(&self) -> Option<u128> {
        Some(1)
    }

    fn wall_time(&self) -> Timestamp {
        let elapsed = u64::try_from(self.0.elapsed().as_millis()).unwrap();
        let shown = START.0 + elapsed + self.1.load(Ordering::Relaxed);
        Timestamp(shown.saturating_add_signed(self.2.load(Ordering::Relaxed)))
    }
}

struct Counter(AtomicU64);

impl Random for Counter {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }
}

/// Makes the randomness of a node.
pub fn random(id: NodeId) -> Arc<dyn Random> {
    Arc::new(Counter(AtomicU64::new(id.0)))
}

/// Runs the rounds of syncing of a log until one fails.
async fn sync(log: LogStore, time: Arc<Mutex<Duration>>) {
    let work = Arc::new(Notify::new());
    let waked = work.clone();
    log.set_waker(Box::new(move || waked.notify_one()));
    while log.sync_pending().is_ok() {
        work.notified().await;
        let time = *time.lock().unwrap();
        tokio::time::sleep(time).await;
    }
}

/// A node that runs.
pub struct Running {
    pub replication: Replication,
    pub log: LogStore,
    syncing: AbortHandle,
}

/// What stays of a node when it doesn't run.
#[derive(Clone, Default)]
struct Disk {
    log: MemoryEngine,
    state: MemoryEngine,
}

pub struct Cluster {
    nodes: Nodes,
    /// Of nodes that are started from now on.
    cluster: ClusterId,
    disks: BTreeMap<NodeId, Disk>,
    pub running: BTreeMap<NodeId, Running>,
    pub links: Links,
    /// Of nodes that are started from now on.
    pub housekeeping: Housekeeping,
    /// What nodes break that are started from now on.
    pub lease_break: Option<LeaseBreak>,
    /// What builds know that nodes run which are started from now on; the newest build where none is given.
    pub versions: BTreeMap<NodeId, Versions>,
    /// How many milliseconds more than passed the wall clocks of all nodes show.
    pub passed: Arc<AtomicU64>,
    /// How many milliseconds the wall clocks of single nodes are ahead of that.
    ahead: BTreeMap<NodeId, Arc<AtomicI64>>,
    /// How often each node was started, as its disk has it.
    incarnations: BTreeMap<NodeId, u64>,
    started: Instant,
    sync_time: Arc<Mutex<Duration>>,
}

impl Cluster {
    /// Starts three nodes of three serving regions.
    pub async fn start() -> Cluster {
        let mut cluster = Cluster::stopped(3).await;
        for id in cluster.ids() {
            cluster.run(id, true).await;
        }
        cluster
    }

    /// Starts two nodes of serving regions, and as the third one a witness.
    pub async fn with_witness() -> Cluster {
        let mut cluster = Cluster::stopped(3).await;
        cluster.nodes.get_mut(&NodeId(3)).unwrap().kind = RegionKind::Witness;
        for id in cluster.ids() {
            cluster.run(id, true).await;
        }
        cluster
    }

    /// Makes nodes that don't run yet; node n is in region (n - 1) % 3.
    pub async fn stopped(count: u64) -> Cluster {
        // RUST_LOG shows what the nodes say.
        let _ = tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).try_init();
        let links = Links::default();
        let mut nodes = Nodes::new();
        for id in (1..=count).map(NodeId) {
            let peer = links::address(id);
            let region = RegionId::new(REGIONS[((id.0 - 1) % 3) as usize]).unwrap();
            let kind = RegionKind::Serving;
            nodes
                .insert(id, NodeInfo { id, region, kind, peer, grpc: format!("node-{id}:2"), rest_url: String::new() });
        }
        let disks = nodes.keys().map(|id| (*id, Disk::default())).collect();
        let ahead = nodes.keys().map(|id| (*id, Arc::default())).collect();
        Cluster {
            nodes,
            cluster: CLUSTER,
            ahead,
            disks,
            running: BTreeMap::new(),
            links,
            housekeeping: Housekeeping::default(),
            lease_break: None,
            versions: BTreeMap::new(),
            passed: Arc::default(),
            incarnations: BTreeMap::new(),
            started: Instant::now(),
            sync_time: Arc::default(),
        }
    }

    pub fn ids(&self) -> Vec<NodeId> {
        self.nodes.keys().copied().collect()
    }

    pub fn info(&self, id: NodeId) -> NodeInfo {
        self.nodes[&id].clone()
    }

    pub fn region(&self, id: NodeId) -> RegionId {
        self.nodes[&id].region.clone()
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(PausedClock(self.started, self.passed.clone(), Arc::default()))
    }

    /// Sets a node's wall clock ahead of the others, or behind.
    pub fn set_wall(&self, id: NodeId, ahead_ms: i64) {
        self.ahead[&id].store(ahead_ms, Ordering::Relaxed);
    }

    /// Returns how far a group's time on a node is ahead of the time that passed, in milliseconds.
    pub fn time_ahead(&self, id: NodeId, group: GroupId) -> i64 {
        let now = self.node(id).now(group).unwrap();
        now.0 as i64 - self.clock().wall_time().0 as i64
    }

    /// Lets every sync of every disk take so long.
    pub fn syncs_take(&self, time: Duration) {
        *self.sync_time.lock().unwrap() = time;
    }

    /// Starts a node on what its disk holds.
    pub async fn run(&mut self, id: NodeId, bootstrap: bool) {
        self.run_among(id, self.ids(), bootstrap).await;
    }

    /// Starts a node of another cluster at the address, under the number and with the neighbours of one of this.
    pub async fn run_stranger(&mut self, id: NodeId) {
        self.cluster = STRANGERS;
        self.run(id, true).await;
        self.cluster = CLUSTER;
    }

    /// Returns the way to a node for calls that say of themselves what a test wants.
    pub fn calls(&self, from: NodeId, to: NodeId) -> Channel {
        LinkedTransport::new(self.links.clone(), from).connect(&self.info(to)).unwrap()
    }

    /// Starts a node that is told of some of the nodes only.
    pub async fn run_among(&mut self, id: NodeId, known: Vec<NodeId>, bootstrap: bool) {
        self.try_run_among(id, known, bootstrap).await.unwrap();
    }

    /// Starts a node again, if it may.
    pub async fn try_run(&mut self, id: NodeId) -> Result<(), StartError> {
        self.try_run_among(id, self.ids(), false).await
    }

    async fn try_run_among(&mut self, id: NodeId, known: Vec<NodeId>, bootstrap: bool) -> Result<(), StartError> {
        let incarnation = self.incarnations.entry(id).or_default();
        *incarnation += 1;
        let incarnation = Incarnation(*incarnation);
        let disk = self.disks[&id].clone();
        let log = LogStore::open(Arc::new(disk.log)).unwrap();
        let state = StateStore::open(Arc::new(disk.state)).unwrap();
        let syncing = tokio::spawn(sync(log.clone(), self.sync_time.clone())).abort_handle();
        let config = ReplicationConfig {
            cluster: self.cluster,
            node: id,
            incarnation,
            nodes: self.nodes.iter().filter(|(id, _)| known.contains(id)).map(|(id, n)| (*id, n.clone())).collect(),
            partitions: PARTITIONS,
            timing: LeaseTiming::for_round_trip(Duration::from_millis(5)).unwrap(),
            bootstrap,
            housekeeping: self.housekeeping,
            time: TimeRules::default(),
            leadership: LeadershipRules::default(),
            queue_bytes: replication::QUEUE_BYTES_MAX,
            build: Build::new("test", self.versions.get(&id).copied().unwrap_or(registry::VERSIONS)),
            lease_break: self.lease_break,
        };
        let parts = ReplicationParts {
            log: log.clone(),
            state,
            transport: Arc::new(LinkedTransport::new(self.links.clone(), id)),
            clock: Arc::new(PausedClock(self.started, self.passed.clone(), self.ahead[&id].clone())),
            random: random(id),
            background: Arc::new(InPlace),
        };
        let replication = Replication::start(config, parts).await.inspect_err(|_| syncing.abort())?;
        self.running.insert(id, Running { replication, log, syncing });
        Ok(())
    }

    /// Stops a node as a crash does: what was not synced is gone.
    pub async fn kill(&mut self, id: NodeId) {
        self.fail_disk(id);
        let running = self.running.remove(&id).unwrap();
        let disk = self.disks[&id].clone();
        running.replication.stop().await;
        running.syncing.abort();
        for engine in [&disk.log, &disk.state] {
            engine.clear_fault();
            engine.crash();
        }
    }

    /// Lets nothing more reach a node's disk.
    pub fn fail_disk(&self, id: NodeId) {
        let disk = &self.disks[&id];
        for engine in [&disk.log, &disk.state] {
            let detail = "the disk is gone".to_owned();
            engine.set_fault(move |_| Some(EngineError::Io { store: "test".to_owned(), detail: detail.clone() }));
        }
    }

    /// Fails every operation on a stopped node's disks from the one on that comes `operations` after a snapshot was
    /// made ready to be put in place.
    pub fn cut_off_after_seal(&mut self, id: NodeId, operations: usize) {
        let left: Arc<Mutex<Option<usize>>> = Arc::default();
        let disk = &self.disks[&id];
        for engine in [&disk.log, &disk.state] {
            let left = left.clone();
            engine.set_fault(move |operation| {
                let mut left = left.lock().unwrap();
                if operation == MemoryOperation::Seal {
                    *left = Some(operations);
                }
                match left.as_mut()? {
                    0 => Some(EngineError::Io { store: "test".to_owned(), detail: "the node was killed".to_owned() }),
                    more => {
                        *more -= 1;
                        None
                    }
                }
            });
        }
    }

    /// Changes a stopped node's replica of a group.
    pub fn corrupt(&mut self, id: NodeId, group: GroupId) {
        let state = StateStore::open(Arc::new(self.disks[&id].state.clone())).unwrap();
        let last = state.applied(group).last.unwrap();
        let mut write = state.begin(group);
        WriteRows::<FollowUpNumbers>::put(&mut write, GroupId(9_999), 1);
        write.commit(&last, None).unwrap();
        state.flush().unwrap();
    }

    /// Starts a node with an empty disk, and starts it again as soon as the others say which number it had.
    pub async fn run_empty(&mut self, id: NodeId, among: Vec<NodeId>) {
        self.run_among(id, among.clone(), true).await;
        let fault = tokio::time::timeout(SOON, self.node(id).failed()).await.unwrap();
        let NodeFault::Outdated(known) = fault else { panic!("{fault}") };
        self.count_on(id, known).await;
        self.run_among(id, among, true).await;
    }

    /// Stops a node, and lets its next start have a higher number than `known`.
    pub async fn count_on(&mut self, id: NodeId, known: Incarnation) {
        self.kill(id).await;
        self.incarnations.insert(id, known.0);
    }

    /// Loses a stopped node's disk, and with it how often the node was started.
    pub fn wipe(&mut self, id: NodeId) {
        self.incarnations.remove(&id);
        self.disks.insert(id, Disk::default());
    }

    pub fn node(&self, id: NodeId) -> &Replication {
        &self.running[&id].replication
    }

    /// Returns the running node that leads a group, when all running ones agree.
    pub fn agreed_leader(&self, group: GroupId) -> Option<NodeId> {
        let leaders: Vec<Option<NodeId>> =
            self.running.values().map(|running| running.replication.leader(group)).collect();
        let first = leaders.first().copied().flatten()?;
        let leads = self.running.get(&first)?.replication.leads(group).is_some();
        (leads && leaders.iter().all(|leader| *leader == Some(first))).then_some(first)
    }

    /// Waits until all running nodes agree on a leader.
    pub async fn leader(&self, group: GroupId) -> NodeId {
        eventually("a leader", || async { self.agreed_leader(group) }).await
    }

    /// Waits until every group is led by the node that should lead it: no leadership is transferred then by itself.
    pub async fn balanced(&self) {
        for group in GroupId::all(PARTITIONS) {
            let region = preferred_leader_region(&self.nodes, group).unwrap();
            let preferred = placement(&self.nodes, group)[&region];
            let leads = || async { (self.agreed_leader(group) == Some(preferred)).then_some(()) };
            eventually("the leader that should lead", leads).await;
        }
    }

    /// Returns the nodes that don't lead a group.
    pub async fn followers(&self, group: GroupId) -> Vec<NodeId> {
        let leader = self.leader(group).await;
        self.running.keys().copied().filter(|id| *id != leader).collect()
    }

    /// Waits until all running nodes applied the same and have the same hash.
    pub async fn converge(&self, group: GroupId) {
        use service::ports::Reads;
        eventually("all replicas to be equal", || async {
            let seen: Vec<_> = self
                .running
                .values()
                .map(|running| (running.replication.applied(group), running.replication.chain(group)))
                .collect();
            seen.iter().all(|one| *one == seen[0]).then_some(())
        })
        .await;
    }
}

/// Waits until `check` finds something.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut check: impl FnMut() -> F) -> T {
    let due = Instant::now() + SOON;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(Instant::now() < due, "waited in vain for {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// A command of the control group that adds something.
pub fn create_app(number: u128) -> Proposal {
    let command =
        Command::CreateApp { app: model::AppId(number), name: format!("app {number}"), tags: BTreeMap::new() };
    Proposal { request: None, command }
}

/// A command of partitions that forbids sending, as far as anyone can tell.
pub fn adopt_plan(epoch: u64) -> Proposal {
    let regions: BTreeMap<RegionId, RegionState> =
        REGIONS.iter().map(|region| (RegionId::new(region).unwrap(), RegionState::Active)).collect();
    let plan = TrafficPlan {
        epoch: Epoch(epoch),
        parent: Epoch(epoch - 1),
        mode: Mode::ActiveActive,
        weights: regions.keys().map(|region| (region.clone(), 1)).collect(),
        regions,
        channel_weights: BTreeMap::new(),
        scopes: BTreeMap::new(),
        diverted: BTreeMap::new(),
        frozen: std::collections::BTreeSet::new(),
        reason: "a test".to_owned(),
        evidence: BTreeMap::new(),
        author: Author::Automatic,
        time: Timestamp(0),
    };
    Proposal { request: None, command: Command::AdoptPlan { plan: Box::new(plan) } }
}

/// Returns the app that a command created, if it did.
pub fn created(outcome: &Outcome) -> Option<model::AppId> {
    match outcome {
        Outcome::Carried { outcome, .. } => created(outcome),
        Outcome::App(app) => Some(app.id),
        _ => None,
    }
}

pub async fn propose(node: &Replication, group: GroupId, proposal: Proposal) -> Result<Applied, LogError> {
    node.propose(group, vec![proposal], SOON).await
}
