//! One simulated node: the real replication, duties, watch, sender and use cases, wired as `node::serve` does it; only
//! clock, network, storage, randomness and provider are the simulator's, and clients take the place of the doors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::channel::Channel;
use model::id::{Boot, GroupId, NodeId, RegionId};
use model::plan::Mode;
use monitor::{Restart, SendCounters, Watch, WatchPorts};
use node::bridges::{ReplicationNeighbours, feed_effects};
use node::leaving;
use node::readiness::{self, Current};
use replication::{DutyFactory, Housekeeping, InPlace, Replication, ReplicationConfig, ReplicationParts};
use sender::{Limits, Sender, SenderConfig};
use service::duties::{Duty, FollowUpDuty, HousekeepingDuty, PlanDuty, TakeoverDuty};
use service::ports::{Random, ReplicatedLog, SendPermits};
use service::use_cases::Ports;
use service::{Facts, Service};
use store::{LogStore, StateStore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use traffic::LeaseTiming;
use traffic::loss::{Freeze, LossSettings, SafetyRules};

use super::breaks::{Break, Unfenced, Unleased};
use super::clients;
use super::cluster::{Cluster, NODES, PARTITIONS, name, nodes, region};
use super::provider::{self, ProviderDriver};
use super::storage::Disk;
use super::transport::SimTransport;

/// The round trip between regions that the leases are made for: twice the largest latency of the simulated network.
pub const ROUND_TRIP: Duration = Duration::from_millis(160);
/// How often a node that should make the first plan tries again.
const FIRST_PLAN_RETRY: Duration = Duration::from_millis(200);
/// How often states are flushed, and for how long log entries are kept behind that, where snapshots are wanted.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);
const LOG_KEPT: Duration = Duration::from_millis(500);
/// The remainder by 4 of the seeds where nodes forget their logs beyond what is flushed, so that whoever was away needs
/// a snapshot; and how often they do that.
const COMPACTING: u64 = 3;
const COMPACT_EVERY: Duration = Duration::from_secs(1);
/// What may change without a person: in an hour as much as the nemesis wants.
const RULES: SafetyRules = SafetyRules { serving_min: 1, automatic_per_hour: 1_000, frozen: Freeze::Nothing };
/// How long the sender may take to record what it began when the node stops.
const SENDER_STOP_MAX: Duration = Duration::from_secs(10);

/// Runs a node from one start of its host until its crash, or until it was asked to stop and did, or until it must stop
/// by itself, which is recorded.
///
/// # Errors
/// When the node can't be started.
pub async fn run(cluster: Arc<Cluster>, id: NodeId) -> turmoil::Result {
    let disk = cluster.disk(id);
    let ended = live(&cluster, id, &disk).await;
    if disk.has_lost_power() {
        // Whatever the node noticed of that: it is gone in this moment.
        return std::future::pending().await;
    }
    match ended? {
        Ended::AsAsked => {
            cluster.history.note(format!("{} stopped", name(id)));
            cluster.ends(id);
            std::future::pending().await
        }
        Ended::ByItself(reason) => {
            cluster.history.stopped(&region(id), reason);
            cluster.forget(id);
            Ok(())
        }
    }
}

/// How a node's life ends.
enum Ended {
    AsAsked,
    ByItself(String),
}

async fn live(cluster: &Arc<Cluster>, id: NodeId, disk: &Arc<Disk>) -> anyhow::Result<Ended> {
    let boot = disk.begin_boot();
    cluster.history.note(format!("{} boots as boot {boot}", name(id)));
    let log = LogStore::open(disk.log())?;
    let state = StateStore::open(disk.state())?;
    let mut syncing = JoinSet::new();
    let (synced_disk, synced_log, random) = (disk.clone(), log.clone(), cluster.random());
    syncing.spawn(async move { synced_disk.sync(synced_log, random).await.to_string() });
    let lying = disk.clone();
    syncing.spawn(async move {
        lying.catch_up().await;
        String::new()
    });
    let timing = LeaseTiming::for_round_trip(ROUND_TRIP)?;
    let start = Start { cluster: cluster.clone(), id, boot, timing, random: Arc::new(cluster.random()) };
    let mut node = start.node(log, state).await?;
    let reason = tokio::select! {
        () = cluster.asked_to_stop(id) => {
            node.stop().await?;
            return Ok(Ended::AsAsked);
        }
        reason = node.fault() => reason,
        Some(ended) = syncing.join_next() => format!("syncing ended: {ended:?}"),
    };
    Ok(Ended::ByItself(reason))
}

/// A node that runs.
struct Node {
    replication: Replication,
    sender: Sender,
    restart: Restart,
    leaving: CancellationToken,
    background: JoinSet<String>,
    log: LogStore,
    state: StateStore,
}

impl Node {
    async fn fault(&mut self) -> String {
        tokio::select! {
            reason = self.replication.failed() => reason.to_string(),
            fault = self.sender.fault() => fault.to_string(),
            Some(ended) = self.background.join_next() => format!("a task ended: {ended:?}"),
        }
    }

    /// Stops as `node::serve` does when it is asked to. The clients' requests break off.
    async fn stop(mut self) -> anyhow::Result<()> {
        self.leaving.cancel();
        leaving::leave(&self.replication, Some(&self.restart)).await;
        self.sender.stop(SENDER_STOP_MAX).await;
        self.background.shutdown().await;
        self.replication.stop().await;
        self.log.sync_all()?;
        Ok(self.state.flush()?)
    }
}

/// What one start of a node is made from.
struct Start {
    cluster: Arc<Cluster>,
    id: NodeId,
    boot: Boot,
    timing: LeaseTiming,
    random: Arc<dyn Random>,
}

impl Start {
    async fn node(&self, log: LogStore, state: StateStore) -> anyhow::Result<Node> {
        let mut background = JoinSet::new();
        let replication = self.take_part(log.clone(), state.clone()).await?;
        self.cluster.runs(self.id, replication.clone());
        let service = self.use_cases(&replication);
        self.lead(&replication, &service, &mut background);
        let sender = self.send(&replication, &mut background)?;
        let restart = Restart { service: service.clone(), clock: self.cluster.clock(self.id), rules: RULES };
        let leaving = CancellationToken::new();
        background.spawn(self.come_back(&replication, (restart.clone(), leaving.clone())));
        if self.cluster.settings.seed % 4 == COMPACTING {
            background.spawn(compact(replication.clone()));
        }
        clients::spawn(&self.cluster, (&service, Arc::new(replication.clone())), &mut background);
        Ok(Node { replication, sender, restart, leaving, background, log, state })
    }

    /// Gives the region its share back after a stop, until the node leaves again.
    fn come_back(
        &self,
        replication: &Replication,
        (restart, leaving): (Restart, CancellationToken),
    ) -> impl Future<Output = String> + use<> {
        let (replication, id, current) = (replication.clone(), self.id, Current::default());
        let reach = current.clone().reach(replication.clone(), PARTITIONS);
        let ready = move || {
            let ready = readiness::ready(&replication, (id, PARTITIONS), &current);
            ready.is_ok() && leaving::can_send(&replication)
        };
        async move {
            tokio::select! {
                () = leaving.cancelled() => {}
                () = async { tokio::join!(reach, restart.come_back(ready)); } => {}
            }
            std::future::pending().await
        }
    }

    async fn take_part(&self, log: LogStore, state: StateStore) -> anyhow::Result<Replication> {
        let config = ReplicationConfig {
            node: self.id,
            boot: self.boot,
            nodes: nodes(),
            partitions: PARTITIONS,
            timing: self.timing,
            bootstrap: true,
            housekeeping: housekeeping(self.cluster.settings.seed),
        };
        let parts = ReplicationParts {
            log,
            state,
            transport: Arc::new(SimTransport),
            clock: self.cluster.clock(self.id),
            random: self.random.clone(),
            background: Arc::new(InPlace),
        };
        Ok(Replication::start(config, parts).await?)
    }

    fn use_cases(&self, replication: &Replication) -> Service {
        let facts = Facts { node: self.id, region: region(self.id), partitions: PARTITIONS };
        let log: Arc<dyn ReplicatedLog> = match self.cluster.settings.broken {
            Some(Break::NoFence) => Arc::new(Unfenced(replication.clone())),
            _ => Arc::new(replication.clone()),
        };
        let reads = Arc::new(replication.clone());
        Service::new(facts, Ports { log, reads, clock: self.cluster.clock(self.id), random: self.random.clone() })
    }

    fn lead(&self, replication: &Replication, service: &Service, background: &mut JoinSet<String>) {
        replication.spawn_duties(duties(replication.clone(), self.cluster.settings.broken));
        background.spawn(make_first_plan(self.id, replication.clone(), service.clone()));
        let ports = WatchPorts {
            service: service.clone(),
            neighbours: Arc::new(ReplicationNeighbours(replication.clone())),
            clock: self.cluster.clock(self.id),
        };
        let watch = Watch::new(ports, LossSettings::for_timing(&self.timing), RULES);
        background.spawn(async move {
            watch.run().await;
            "the watch ended".to_owned()
        });
    }

    fn send(&self, replication: &Replication, background: &mut JoinSet<String>) -> anyhow::Result<Sender> {
        let own: RegionId = region(self.id);
        let partitions: Vec<GroupId> = GroupId::partitions(PARTITIONS).collect();
        let (feed, feeds) = sender::feed::feed(own.clone(), &partitions);
        for group in &partitions {
            if let Some(effects) = replication.effects(*group) {
                let fed = feed_effects(effects, *group, (feed.clone(), None));
                background.spawn(async move {
                    fed.await;
                    "effects ended".to_owned()
                });
            }
        }
        let permits: Arc<dyn SendPermits> = match self.cluster.settings.broken {
            Some(Break::NoLease) => Arc::new(Unleased(replication.clone())),
            _ => Arc::new(replication.clone()),
        };
        let ports = sender::Ports {
            log: Arc::new(replication.clone()),
            reads: Arc::new(replication.clone()),
            permits,
            observations: Arc::new(SendCounters),
            clock: self.cluster.clock(self.id),
            random: self.random.clone(),
        };
        let config = SenderConfig {
            region: own.clone(),
            node: self.id,
            boot: self.boot,
            rates: BTreeMap::new(),
            region_nodes: 1,
            limits: Limits::default(),
        };
        let driver = ProviderDriver { provider: self.cluster.provider.clone(), region: own, boot: self.boot };
        let by_name = BTreeMap::from([(Channel::Sms, provider::NAME.to_owned())]);
        let routes = sender::Routes::new(&[Arc::new(driver)], &by_name)?;
        Ok(Sender::start(config, ports, routes, feeds))
    }
}

/// Forgets the log beyond what is flushed, again and again.
async fn compact(replication: Replication) -> String {
    loop {
        tokio::time::sleep(COMPACT_EVERY).await;
        if let Err(error) = replication.compact().await {
            return error.to_string();
        }
    }
}

/// Half of the seeds keep little of the log.
fn housekeeping(seed: u64) -> Housekeeping {
    if seed.is_multiple_of(2) {
        return Housekeeping::default();
    }
    Housekeeping { flush_interval: FLUSH_INTERVAL, kept_age: LOG_KEPT, ..Housekeeping::default() }
}

fn duties(replication: Replication, broken: Option<Break>) -> DutyFactory {
    Arc::new(move |group| {
        let mut duties: Vec<Box<dyn Duty>> =
            vec![Box::new(FollowUpDuty::new(group)), Box::new(HousekeepingDuty::new(group))];
        match group {
            GroupId::CONTROL => duties.push(Box::new(PlanDuty::new(PARTITIONS))),
            _ if broken == Some(Break::NoTakeover) => {}
            partition => duties.push(Box::new(TakeoverDuty::new(partition, Arc::new(replication.clone())))),
        }
        duties
    })
}

/// While this node leads the control group and the cluster has no plan, makes the first one; then waits for ever.
async fn make_first_plan(id: NodeId, replication: Replication, service: Service) -> String {
    let regions: Vec<RegionId> = NODES.into_iter().map(region).collect();
    loop {
        let leads = replication.leads(GroupId::CONTROL).is_some();
        let made = leads && service.first_plan(Mode::ActiveActive, &regions).await.is_ok();
        if made || service.plan().await.is_ok() {
            tracing::debug!(node = id.0, "there is a plan");
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(FIRST_PLAN_RETRY).await;
    }
}
