//! One simulated node: the real replication, duties, watch, sender and use cases, wired as `node::serve` does it; only
//! clock, network, storage, randomness and provider are the simulator's, and clients take the place of the doors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::channel::Channel;
use model::cluster::Nodes;
use model::id::{Boot, GroupId, NodeId, RegionId};
use model::plan::Mode;
use monitor::{SendCounters, Watch, WatchPorts};
use replication::{DutyFactory, EffectNews, Housekeeping, InPlace, Replication, ReplicationConfig, ReplicationParts};
use sender::feed::EffectFeed;
use sender::{Limits, Sender, SenderConfig};
use service::duties::{Duty, FollowUpDuty, HousekeepingDuty, PlanDuty, TakeoverDuty};
use service::ports::{NeighbourNews, Neighbours, Random, ReplicatedLog, SendPermits};
use service::use_cases::Ports;
use service::{Facts, Service};
use store::{LogStore, StateStore};
use tokio::task::JoinSet;
use traffic::LeaseTiming;
use traffic::loss::{Freeze, LossSettings, SafetyRules};

use super::breaks::{Break, Unfenced, Unleased};
use super::clients;
use super::cluster::{Cluster, NODES, PARTITIONS, name, nodes, region};
use super::provider::{self, ProviderDriver};
use super::transport::SimTransport;

/// The round trip between regions that the leases are made for: twice the largest latency of the simulated network.
pub const ROUND_TRIP: Duration = Duration::from_millis(160);
/// How often a node that should make the first plan tries again.
const FIRST_PLAN_RETRY: Duration = Duration::from_millis(200);
/// How often states are flushed, and for how long log entries are kept behind that, where snapshots are wanted.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);
const LOG_KEPT: Duration = Duration::from_millis(500);
/// How often a group that isn't here yet is looked for.
const EFFECTS_RETRY: Duration = Duration::from_millis(20);
/// How many automatic changes of the plan are allowed in an hour: as many as the nemesis wants.
const CHANGES_PER_HOUR: usize = 1_000;

/// Runs a node from one start of its host until its crash, or until it must stop by itself, which is recorded.
///
/// # Errors
/// When the node can't be started.
pub async fn run(cluster: Arc<Cluster>, id: NodeId) -> turmoil::Result {
    let disk = cluster.disk(id);
    let boot = disk.begin_boot();
    cluster.history.note(format!("{} boots as boot {boot}", name(id)));
    let log = LogStore::open(disk.log())?;
    let state = StateStore::open(disk.state())?;
    let mut background = JoinSet::new();
    let (syncing, synced, random) = (disk.clone(), log.clone(), cluster.random());
    background.spawn(async move { syncing.sync(synced, random).await.to_string() });
    background.spawn(async move {
        disk.catch_up().await;
        String::new()
    });
    let timing = LeaseTiming::for_round_trip(ROUND_TRIP)?;
    let start = Start { cluster: cluster.clone(), id, boot, timing, random: Arc::new(cluster.random()) };
    let replication = start.take_part(log, state).await?;
    cluster.runs(id, replication.clone());
    let service = start.use_cases(&replication);
    start.lead(&replication, &service, &mut background);
    let mut sender = start.send(&replication, &mut background)?;
    clients::spawn(&cluster, (&service, Arc::new(replication.clone())), &mut background);
    let reason = tokio::select! {
        reason = replication.failed() => reason.to_string(),
        fault = sender.fault() => fault.to_string(),
        Some(ended) = background.join_next() => format!("a task ended: {ended:?}"),
    };
    cluster.history.stopped(&region(id), reason);
    cluster.forget(id);
    Ok(())
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
        let rules = SafetyRules { serving_min: 1, automatic_per_hour: CHANGES_PER_HOUR, frozen: Freeze::Nothing };
        let ports = WatchPorts {
            service: service.clone(),
            neighbours: Arc::new(SimNeighbours(replication.clone())),
            clock: self.cluster.clock(self.id),
        };
        let watch = Watch::new(ports, LossSettings::for_timing(&self.timing), rules);
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
            background.spawn(feed_effects(replication.clone(), *group, feed.clone()));
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

/// Half of the seeds keep so little of the log that a node that was away needs a snapshot.
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

async fn feed_effects(replication: Replication, group: GroupId, feed: EffectFeed) -> String {
    // A group is here once it was made.
    let mut effects = loop {
        match replication.effects(group) {
            Some(effects) => break effects,
            None => tokio::time::sleep(EFFECTS_RETRY).await,
        }
    };
    feed.missed(group);
    while let Some(news) = effects.next().await {
        match news {
            EffectNews::Applied(applied) => feed.offer(group, &applied.effects),
            EffectNews::Missed => feed.missed(group),
        }
    }
    format!("group {group} has no effects any more")
}

struct SimNeighbours(Replication);

impl Neighbours for SimNeighbours {
    fn leads(&self, group: GroupId) -> bool {
        self.0.leads(group).is_some()
    }

    fn nodes(&self) -> Nodes {
        self.0.nodes()
    }

    fn news(&self) -> BTreeMap<NodeId, NeighbourNews> {
        let news = |peer: replication::PeerNews| NeighbourNews {
            heard: peer.heard,
            reported: peer.reported,
            it_heard: peer.it_heard,
        };
        self.0.peers().into_iter().map(|(node, peer)| (node, news(peer))).collect()
    }
}
