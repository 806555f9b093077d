//! Gives regions that were lost and are well again their share back, where the rules say so. When and how much is
//! `traffic::failback`'s; here it is seen for how long each region has been well, and committed.
//!
//! What flows in: which regions are lost (the watch) and ready. What flows out: committed plans, by the node that leads
//! the control group. Every node keeps the times, so that another leader goes on; one that started lately counts from
//! its start, and so waits longer, never shorter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::id::{GroupId, RegionId};
use model::time::BootTime;
use service::Service;
use service::ports::{Clock, GroupTime, Neighbours};
use tokio::sync::watch;
use traffic::failback::{Recovery, next_step};
use traffic::loss::SafetyRules;
use traffic::readiness::RegionReadiness;

use crate::commit::commit;

/// How often it is looked who is well.
const LOOK: Duration = Duration::from_secs(1);
/// Between looks that are further apart than this nobody was watched, as while the machine slept: all count anew.
const UNSEEN_MAX: Duration = Duration::from_secs(10);
/// How many plans back the loss of a region is looked for: of what is older a person decides.
const HISTORY_MAX: usize = 100;
/// How long a change is waited for until every partition has adopted it.
const ADOPTED_WAIT: Duration = Duration::from_millis(500);

/// What the watch needs of the node.
pub struct FailbackPorts {
    /// The use cases.
    pub service: Service,
    /// Who leads.
    pub neighbours: Arc<dyn Neighbours>,
    /// The control group's time, which plans are dated by.
    pub time: Arc<dyn GroupTime>,
    /// The node's own clock.
    pub clock: Arc<dyn Clock>,
    /// The regions that are lost.
    pub lost: watch::Receiver<BTreeSet<RegionId>>,
}

/// See the module's text.
pub struct Failback {
    ports: FailbackPorts,
    rules: SafetyRules,
    well: Well,
}

/// Since when each region is well without a break, and when that was looked at last.
#[derive(Debug, Default)]
struct Well {
    since: BTreeMap<RegionId, BootTime>,
    looked: BootTime,
}

impl Well {
    fn look(&mut self, now: BootTime, regions: impl Iterator<Item = RegionId>, is_well: impl Fn(&RegionId) -> bool) {
        let mut known = std::mem::take(&mut self.since);
        if now.since(std::mem::replace(&mut self.looked, now)) > UNSEEN_MAX {
            known.clear();
        }
        let well = regions.filter(|region| is_well(region));
        self.since = well.map(|region| (region.clone(), known.get(&region).copied().unwrap_or(now))).collect();
    }

    fn lasts(&self, now: BootTime) -> BTreeMap<RegionId, Duration> {
        self.since.iter().map(|(region, since)| (region.clone(), now.since(*since))).collect()
    }
}

impl Failback {
    /// Begins to watch.
    pub fn new(ports: FailbackPorts, rules: SafetyRules) -> Failback {
        Failback { ports, rules, well: Well::default() }
    }

    /// Watches until it is dropped.
    pub async fn run(mut self) {
        if self.rules.failback.is_none() {
            return std::future::pending().await;
        }
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let now = self.ports.clock.boot_time();
            let readiness = self.ports.service.region_readiness();
            self.see(now, &readiness);
            if self.ports.neighbours.leads(GroupId::CONTROL) {
                self.act(now, &readiness).await;
            }
        }
    }

    fn see(&mut self, now: BootTime, readiness: &RegionReadiness) {
        let lost = self.ports.lost.borrow();
        let nodes = self.ports.neighbours.nodes();
        let regions: BTreeSet<RegionId> = nodes.values().map(|info| info.region.clone()).collect();
        self.well.look(now, regions.into_iter(), |region| !lost.contains(region) && readiness.can_stand_in(region));
    }

    async fn act(&self, now: BootTime, readiness: &RegionReadiness) {
        let FailbackPorts { service, time, .. } = &self.ports;
        let Some(plan_time) = time.now(GroupId::CONTROL) else { return };
        let history = match service.plan_history(None, HISTORY_MAX).await {
            Ok(history) => history,
            Err(error) => return tracing::debug!(%error, "plans not read"),
        };
        let recovery = Recovery { history: &history, well: &self.well.lasts(now), readiness, now: plan_time };
        if let Some(change) = next_step(&recovery, &self.rules) {
            commit(service, change, ADOPTED_WAIT).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_unwell_meanwhile_counts_anew() {
        let region = |name: &str| RegionId::new(name).expect("a name");
        let at = |seconds| BootTime::default() + Duration::from_secs(seconds);
        let mut well = Well::default();
        let mut look = |seconds, ill: &str| {
            well.look(at(seconds), ["a", "b"].map(region).into_iter(), |region| region.as_str() != ill);
            let lasts = well.lasts(at(seconds)).into_iter();
            lasts.map(|(region, lasts)| (region.to_string(), lasts.as_secs())).collect::<BTreeMap<String, u64>>()
        };
        let lasts = |a: u64, b: u64| BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]);
        assert_eq!(look(10, ""), lasts(0, 0));
        assert_eq!(look(15, ""), lasts(5, 5));
        assert_eq!(look(16, "a"), BTreeMap::from([("b".to_owned(), 6)]));
        assert_eq!(look(17, ""), lasts(0, 7));
        assert_eq!(look(17 + 3_600, ""), lasts(0, 0), "the machine slept");
    }
}
