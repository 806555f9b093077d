//! The one wiring of a node: parts in, a running node out. `serve` gives it the machine's clock, disk, network and
//! providers; the simulation gives it its own, and ports that break a rule on purpose.
//!
//! What must always hold: every task that is set going here must live as long as the node does. One that ends or panics
//! is a fault of the node (see [`RunningNode::fault`]), never a silence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use delivery::pacing::Rate;
use model::channel::Channel;
use model::cluster::{NodeInfo, Nodes, RegionKind};
use model::id::{ClusterId, GroupId, Incarnation};
use model::plan::Mode;
use model::version::Build;
use monitor::{
    AlarmBoard, Carrier, Failback, FailbackPorts, HealthBoard, HealthMode, HealthPorts, HealthRules, HealthWatch,
    Lookout, LookoutPorts, SendCounters, Watch, WatchPorts,
};
use replication::{
    Background, Housekeeping, LeadershipRules, LeaseBreak, PeerTransport, Replication, ReplicationConfig,
    ReplicationParts,
};
use sender::config::{Limits, SenderConfig};
use sender::records::{RecordSink, RecordsConfig};
use sender::routes::Routes;
use sender::{Journal, JournalFile, Ports as SenderPorts, Sender};
use service::ports::{Clock, Destinations, Random};
use service::use_cases::Ports;
use service::{Facts, Service};
use store::{LogStore, StateStore};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use traffic::LeaseTiming;
use traffic::cluster_time::TimeRules;
use traffic::health::HealthSettings;
use traffic::loss::{LossSettings, SafetyRules};
use traffic::observed::Reporter;

use crate::effects::{self, EffectTargets};
use crate::ports::NodePorts;
use crate::readiness::NodeReadiness;
use crate::restart::Restart;
use crate::running::{RunningNode, SENDER_STOP_MAX, Tasks};
use crate::{duties, first_plan};

/// What a node is told.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    /// The cluster; nodes of another one are refused.
    pub cluster: ClusterId,
    /// This node; one of `nodes`.
    pub own: NodeInfo,
    /// This start of it.
    pub incarnation: Incarnation,
    /// The nodes of the cluster, as configured.
    pub nodes: Nodes,
    /// The number of partitions.
    pub partitions: u16,
    /// All waits of elections and leases.
    pub timing: LeaseTiming,
    /// The mode of the first plan.
    pub mode: Mode,
    /// Whether the cluster may be new.
    pub bootstrap: bool,
    /// When states are flushed and log entries forgotten.
    pub housekeeping: Housekeeping,
    /// What the cluster's time goes by.
    pub time: TimeRules,
    /// When leaders give their leadership to others.
    pub leadership: LeadershipRules,
    /// How much of a group may be queued on this node, in bytes ([`ReplicationConfig::queue_bytes`]).
    pub queue_bytes: usize,
    /// This program; [`build`](crate::build) but in simulations of others.
    pub build: Build,
    /// What of the lease is broken on purpose; nothing but in simulations.
    pub lease_break: Option<LeaseBreak>,
    /// What may change without a person.
    pub rules: SafetyRules,
    /// What follows when a region sends badly, and how sure that must be.
    pub health: HealthPolicy,
    /// How fast the region may send, by channel; a channel that is missing isn't paced.
    pub rates: BTreeMap<Channel, Rate>,
}

/// What follows when a region sends badly, and how sure that must be. What may not change without a person is in
/// [`NodeSettings::rules`].
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct HealthPolicy {
    pub mode: HealthMode,
    pub settings: HealthSettings,
}

/// What a node works with. Whoever gives the logs also runs their syncing.
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct NodeParts {
    pub log: LogStore,
    pub state: StateStore,
    /// The network between nodes.
    pub transport: Arc<dyn PeerTransport>,
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub random: Arc<dyn Random>,
    /// Where work is done that may block.
    pub background: Arc<dyn Background>,
    /// The drivers by channel.
    pub routes: Routes,
    /// Where events are shown, if anywhere.
    pub records: Option<RecordsConfig>,
    /// The file of the journal of begun dispatches.
    pub journal: Arc<dyn JournalFile>,
    /// Makes the ports of the replication; [`NodePorts::of`] but for what a simulation breaks.
    pub ports: JoinPorts,
}

/// Joins the ports to a replication.
pub type JoinPorts = Box<dyn FnOnce(&Replication) -> NodePorts + Send>;

