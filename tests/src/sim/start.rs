//! Starting a simulated node: the product's own wiring (`node::assemble`), with the simulator's clock, network,
//! storage, randomness and provider as its parts. What a break replaces is a port.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::channel::Channel;
use model::id::{ClusterId, Incarnation, NodeId};
use model::plan::Mode;
use node::assemble::JoinPorts;
use node::{HealthPolicy, NodeParts, NodePorts, NodeSettings, RunningNode, assemble};
use replication::{Housekeeping, InPlace, LeadershipRules, Replication};
use sender::Routes;
use service::ports::Random;
use store::{LogStore, StateStore};
use traffic::LeaseTiming;
use traffic::cluster_time::TimeRules;
use traffic::loss::{Freeze, SafetyRules};

use super::breaks::Break;
use super::cluster::{Cluster, PARTITIONS};
use super::kernel::Calls;
use super::probe::{Fenced, Heard};
use super::provider::{self, ProviderDriver};
use super::settings::Scene;
use super::transport::SimTransport;

/// How often states are flushed, and for how long log entries are kept behind that, where snapshots are wanted.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);
const LOG_KEPT: Duration = Duration::from_millis(500);
/// The remainder by 4 of the seeds where nodes forget their logs beyond what is flushed, so that whoever was away needs
/// a snapshot; and how often they do that.
const COMPACTING: u64 = 3;
const COMPACT_EVERY: Duration = Duration::from_secs(1);
/// What a node has room for where too much is asked for: 16 proposals of a group.
const SMALL_QUEUE_BYTES: usize = 32 * 1_024;
/// The simulated cluster.
const CLUSTER: ClusterId = ClusterId(1);
/// What may change without a person: in an hour as much as the nemesis wants.
const RULES: SafetyRules =
    SafetyRules { serving_min: 1, returns_per_hour: 1_000, frozen: Freeze::Nothing, failback: None };

/// What one start of a node is made from.
pub(super) struct Start {
    pub(super) cluster: Arc<Cluster>,
    pub(super) id: NodeId,
    pub(super) incarnation: Incarnation,
    pub(super) random: Arc<dyn Random>,
    pub(super) calls: Calls,
}

impl Start {
    /// Assembles the node.
    pub(super) async fn node(&self, log: LogStore, state: StateStore) -> anyhow::Result<RunningNode> {
        let run = self.cluster.settings;
        let founds = self.cluster.members.may_found(self.id);
        let nodes = if founds { run.layout.founders() } else { run.layout.configured() };
        let settings = NodeSettings {
            cluster: CLUSTER,
            own: nodes[&self.id].clone(),
            incarnation: self.incarnation,
            nodes,
            partitions: PARTITIONS,
            timing: LeaseTiming::for_round_trip(run.round_trip())?,
            mode: Mode::ActiveActive,
            bootstrap: founds,
            housekeeping: housekeeping(run.seed),
            time: time_rules(run.broken),
            leadership: leadership(run.broken),
            queue_bytes: if run.scene == Scene::Overload { SMALL_QUEUE_BYTES } else { replication::QUEUE_BYTES_MAX },
            build: self.cluster.builds.start(self.id),
            lease_break: run.broken.and_then(Break::of_the_lease),
            rules: RULES,
            health: HealthPolicy::default(),
            rates: BTreeMap::new(),
        };
        let parts = NodeParts {
            log,
            state,
            transport: Arc::new(SimTransport(self.calls.clone())),
            clock: self.cluster.clock(self.id),
            random: self.random.clone(),
            background: Arc::new(InPlace),
            routes: self.routes()?,
            records: None,
            journal: self.cluster.disk(self.id).journal(),
            ports: ports(run.broken, self.cluster.fenced.clone()),
        };
        assemble(settings, parts).await
    }

    fn routes(&self) -> anyhow::Result<Routes> {
        let driver =
            ProviderDriver { provider: self.cluster.provider.clone(), node: self.id, incarnation: self.incarnation };
        let by_name = BTreeMap::from([(Channel::Sms, provider::NAME.to_owned())]);
        Ok(Routes::new(&[Arc::new(driver)], &by_name)?)
    }
}

/// Returns what joins the ports: as the product does, but for what is broken.
fn ports(broken: Option<Break>, fenced: Arc<Fenced>) -> JoinPorts {
    Box::new(move |replication| {
        let mut ports = NodePorts::of(replication);
        if let Some(broken) = broken {
            broken.replace(replication, &mut ports);
        }
        ports.log = Arc::new(Heard { log: ports.log, fenced });
        ports
    })
}

/// Forgets the log beyond what is flushed, again and again, with the seeds that want it; ends when the disk fails.
pub(super) async fn compact(seed: u64, replication: Replication) -> String {
    if seed % 4 != COMPACTING {
        return std::future::pending().await;
    }
    loop {
        tokio::time::sleep(COMPACT_EVERY).await;
        if let Err(error) = replication.compact().await {
            return error.to_string();
        }
    }
}

/// As in the product, but for what is broken.
fn time_rules(broken: Option<Break>) -> TimeRules {
    match broken {
        Some(Break::WallStamps) => {
            TimeRules { reading_age_max: Duration::ZERO, wait_max: Duration::ZERO, ..TimeRules::default() }
        }
        _ => TimeRules::default(),
    }
}

/// As in the product, but for what is broken.
fn leadership(broken: Option<Break>) -> LeadershipRules {
    match broken {
        Some(Break::NoHandOver) => LeadershipRules { cut_looks: u32::MAX },
        _ => LeadershipRules::default(),
    }
}

/// Half of the seeds keep little of the log.
fn housekeeping(seed: u64) -> Housekeeping {
    if seed.is_multiple_of(2) {
        return Housekeeping::default();
    }
    Housekeeping { flush_interval: FLUSH_INTERVAL, kept_age: LOG_KEPT, ..Housekeeping::default() }
}
