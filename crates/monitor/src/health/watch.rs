//! The watch over the health of sending.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use model::Channel;
use model::id::{Epoch, GroupId, RegionId};
use model::plan::{RegionState, TrafficPlan};
use service::Service;
use service::ports::{CountExchange, GroupTime, HealthReport, Neighbours};
use service::use_cases::PAGE_MAX;
use traffic::health::{Advice, DetectorError};
use traffic::observed::{Finding, Gather, GatheredSecond, Lag, Reporter, Subject, Wanted, Watcher, answer};
use traffic::planning::Diversions;

use super::board::HealthBoard;
use super::rules::{HealthMode, HealthRules};
use crate::commit::commit;
use crate::observations::SendCounters;

/// How often it is looked whether a second is over.
const LOOK: Duration = Duration::from_millis(250);
/// How many plans back it is looked for what was moved: what is older stays as it is until a person changes it.
const HISTORY_MAX: usize = PAGE_MAX;
/// How long a finding that moved nothing stands at least, in seconds: advice that nobody follows is taken back, and given
/// again on new evidence.
const STANDS: u64 = 30;
/// How long a change is waited for until every partition has adopted it.
const ADOPTED_WAIT: Duration = Duration::from_millis(500);

/// What the watch needs of the node.
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct HealthPorts {
    pub service: Service,
    pub neighbours: Arc<dyn Neighbours>,
    /// The time that all nodes count by.
    pub time: Arc<dyn GroupTime>,
    pub exchange: Arc<dyn CountExchange>,
    pub counters: Arc<SendCounters>,
    pub board: Arc<HealthBoard>,
    /// Who tells what is counted here; nothing on a witness, which sends nothing.
    pub reporter: Option<Reporter>,
}

/// The watch of one node.
pub struct HealthWatch {
    ports: HealthPorts,
    rules: HealthRules,
    gather: Gather,
    lag: Lag,
    watcher: Option<(BTreeSet<RegionId>, Watcher)>,
    /// The last second that was begun.
    begun: u64,
    plans: Plans,
    /// What was found and moved nothing: the second, and the evidence with the rule.
    not_followed: BTreeMap<(Channel, RegionId, Subject), (u64, String)>,
}

/// The line of plans as it was read last.
#[derive(Default)]
struct Plans {
    epoch: Epoch,
    history: Vec<TrafficPlan>,
    diversions: Diversions,
}

impl HealthWatch {
    /// Begins to watch.
    ///
    /// # Errors
    /// When the settings can't be used.
    pub fn new(ports: HealthPorts, mut rules: HealthRules) -> Result<HealthWatch, DetectorError> {
        rules.settings.check()?;
        // What is only observed keeps its traffic, which says whether it is well again.
        rules.settings.probes = rules.mode == HealthMode::Observe;
        let (gather, plans, not_followed) = (Gather::default(), Plans::default(), BTreeMap::new());
        let lag = Lag::default();
        Ok(HealthWatch { ports, rules, gather, lag, watcher: None, begun: 0, plans, not_followed })
    }

