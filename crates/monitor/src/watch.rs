//! Watching for lost regions, and for such as a cut line keeps from sending. Every node keeps the evidence; the one that
//! leads the control group acts on it.
//!
//! What flows in: who saw whom last and which holders are starved, from the lease calls between all nodes. What flows
//! out: a committed plan without the region, with the evidence. At most one change is under way at a time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::cluster::Nodes;
use model::id::{Epoch, GroupId, NodeId, RegionId};
use model::plan::PlanChange;
use model::time::BootTime;
use service::Service;
use service::ports::{Clock, Neighbours};
use tokio::sync::watch;
use traffic::loss::{CutLines, LossSettings, RegionLoss, SafetyRules, Situation, Starved, Verdict, decide, relieve};
use traffic::readiness::Sight;

use crate::commit::{Committed, commit};

/// How often the evidence is looked at. A region is called lost no sooner than its silence lasted; this adds to it.
pub const LOOK: Duration = Duration::from_millis(50);

/// How long a change that failed is left alone.
const REST: Duration = Duration::from_millis(500);

/// How long a change is waited for until every partition has adopted it, before the next look: where several regions are
/// to be taken out, one that waits for another would wait for itself.
const ADOPTED_WAIT: Duration = Duration::from_millis(300);

/// What the watch needs of the node.
pub struct WatchPorts {
    /// The use cases.
    pub service: Service,
    /// The evidence.
    pub neighbours: Arc<dyn Neighbours>,
    /// The node's own clock, for waits.
    pub clock: Arc<dyn Clock>,
    /// Where the regions that are lost are told.
    pub lost: watch::Sender<BTreeSet<RegionId>>,
}

/// The watch of one node.
pub struct Watch {
    ports: WatchPorts,
    rules: SafetyRules,
    nodes: Nodes,
    detector: RegionLoss,
    rest_until: BootTime,
    /// The plan that was current at the last look that asked for it, and when it was seen first.
    plan: (Epoch, BootTime),
}

impl Watch {
    /// Begins to watch the regions of the cluster.
    pub fn new(ports: WatchPorts, settings: LossSettings, rules: SafetyRules) -> Watch {
        let nodes = ports.neighbours.nodes();
        let detector = RegionLoss::new(settings, &nodes, ports.clock.boot_time());
        Watch { ports, rules, nodes, detector, rest_until: BootTime(0), plan: (Epoch(0), BootTime(0)) }
    }

    /// Watches until it is dropped.
    pub async fn run(mut self) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let now = self.ports.clock.boot_time();
            self.take_evidence(now);
            let verdicts = self.detector.verdict(now);
            self.tell(&verdicts);
            if self.rest_until <= now && self.ports.neighbours.leads(GroupId::CONTROL) {
                let starved = self.ports.neighbours.starved();
                if !verdicts.is_empty() || !starved.is_empty() {
                    self.act(now, &verdicts, &starved).await;
                }
            }
        }
    }

    fn tell(&self, verdicts: &[Verdict]) {
        let lost: BTreeSet<RegionId> = verdicts.iter().map(|verdict| verdict.region.clone()).collect();
        self.ports.lost.send_if_modified(|told| {
            let changed = *told != lost;
            *told = lost;
            changed
        });
    }

    fn take_evidence(&mut self, now: BootTime) {
        let nodes = self.ports.neighbours.nodes();
        if nodes != self.nodes {
            self.detector.set_nodes(&nodes, now);
            self.nodes = nodes;
        }
        let me = self.ports.service.facts().node;
        self.detector.reported(me, now);
        for (node, news) in self.ports.neighbours.news() {
            if let Some(last_seen) = news.last_seen {
                self.detector.seen(me, node, before(now, last_seen));
                self.renewed(node, before(now, last_seen));
            }
            if let Some(reported) = news.reported {
                self.detector.reported(node, before(now, reported));
            }
            for (subject, ago) in news.peers_last_seen {
                self.detector.seen(node, subject, before(now, ago));
            }
        }
    }

    /// A lease call asks for all groups at once, so hearing a node at the control group's leader is its renewal there.
    fn renewed(&mut self, node: NodeId, at: BootTime) {
        if let Some(info) = self.nodes.get(&node) {
            self.detector.renewed(&info.region, at);
        }
        if let Some(own) = self.nodes.get(&self.ports.service.facts().node) {
            self.detector.renewed(&own.region, self.ports.clock.boot_time());
        }
    }

    async fn act(&mut self, now: BootTime, verdicts: &[Verdict], starved: &[Starved]) {
        let service = &self.ports.service;
        let Ok(plan) = service.plan().await else { return };
        if self.plan.0 != plan.epoch {
            self.plan = (plan.epoch, now);
        }
        let situation = Situation { plan: &plan, verdicts, readiness: &service.region_readiness() };
        let Some(change) = self.change(now, &situation, starved) else { return };
        if commit(service, change, ADOPTED_WAIT).await == Committed::Failed {
            self.rest_until = now + REST;
        }
    }

    /// Returns what answers a lost region, or else a line that keeps one from sending.
    fn change(&self, now: BootTime, situation: &Situation<'_>, starved: &[Starved]) -> Option<PlanChange> {
        decide(situation, &self.rules).or_else(|| {
            let (nodes, news, node) = (&self.nodes, self.ports.neighbours.news(), self.ports.service.facts().node);
            let sight = Sight { node, nodes, news: &news, silence: self.detector.silence() };
            let cut = CutLines { sight: &sight, starved, plan_age: now.since(self.plan.1) };
            relieve(situation, &self.rules, &cut)
        })
    }
}

fn before(now: BootTime, ago: Duration) -> BootTime {
    BootTime(now.0.saturating_sub(u64::try_from(ago.as_nanos()).unwrap_or(u64::MAX)))
}
