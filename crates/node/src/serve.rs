//! The life of a node: open the store, take part in the groups, send, open the listeners; and all of it backwards.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use model::cluster::{NodeInfo, Nodes, RegionKind};
use model::id::{GroupId, Incarnation};
use monitor::{Restart, SendCounters, Watch, WatchPorts};
use replication::{
    BlockingThreads, DutyFactory, Housekeeping, Replication, ReplicationConfig, ReplicationParts, TcpTransport,
};
use sender::config::{Limits, SenderConfig};
use sender::{Ports as SenderPorts, Sender};
use service::duties::{Duty, FollowUpDuty, HousekeepingDuty, PlanDuty, TakeoverDuty};
use service::use_cases::Ports;
use service::{Facts, Service};
use store::{LogStore, RocksConfig, RocksEngines, StateStore, SyncThread, spawn_sync_thread};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use traffic::loss::{Freeze, LossSettings, SafetyRules};

use crate::bridges::{ReplicationNeighbours, feed_effects};
use crate::config::{self, Config, Discovery};
use crate::listeners::{self, Opening};
use crate::readiness::Current;
use crate::world::{SystemClock, SystemRandom};
use crate::{identity, leaving, observability, sending};

/// How long the sender may take to record what it began when the node stops.
const SENDER_STOP_MAX: Duration = Duration::from_secs(10);

/// How often a node that should make the first plan tries again.
const FIRST_PLAN_RETRY: Duration = Duration::from_millis(200);

/// Runs a node until `shutdown`, or until it must stop by itself.
///
/// # Errors
/// When the node can't be started, or its own disk or state is at fault; the message names what and the remedy.
pub async fn serve(config: Config, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    // Another part of the process may have chosen already; both choose the same.
    rustls::crypto::ring::default_provider().install_default().ok();
    let metrics = observability::init_metrics()?;
    let nodes = nodes(&config).await?;
    let own = nodes
        .get(&config.node)
        .cloned()
        .ok_or_else(|| anyhow!("node.id: node {} is not one of the cluster's nodes", config.node))?;
    let storage = Storage::open(&config, &own).await?;
    let replication = take_part(&config, &nodes, &storage).await?;
    let service = use_cases(&config, &own, &replication);
    let mut background = JoinSet::new();
    lead(&config, &nodes, (&replication, &service), &mut background);
    let serving = own.kind == RegionKind::Serving;
    let restart = serving.then(|| restart(&config, &service));
    let sending = serving.then(|| send(&config, (&own, &nodes), (&replication, storage.incarnation), &mut background));
    let mut sender = sending.transpose()?;
    let stop = CancellationToken::new();
    let leaving = CancellationToken::new();
    let current = Current::default();
    background.spawn(current.clone().reach(replication.clone(), config.partitions));
    let opening = Opening {
        config: &config,
        nodes: &nodes,
        service,
        replication: replication.clone(),
        metrics,
        serving,
        current,
        leaving: leaving.clone(),
    };
    if let Some(restart) = restart.clone() {
        background.spawn(come_back(restart, &opening));
    }
    let open = [listeners::grpc(&opening, stop.clone()).await?, listeners::rest(&opening, stop.clone()).await?];
    tracing::info!(node = own.id.0, region = %own.region, kind = %own.kind, incarnation = storage.incarnation.0, "node started");

    let fault = tokio::select! {
        () = shutdown => None,
        reason = replication.failed() => Some(anyhow!("the node must stop: {reason}")),
        fault = fault_of(&mut sender) => Some(anyhow!(fault).context("the node must stop")),
    };
    tracing::info!("node stopping");
    leaving.cancel();
    if fault.is_none() {
        leaving::leave(&replication, restart.as_ref()).await;
    }
    stop.cancel();
    for listener in open {
        listener.await.context("a listener panicked")?;
    }
    if let Some(sender) = sender {
        sender.stop(SENDER_STOP_MAX).await;
    }
    background.shutdown().await;
    replication.stop().await;
    storage.close()?;
    fault.map_or(Ok(()), Err)
}

