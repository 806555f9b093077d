//! Looking at what an operator should know: once a second the plan, the regions, what is held and what providers refuse,
//! from which the alarms on the board are made.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::alarm::Alarm;
use model::id::{AppId, GroupId, MessageId, RegionId};
use model::plan::{RegionState, TrafficPlan};
use registry::tables::{Held as HeldRows, RowAccess as _};
use service::Service;
use service::ports::{Clock, GroupTime, HealthReports, Neighbours, Reads};
use tokio::sync::watch;
use traffic::lines::cut_lines;
use traffic::loss::{LossSettings, SafetyRules};
use traffic::readiness::Sight;

use crate::alarm_board::{AlarmBoard, Lasting};
use crate::conditions::{Held, Picture, alarms};
use crate::health::HealthBoard;
use crate::observations::SendCounters;

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);
/// How many plans back the reason of an evacuation is looked for.
const HISTORY_MAX: usize = 100;
/// How many held messages of a partition are counted at the most: more are as bad.
const HELD_MAX: usize = 100;

/// What the lookout needs of the node.
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct LookoutPorts {
    pub service: Service,
    /// The replicas of this node.
    pub reads: Arc<dyn Reads>,
    pub neighbours: Arc<dyn Neighbours>,
    /// The control group's time, which plans are dated by.
    pub time: Arc<dyn GroupTime>,
    pub clock: Arc<dyn Clock>,
    /// The regions that are lost, as the watch tells.
    pub lost: watch::Receiver<BTreeSet<RegionId>>,
    /// What sending looks like.
    pub counters: Arc<SendCounters>,
    /// What is found of the health of sending.
    pub health: Arc<HealthBoard>,
    /// Where the alarms go.
    pub board: Arc<AlarmBoard>,
}

/// The lookout of one node.
pub struct Lookout {
    ports: LookoutPorts,
    settings: LossSettings,
    rules: SafetyRules,
    lasting: Lasting,
}

impl Lookout {
    /// Takes its place; `settings` say how long silence may be, and `rules` how often a region returns.
    pub fn new(ports: LookoutPorts, settings: LossSettings, rules: SafetyRules) -> Lookout {
        Lookout { ports, settings, rules, lasting: Lasting::default() }
    }

    /// Looks until it is dropped.
    pub async fn run(mut self) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let found = self.look().await;
            self.ports.board.replace(found);
        }
    }

    async fn look(&mut self) -> Vec<Alarm> {
        let ports = &self.ports;
        let (nodes, news, node) = (ports.neighbours.nodes(), ports.neighbours.news(), ports.service.facts().node);
        let sight = Sight { node, nodes: &nodes, news: &news, silence: self.settings.silence };
        let picture = Picture {
            cut: cut_lines(&sight),
            plans: self.plans().await,
            now: ports.time.now(GroupId::CONTROL),
            lost: ports.lost.borrow().clone(),
            readiness: ports.service.region_readiness(),
            held: self.held(),
            refusing: ports.counters.refusing(),
            health: ports.health.report(),
            rules: self.rules.clone(),
        };
        self.lasting.filter(ports.clock.boot_time(), alarms(&picture))
    }

    /// Reads the current plan, and with it those before only where some region is out.
    async fn plans(&self) -> Vec<TrafficPlan> {
        let Ok(plan) = self.ports.service.plan().await else { return Vec::new() };
        if plan.regions.values().all(|state| *state != RegionState::Evacuated) {
            return vec![plan];
        }
        self.ports.service.plan_history(None, HISTORY_MAX).await.unwrap_or_else(|_| vec![plan])
    }

    /// Counts the held messages of the partitions here. What can't be read isn't counted.
    fn held(&self) -> Held {
        let mut held = Held::default();
        for group in GroupId::partitions(self.ports.service.facts().partitions) {
            let Ok(view) = self.ports.reads.view(group) else { continue };
            let found = view.rows_while::<HeldRows>(&(AppId(0), MessageId(0)), HELD_MAX, |_| true);
            let found = found.map_or(0, |rows| rows.len());
            held = Held { found: held.found + found, more: held.more || found == HELD_MAX };
        }
        held
    }
}
