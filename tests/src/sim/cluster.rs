//! What outlives the restarts of simulated nodes, and is seen by all: disks, clocks, the provider, the history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::address::mix;
use model::alarm::Alarm;
use model::id::{AppId, NodeId};
use replication::Replication;
use service::ports::Alarms;
use tokio::sync::Notify;

use super::builds::Builds;
use super::history::History;
use super::members::Members;
use super::probe::Fenced;
use super::provider::Provider;
use super::settings::Settings;
use super::storage::Disk;
use super::world::{SimClock, SimRandom};

/// How many partitions the cluster has.
pub const PARTITIONS: u16 = 2;
/// By how much a node's clock runs too fast or too slow at most, in per mille. The leases assume 10.
const RATE_ERROR_MAX_PERMILLE: u64 = 9;

/// Everything that outlives a node's restart.
pub struct Cluster {
    /// What the run is made from.
    pub settings: Settings,
    /// What happened.
    pub history: Arc<History>,
    /// The provider.
    pub provider: Arc<Provider>,
    /// Which builds nodes are started as.
    pub builds: Builds,
    /// Who is a member.
    pub members: Members,
    /// Up to where what forbids sending was acknowledged.
    pub fenced: Arc<Fenced>,
    /// How often addresses were begun to be opted out: the clients send to those after.
    pub opted_out: AtomicU64,
    stands: BTreeMap<NodeId, Stand>,
    running: Mutex<BTreeMap<NodeId, Replication>>,
    boards: Mutex<BTreeMap<NodeId, Arc<dyn Alarms>>>,
    ended: Mutex<BTreeSet<NodeId>>,
    app: Mutex<Option<AppId>>,
    closing: AtomicBool,
    closed: Mutex<BTreeSet<String>>,
    streams: AtomicU64,
    numbers: Mutex<BTreeMap<String, u64>>,
}

/// What a node finds again when it starts.
struct Stand {
    disk: Arc<Disk>,
    clock: Arc<SimClock>,
    /// Told when the node is to stop.
    stop: Notify,
}

impl Cluster {
    /// Makes a cluster that never ran.
    pub fn new(settings: Settings) -> Cluster {
        let history = Arc::new(History::default());
        settings.layout.spare().iter().for_each(|node| history.is_outside(*node));
        let random = SimRandom::new(mix(settings.seed ^ 0x636c_6f63_6b73));
        let stand = |node: NodeId| {
            let rate = 1_000 - RATE_ERROR_MAX_PERMILLE + random.below(2 * RATE_ERROR_MAX_PERMILLE + 1);
            let power = SimRandom::new(mix(settings.seed ^ 0x706f_7765_7200 ^ node.0));
            let disk = Arc::new(Disk::new(settings.broken, power));
            if settings.is_calm() {
                disk.keep_power();
            }
            Stand { disk, clock: Arc::new(SimClock::new(rate, settings.broken)), stop: Notify::new() }
        };
        Cluster {
            settings,
            provider: Arc::new(Provider::new(history.clone(), mix(settings.seed ^ 0x7072_6f76), &settings)),
            history,
            builds: Builds::new(&settings, SimRandom::new(mix(settings.seed ^ 0x6275_696c_6473))),
            members: Members::new(settings.layout),
            fenced: Arc::default(),
            opted_out: AtomicU64::new(0),
            stands: settings.nodes().map(|node| (node, stand(node))).collect(),
            running: Mutex::default(),
            boards: Mutex::default(),
            ended: Mutex::default(),
            app: Mutex::default(),
            closing: AtomicBool::new(false),
            closed: Mutex::default(),
            streams: AtomicU64::new(0),
            numbers: Mutex::default(),
        }
    }

    /// Returns a node's disk.
    pub fn disk(&self, node: NodeId) -> Arc<Disk> {
        self.stands[&node].disk.clone()
    }

    /// Returns a node's clock.
    pub fn clock(&self, node: NodeId) -> Arc<SimClock> {
        self.stands[&node].clock.clone()
    }

    /// Returns a new stream of randomness, its own for every call in a run.
    pub fn random(&self) -> SimRandom {
        let stream = self.streams.fetch_add(1, Ordering::SeqCst);
        SimRandom::new(mix(self.settings.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ mix(stream)))
    }

    /// Says that a node runs.
    pub fn runs(&self, node: NodeId, replication: Replication, alarms: Arc<dyn Alarms>) {
        lock(&self.running).insert(node, replication);
        lock(&self.boards).insert(node, alarms);
    }

    /// Forgets a node that stopped.
    pub fn forget(&self, node: NodeId) {
        lock(&self.running).remove(&node);
        lock(&self.boards).remove(&node);
    }

    /// Asks a node to stop. One that is starting doesn't hear it.
    pub fn ask_to_stop(&self, node: NodeId) {
        self.stands[&node].stop.notify_waiters();
    }

    /// Waits until a node is asked to stop.
    pub async fn asked_to_stop(&self, node: NodeId) {
        self.stands[&node].stop.notified().await;
    }

    /// Says that a node has stopped as it was asked to.
    pub fn ends(&self, node: NodeId) {
        self.forget(node);
        lock(&self.ended).insert(node);
    }

    /// Returns the nodes that have stopped since this was asked last.
    pub fn take_ended(&self) -> BTreeSet<NodeId> {
        std::mem::take(&mut lock(&self.ended))
    }

    /// Returns the nodes that run.
    pub fn running(&self) -> BTreeMap<NodeId, Replication> {
        lock(&self.running).clone()
    }

    /// Returns what the nodes that run raise now.
    pub fn alarms(&self) -> Vec<Alarm> {
        let boards: Vec<Arc<dyn Alarms>> = lock(&self.boards).values().cloned().collect();
        boards.iter().flat_map(|board| board.raised()).collect()
    }

    /// Returns the app that messages are sent for, once it is there.
    pub fn app(&self) -> Option<AppId> {
        *lock(&self.app)
    }

    /// Names the app that messages are sent for.
    pub fn set_app(&self, app: AppId) {
        *lock(&self.app) = Some(app);
    }

    /// Returns the next number of a counter, from 1.
    pub fn next_number(&self, counter: &str) -> u64 {
        let mut numbers = lock(&self.numbers);
        let number = numbers.entry(counter.to_owned()).or_default();
        *number += 1;
        *number
    }

    /// Tells the clients to come to an end.
    pub fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    /// Says whether clients are to come to an end.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Says that a client came to its end.
    pub fn client_closed(&self, client: String) {
        lock(&self.closed).insert(client);
    }

    /// Returns the clients that came to their ends.
    pub fn closed_clients(&self) -> BTreeSet<String> {
        lock(&self.closed).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