async fn fault_of(sender: &mut Option<Sender>) -> sender::SenderFault {
    match sender {
        Some(sender) => sender.fault().await,
        None => std::future::pending().await,
    }
}

fn restart(config: &Config, service: &Service) -> Restart {
    Restart { service: service.clone(), clock: Arc::new(SystemClock), rules: safety_rules(config) }
}

/// Gives the region its share back after a restart, until the node leaves again.
fn come_back(restart: Restart, opening: &Opening<'_>) -> impl Future<Output = ()> + Send + 'static {
    let readiness = listeners::readiness(opening);
    let (replication, leaving) = (opening.replication.clone(), opening.leaving.clone());
    let returning = restart.come_back(move || readiness().is_ok() && leaving::can_send(&replication));
    async move {
        tokio::select! {
            () = leaving.cancelled() => {}
            () = returning => {}
        }
    }
}

async fn nodes(config: &Config) -> anyhow::Result<Nodes> {
    match &config.discovery {
        Discovery::Listed(nodes) => Ok(nodes.clone()),
        Discovery::Service(name) => found(config, monitor::discover(name).await),
        Discovery::ServiceAt(name, server) => found(config, monitor::discover_at(name, *server).await),
    }
}

/// Checks what DNS says as the configuration is checked.
fn found(config: &Config, nodes: Result<Nodes, monitor::DiscoveryError>) -> anyhow::Result<Nodes> {
    let nodes = nodes.context("cluster.discover")?;
    config::check_nodes("cluster.discover", config.node, &nodes)?;
    Ok(nodes)
}

/// The node's databases and what belongs to them.
struct Storage {
    incarnation: Incarnation,
    log: LogStore,
    state: StateStore,
    sync: SyncThread,
}

impl Storage {
    /// Opens the databases on a thread that may block.
    async fn open(config: &Config, own: &NodeInfo) -> anyhow::Result<Storage> {
        let (config, node) = (config.clone(), own.id);
        tokio::task::spawn_blocking(move || {
            use service::ports::Clock as _;
            let incarnation = identity::begin(&config.data, (node, config.partitions), SystemClock.wall_time())?;
            let mib = |count: u64| usize::try_from(count << 20).unwrap_or(usize::MAX);
            let engines = RocksEngines::open(RocksConfig {
                directory: config.data.clone(),
                cache_bytes: mib(config.store.cache_mib),
                write_buffer_bytes: mib(config.store.write_buffer_mib),
            })?;
            let log = LogStore::open(engines.log)?;
            let state = StateStore::open(engines.state)?;
            let sync = spawn_sync_thread(log.clone(), "log-sync").context("failed to start the syncing thread")?;
            Ok(Storage { incarnation, log, state, sync })
        })
        .await
        .context("opening the databases panicked")?
    }

    fn close(self) -> anyhow::Result<()> {
        self.sync.shutdown().context("failed to sync the log")?;
        self.state.flush().context("failed to flush the state")
    }
}

async fn take_part(config: &Config, nodes: &Nodes, storage: &Storage) -> anyhow::Result<Replication> {
    let peer = config.listen.peer;
    let transport = TcpTransport::bind(&peer.to_string())
        .await
        .with_context(|| format!("failed to listen on {peer} (listen.peer)"))?;
    let settings = ReplicationConfig {
        node: config.node,
        incarnation: storage.incarnation,
        nodes: nodes.clone(),
        partitions: config.partitions,
        timing: config.timing,
        bootstrap: !config.join,
        housekeeping: Housekeeping::default(),
    };
    let parts = ReplicationParts {
        log: storage.log.clone(),
        state: storage.state.clone(),
        transport: Arc::new(transport),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        background: Arc::new(BlockingThreads),
    };
    Replication::start(settings, parts).await.context("failed to start the replication")
}

fn use_cases(config: &Config, own: &NodeInfo, replication: &Replication) -> Service {
    let facts = Facts { node: own.id, region: own.region.clone(), partitions: config.partitions };
    let ports = Ports {
        log: Arc::new(replication.clone()),
        reads: Arc::new(replication.clone()),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    };
    Service::new(facts, ports)
}

/// Sets going what this node does while it leads a group, and the watch for lost regions.
fn lead(
    config: &Config,
    nodes: &Nodes,
    (replication, service): (&Replication, &Service),
    background: &mut JoinSet<()>,
) {
    replication.spawn_duties(duties(config.partitions, replication.clone()));
    background.spawn(make_first_plan(config.clone(), nodes.clone(), replication.clone(), service.clone()));
    let ports = WatchPorts {
        service: service.clone(),
        neighbours: Arc::new(ReplicationNeighbours(replication.clone())),
        clock: Arc::new(SystemClock),
    };
    let loss = LossSettings::for_timing(&config.timing);
    background.spawn(Watch::new(ports, loss, safety_rules(config)).run());
}

fn safety_rules(config: &Config) -> SafetyRules {
    let settings = &config.failover;
    SafetyRules {
        serving_min: settings.regions_min as usize,
        automatic_per_hour: settings.changes_per_hour_max as usize,
        frozen: if settings.automatic { Freeze::Nothing } else { Freeze::Everything },
    }
}

fn duties(partitions: u16, replication: Replication) -> DutyFactory {
    Arc::new(move |group| {
        let mut duties: Vec<Box<dyn Duty>> =
            vec![Box::new(FollowUpDuty::new(group)), Box::new(HousekeepingDuty::new(group))];
        duties.push(match group {
            GroupId::CONTROL => Box::new(PlanDuty::new(partitions)),
            partition => Box::new(TakeoverDuty::new(partition, Arc::new(replication.clone()))),
        });
        duties
    })
}

/// While this node leads the control group and the cluster has no plan, makes the first one.
async fn make_first_plan(config: Config, nodes: Nodes, replication: Replication, service: Service) {
    let mut regions: Vec<_> =
        nodes.values().filter(|node| node.kind == RegionKind::Serving).map(|node| node.region.clone()).collect();
    regions.sort();
    regions.dedup();
    loop {
        if service.plan().await.is_ok() {
            return;
        }
        if replication.leads(GroupId::CONTROL).is_some() {
            match service.first_plan(config.mode, &regions).await {
                Ok(_) => return,
                Err(error) => tracing::warn!(%error, "first plan not committed; retrying"),
            }
        }
        tokio::time::sleep(FIRST_PLAN_RETRY).await;
    }
}

fn send(
    config: &Config,
    (own, nodes): (&NodeInfo, &Nodes),
    (replication, incarnation): (&Replication, Incarnation),
    background: &mut JoinSet<()>,
) -> anyhow::Result<Sender> {
    // Of all partitions, because a member of a group may come and go while the node runs.
    let partitions: Vec<GroupId> = GroupId::partitions(config.partitions).collect();
    let (feed, feeds) = sender::feed::feed(own.region.clone(), &partitions);
    let (records, sink) = sending::records(config, own, Arc::new(replication.clone()))?.unzip();
    if let Some(sink) = sink {
        background.spawn(sink.run());
    }
    for group in &partitions {
        // Subscribed before the sender begins: what was applied earlier is found by its first scan.
        if let Some(effects) = replication.effects(*group) {
            background.spawn(feed_effects(effects, *group, (feed.clone(), records.clone())));
        }
    }
    let settings = SenderConfig {
        region: own.region.clone(),
        node: own.id,
        incarnation,
        rates: sending::rates(config),
        region_nodes: nodes.values().filter(|node| node.region == own.region).count() as u64,
        limits: Limits::default(),
    };
    let ports = SenderPorts {
        log: Arc::new(replication.clone()),
        reads: Arc::new(replication.clone()),
        permits: Arc::new(replication.clone()),
        observations: Arc::new(SendCounters),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    };
    Ok(Sender::start(settings, ports, sending::routes(config, own, nodes)?, feeds))
}