    /// Watches until it is dropped.
    pub async fn run(mut self) {
        if self.rules.mode == HealthMode::Off {
            self.ports.board.replace(HealthReport { mode: HealthMode::Off.as_str(), ..HealthReport::default() });
            return std::future::pending().await;
        }
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let Some(now) = self.ports.time.now(GroupId::CONTROL) else { continue };
            self.exchange(now.0 / 1_000);
            let ready = self.gather.ready(now.0 / 1_000);
            if !ready.is_empty() {
                self.judge(now.0 / 1_000, ready).await;
            }
        }
    }

    /// Tells the others of the seconds that are over, and takes what they told.
    fn exchange(&mut self, now: u64) {
        let HealthPorts { counters, exchange, reporter, .. } = &self.ports;
        if let Some(reporter) = reporter.as_ref().filter(|_| now > self.begun) {
            if self.lag.look(now, &exchange.replicas()) {
                counters.missed();
            }
            for second in counters.close(now) {
                exchange.tell(second.clone());
                self.gather.add(now, reporter.clone(), second);
            }
            self.begun = now;
        }
        for (reporter, second) in exchange.heard() {
            if !self.gather.add(now, reporter, second) {
                metrics::counter!("signalbox_health_seconds_dropped_total").increment(1);
            }
        }
    }

    async fn judge(&mut self, now: u64, ready: Vec<GatheredSecond>) {
        if let Err(error) = self.read_plans().await {
            // What was counted is judged all the same, by the plans that are known.
            tracing::debug!(%error, "plans not read");
        }
        let Some(plan) = self.plans.history.first().cloned() else { return };
        let Some(mut watcher) = self.take_watcher(&plan) else { return };
        let readiness = self.ports.service.region_readiness();
        watcher.1.set_in_service(|channel, region| {
            let weighs = plan.weights_of(channel).get(region).is_some_and(|weight| *weight > 0);
            plan.state_of(region) != RegionState::Evacuated && weighs && readiness.can_stand_in(region)
        });
        let leads = self.ports.neighbours.leads(GroupId::CONTROL);
        for gathered in &ready {
            for finding in watcher.1.judge(gathered) {
                tell(&finding, leads);
            }
        }
        if self.rules.mode == HealthMode::Act {
            let wanted = watcher.1.compare(now, &self.plans.diversions);
            if leads {
                for wanted in &wanted {
                    // One change at a time: the next is made from the plan that this one becomes.
                    if self.follow(wanted).await {
                        break;
                    }
                }
            }
        }
        self.not_followed.retain(|(channel, region, _), (found, _)| {
            now.saturating_sub(*found) < STANDS || watcher.1.is_suspected(*channel, region)
        });
        self.ports.board.replace(HealthReport {
            mode: self.rules.mode.as_str(),
            threshold: self.rules.settings.threshold,
            views: watcher.1.views(),
            recent: watcher.1.recent().to_vec(),
            moved: match self.rules.mode {
                HealthMode::Act => self.plans.diversions.all_destinations(),
                HealthMode::Observe | HealthMode::Off => watcher.1.moved_destinations(),
            },
            not_followed: self.reasons(),
        });
        self.watcher = Some(watcher);
    }

    /// Reads the current plan, and those before it when it is a new one.
    async fn read_plans(&mut self) -> Result<(), service::ServiceError> {
        let current = self.ports.service.plan().await?;
        if current.epoch != self.plans.epoch {
            let history = self.ports.service.plan_history(None, HISTORY_MAX).await?;
            self.plans = Plans { epoch: current.epoch, diversions: Diversions::of(&history), history };
        }
        Ok(())
    }

    /// Returns the watcher of the plan's regions; a new one when these are others.
    fn take_watcher(&mut self, plan: &TrafficPlan) -> Option<(BTreeSet<RegionId>, Watcher)> {
        let regions: BTreeSet<RegionId> = plan.regions.keys().cloned().collect();
        match self.watcher.take() {
            Some(watcher) if watcher.0 == regions => Some(watcher),
            _ => Some((regions.clone(), Watcher::new(self.rules.settings.clone(), regions).ok()?)),
        }
    }

    /// Says of each channel in each region why what should move stays.
    fn reasons(&self) -> BTreeMap<(Channel, RegionId), String> {
        let mut reasons: BTreeMap<(Channel, RegionId), String> = BTreeMap::new();
        for ((channel, region, _), (_, why)) in &self.not_followed {
            let reason = reasons.entry((*channel, region.clone())).or_default();
            let and = if reason.is_empty() { "" } else { "; " };
            reason.push_str(and);
            reason.push_str(why);
        }
        reasons
    }

    /// Says whether a change was made.
    async fn follow(&mut self, wanted: &Wanted) -> bool {
        let key = of(wanted);
        let readiness = self.ports.service.region_readiness();
        let change = match answer(&self.plans.history, wanted, &self.rules.safety, &readiness) {
            Ok(change) => change,
            Err(refused) => {
                self.note(wanted, &refused);
                return false;
            }
        };
        let known = self.plans.history.first();
        if let Err(refused) = self.ports.service.let_parts_in(known, &change).await {
            self.note(wanted, &refused);
            return false;
        }
        self.not_followed.remove(&key);
        commit(&self.ports.service, change, ADOPTED_WAIT).await;
        true
    }

    /// Takes note of why a finding isn't followed.
    fn note(&mut self, wanted: &Wanted, refused: &dyn Display) {
        let text = format!("{}; not moved: {refused}", wanted.finding.evidence);
        if self.not_followed.insert(of(wanted), (wanted.finding.second, text)).is_none() {
            let (channel, region) = (wanted.finding.channel, wanted.finding.region.as_str());
            tracing::warn!(%channel, region, %refused, "finding not followed");
        }
    }
}

fn of(wanted: &Wanted) -> (Channel, RegionId, Subject) {
    let Finding { channel, region, subject, .. } = &wanted.finding;
    (*channel, region.clone(), subject.clone())
}

/// Puts a finding into the log: one that moves traffic for all to see on the node that acts, others for those who look.
fn tell(finding: &Finding, leads: bool) {
    let Finding { channel, region, subject, advice, evidence, .. } = finding;
    let kind = match advice {
        Advice::Shift { .. } => "shift",
        Advice::Return { .. } => "return",
        Advice::Shed { .. } => "shed",
        Advice::Hold(_) => "hold",
    };
    metrics::counter!("signalbox_health_findings_total", "channel" => channel.as_str(), "advice" => kind).increment(1);
    match leads {
        true => tracing::warn!(%channel, %region, ?subject, advice = kind, evidence, "health finding"),
        false => tracing::info!(%channel, %region, ?subject, advice = kind, evidence, "health finding"),
    }
}
