//! Starting a simulated node: the real replication, duties, watch, sender and use cases, wired as `node::serve` does
//! it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::channel::Channel;
use model::id::{GroupId, Incarnation, NodeId, RegionId};
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
use super::cluster::{Cluster, NODES, PARTITIONS, nodes, region};
use super::node::Node;
use super::provider::{self, ProviderDriver};
use super::transport::SimTransport;

/// The round trip between regions that the leases are made for: twice the largest latency of the simulated network.
pub(super) const ROUND_TRIP: Duration = Duration::from_millis(160);
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

/// What one start of a node is made from.
pub(super) struct Start {
    pub(super) cluster: Arc<Cluster>,
    pub(super) id: NodeId,
    pub(super) incarnation: Incarnation,
    pub(super) timing: LeaseTiming,
    pub(super) random: Arc<dyn Random>,
}

impl Start {
    pub(super) async fn node(&self, log: LogStore, state: StateStore) -> anyhow::Result<Node> {
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
            incarnation: self.incarnation,
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
            incarnation: self.incarnation,
            rates: BTreeMap::new(),
            region_nodes: 1,
            limits: Limits::default(),
        };
        let driver =
            ProviderDriver { provider: self.cluster.provider.clone(), region: own, incarnation: self.incarnation };
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