/// Starts a node. Returns before any group has a leader; it takes no requests yet.
///
/// # Errors
/// When the node isn't one of the configured ones, its storage is malformed, an HTTP client can't be made, or the
/// journal of begun dispatches can't be written.
pub async fn assemble(settings: NodeSettings, parts: NodeParts) -> anyhow::Result<RunningNode> {
    let (routes, join) = (parts.routes.clone(), parts.ports);
    let sending = SendingParts { routes: parts.routes, records: parts.records, journal: parts.journal };
    let (clock, random) = (parts.clock.clone(), parts.random.clone());
    let replication_parts = ReplicationParts {
        log: parts.log,
        state: parts.state,
        transport: parts.transport,
        clock: parts.clock,
        random: parts.random,
        background: parts.background,
    };
    let replication = Replication::start(replication_config(&settings), replication_parts).await?;
    let ports = join(&replication);
    let parts = UseCaseParts { clock: clock.clone(), random: random.clone(), destinations: Arc::new(routes) };
    let service = use_cases(&settings, &ports, parts);
    let counters = Arc::new(SendCounters::new(clock.clone(), ports.time.clone()));
    let wiring = Wiring {
        settings: &settings,
        ports: &ports,
        service: &service,
        replication: &replication,
        clock,
        random,
        counters,
        health: Arc::default(),
    };
    let mut tasks = Tasks::default();
    let alarms = wiring.lead(&mut tasks);
    wiring.judge(&mut tasks)?;
    let serving = settings.own.kind == RegionKind::Serving;
    let sender = serving.then(|| wiring.send(sending, &mut tasks)).transpose()?;
    let readiness = NodeReadiness::new(replication.clone(), settings.own.id, settings.partitions);
    tasks.once(readiness.clone().catch_up());
    tasks.essential("readiness for the others", readiness.clone().tell());
    let leaving = readiness.leaving().clone();
    let restart = serving.then(|| wiring.restart());
    if let Some(restart) = restart.clone() {
        tasks.essential("restore after a restart", give_back(restart, readiness.clone(), leaving));
    }
    let sender_stop_max = SENDER_STOP_MAX;
    let health = wiring.health.clone();
    Ok(RunningNode { replication, service, readiness, alarms, health, restart, sender, tasks, sender_stop_max })
}

fn replication_config(settings: &NodeSettings) -> ReplicationConfig {
    ReplicationConfig {
        cluster: settings.cluster,
        node: settings.own.id,
        incarnation: settings.incarnation,
        nodes: settings.nodes.clone(),
        partitions: settings.partitions,
        timing: settings.timing,
        bootstrap: settings.bootstrap,
        housekeeping: settings.housekeeping,
        time: settings.time,
        leadership: settings.leadership,
        queue_bytes: settings.queue_bytes,
        build: settings.build.clone(),
        lease_break: settings.lease_break,
    }
}

/// What the use cases need that is not of the replication.
struct UseCaseParts {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    destinations: Arc<dyn Destinations>,
}

fn use_cases(settings: &NodeSettings, ports: &NodePorts, parts: UseCaseParts) -> Service {
    let UseCaseParts { clock, random, destinations } = parts;
    let NodeInfo { id: node, region, .. } = settings.own.clone();
    let facts = Facts { node, region, partitions: settings.partitions };
    let (log, reads, time) = (ports.log.clone(), ports.reads.clone(), ports.time.clone());
    let neighbours = ports.neighbours.clone();
    Service::new(facts, Ports { log, reads, time, neighbours, clock, random, destinations })
}

/// Gives the region its share back after a restart; idle from the moment on when the node leaves again.
async fn give_back(restart: Restart, readiness: NodeReadiness, leaving: CancellationToken) {
    let ready = move || readiness.able().is_ok();
    tokio::select! {
        () = leaving.cancelled() => std::future::pending().await,
        () = restart.come_back(ready) => {}
    }
}

/// What sending needs that is not of the replication.
struct SendingParts {
    routes: Routes,
    records: Option<RecordsConfig>,
    journal: Arc<dyn JournalFile>,
}

/// What the parts of a node are joined with.
struct Wiring<'a> {
    settings: &'a NodeSettings,
    ports: &'a NodePorts,
    service: &'a Service,
    replication: &'a Replication,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// What sending looks like.
    counters: Arc<SendCounters>,
    /// What is found of its health.
    health: Arc<HealthBoard>,
}

