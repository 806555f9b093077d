//! Carrying the current plan to partitions that the control group's leader doesn't reach.
//!
//! The control group's leader carries each plan to every partition (`service::duties`), and a partition whose leader is
//! at the other end of a cut line would go by the old plan as long as that lasts: the old one says, too, who serves, so
//! that its leadership doesn't move around the line either. Any other node has the plan from the control group's log,
//! and may hear that partition's leader.
//!
//! What flows in: this node's replicas of the control group and of the partitions. What flows out: the adoption of a
//! plan that a partition is behind with for long, as the control group's leader would propose it. A plan that was
//! adopted already is adopted again without effect.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::id::{Epoch, GroupId};
use model::time::BootTime;
use service::Service;
use service::ports::{Clock, Neighbours};

/// How often the replicas are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long a partition may be behind before others than the control group's leader carry the plan to it: more than a
/// proposal takes on most lines.
const BEHIND_MAX: Duration = Duration::from_millis(400);
/// How long one try may take, before the replicas are looked at again.
const CARRY_WAIT: Duration = Duration::from_millis(1_000);

/// What carries plans on one node.
pub struct Carrier {
    service: Service,
    neighbours: Arc<dyn Neighbours>,
    clock: Arc<dyn Clock>,
    behind: Behind,
}

/// Partitions that are behind, with what plan, and when that was seen first. Bounded by their number.
#[derive(Default)]
struct Behind(BTreeMap<GroupId, (Epoch, BootTime)>);

impl Carrier {
    /// Makes the carrier of a node.
    pub fn new(service: Service, neighbours: Arc<dyn Neighbours>, clock: Arc<dyn Clock>) -> Carrier {
        Carrier { service, neighbours, clock, behind: Behind::default() }
    }

    /// Looks and carries until it is dropped.
    pub async fn run(mut self) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            if self.neighbours.leads(GroupId::CONTROL) {
                self.behind = Behind::default();
                continue;
            }
            let Ok((plan, behind)) = self.service.behind_here() else { continue };
            let due = self.behind.due(self.clock.boot_time(), plan.epoch, behind);
            if due.is_empty() {
                continue;
            }
            tracing::info!(epoch = plan.epoch.0, partitions = due.len(), "carrying the plan, its leader does not");
            match tokio::time::timeout(CARRY_WAIT, self.service.carry_plan(&plan, due)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "plan not carried; looking again"),
                Err(_) => tracing::debug!("plan not carried in time; looking again"),
            }
        }
    }
}

impl Behind {
    /// Takes note of who is behind with a plan now, and returns those that have been for long.
    fn due(&mut self, now: BootTime, epoch: Epoch, behind: Vec<GroupId>) -> Vec<GroupId> {
        self.0.retain(|group, (of, _)| *of == epoch && behind.contains(group));
        let since = behind.into_iter().map(|group| (group, self.0.entry(group).or_insert((epoch, now)).1));
        since.filter(|(_, since)| now.since(*since) >= BEHIND_MAX).map(|(group, _)| group).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_behind_with_one_plan_for_long_is_due() {
        let mut behind = Behind::default();
        let at = |ms| BootTime(0) + Duration::from_millis(ms);
        let (one, two) = (GroupId(1), GroupId(2));
        assert!(behind.due(at(0), Epoch(1), vec![one]).is_empty());
        assert!(behind.due(at(399), Epoch(1), vec![one, two]).is_empty());
        assert_eq!(behind.due(at(400), Epoch(1), vec![one, two]), [one]);
        assert_eq!(behind.due(at(500), Epoch(1), vec![one]), [one], "until it has adopted it");
        assert!(behind.due(at(900), Epoch(1), vec![two]).is_empty(), "it had caught up in between");
        assert!(behind.due(at(1_300), Epoch(2), vec![two]).is_empty(), "a new plan has its own time");
        assert_eq!(behind.due(at(1_700), Epoch(2), vec![two]), [two]);
    }
}