impl Wiring<'_> {
    /// Sets going what this node does while it leads a group, the watch for lost regions, and the lookout, whose alarms
    /// it returns.
    fn lead(&self, tasks: &mut Tasks) -> Arc<AlarmBoard> {
        let NodeSettings { partitions, mode, nodes, timing, rules, .. } = self.settings.clone();
        self.replication.spawn_duties(duties::factory(partitions, self.ports.leases.clone()));
        let (service, neighbours) = (self.service.clone(), self.ports.neighbours.clone());
        tasks.once(async move { first_plan::make(service, neighbours, mode, &nodes).await });
        let (tell_lost, lost) = watch::channel(BTreeSet::new());
        let ports = WatchPorts {
            service: self.service.clone(),
            neighbours: self.ports.neighbours.clone(),
            clock: self.clock.clone(),
            lost: tell_lost,
        };
        let loss = LossSettings::for_timing(&timing);
        tasks.essential("watch for lost regions", Watch::new(ports, loss, rules.clone()).run());
        let ports = FailbackPorts {
            service: self.service.clone(),
            neighbours: self.ports.neighbours.clone(),
            time: self.ports.time.clone(),
            clock: self.clock.clone(),
            lost: lost.clone(),
        };
        tasks.essential("failback", Failback::new(ports, rules.clone()).run());
        let carrier = Carrier::new(self.service.clone(), self.ports.neighbours.clone(), self.clock.clone());
        tasks.essential("carrying the plan", carrier.run());
        let region = self.service.facts().region.clone();
        let board = Arc::new(AlarmBoard::new(Arc::new(self.replication.clone()), region));
        let ports = LookoutPorts {
            service: self.service.clone(),
            reads: self.ports.reads.clone(),
            neighbours: self.ports.neighbours.clone(),
            time: self.ports.time.clone(),
            clock: self.clock.clone(),
            lost,
            counters: self.counters.clone(),
            health: self.health.clone(),
            board: board.clone(),
        };
        tasks.essential("lookout", Lookout::new(ports, loss, rules).run());
        board
    }

    /// Sets the watch over the health of sending going.
    fn judge(&self, tasks: &mut Tasks) -> anyhow::Result<()> {
        let NodeSettings { own, incarnation, rules, health, .. } = self.settings;
        let serving = own.kind == RegionKind::Serving;
        let ports = HealthPorts {
            service: self.service.clone(),
            neighbours: self.ports.neighbours.clone(),
            time: self.ports.time.clone(),
            exchange: self.ports.exchange.clone(),
            counters: self.counters.clone(),
            board: self.health.clone(),
            reporter: serving.then(|| Reporter::new(own.id, own.region.clone(), *incarnation)),
        };
        let HealthPolicy { mode, settings } = health.clone();
        let watch = HealthWatch::new(ports, HealthRules { mode, settings, safety: rules.clone() });
        tasks.essential("watch over the health of sending", watch.context("failed to judge health")?.run());
        Ok(())
    }

    fn restart(&self) -> Restart {
        Restart { service: self.service.clone(), time: self.ports.time.clone(), rules: self.settings.rules.clone() }
    }

    fn send(&self, parts: SendingParts, tasks: &mut Tasks) -> anyhow::Result<Sender> {
        let SendingParts { routes, records, journal } = parts;
        let NodeSettings { own, incarnation, nodes, partitions, rates, .. } = self.settings;
        // Of all partitions, because a member of a group may come and go while the node runs.
        let partitions: Vec<GroupId> = GroupId::partitions(*partitions).collect();
        let (feed, feeds) = sender::feed::feed(own.region.clone(), &partitions);
        let made = records.map(|config| RecordSink::new(config, self.ports.reads.clone())).transpose()?;
        let (records, sink) = made.unzip();
        if let Some(sink) = sink {
            tasks.essential("event records", sink.run());
        }
        let (counters, region) = (self.counters.clone(), own.region.clone());
        let targets = EffectTargets { sender: feed, records, counters, region };
        for group in partitions {
            // Subscribed before the sender begins: what was applied earlier is found by its first scan.
            if let Some(effects) = self.replication.effects(group) {
                tasks.essential("effects", effects::feed(effects, group, targets.clone()));
            }
        }
        let config = SenderConfig {
            region: own.region.clone(),
            node: own.id,
            incarnation: *incarnation,
            rates: rates.clone(),
            region_nodes: nodes.values().filter(|node| node.region == own.region).count() as u64,
            limits: Limits::default(),
        };
        let ports = SenderPorts {
            log: self.ports.log.clone(),
            reads: self.ports.reads.clone(),
            permits: self.ports.permits.clone(),
            observations: self.counters.clone(),
            time: self.ports.time.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            journal: Arc::new(Journal::open(journal, self.clock.boot_id()).context("failed to begin the journal")?),
        };
        Ok(Sender::start(config, ports, routes, feeds))
    }
}
