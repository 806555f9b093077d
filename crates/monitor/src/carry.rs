//! Carrying the current plan to partitions that the control group's leader doesn't reach.
//!
//! The control group's leader carries each plan to every partition (`service::duties`), and a partition whose leader is
//! at the other end of a cut line would go by the old plan as long as that lasts: the old one says, too, who serves, so
//! that its leadership doesn't move around the line either. Any other node has the plan from the control group's log,
//! and may hear that partition's leader.
//!
//! What flows in: this node's replicas of the control group and of the partitions. What flows out: the adoption of a
//! plan that a partition is behind with for long, as its leader's own would be; a plan that was adopted is adopted once.

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
    /// Partitions that are behind, with what plan, and when that was seen first.
    behind: BTreeMap<GroupId, (Epoch, BootTime)>,
}

impl Carrier {
    /// Makes the carrier of a node.
    pub fn new(service: Service, neighbours: Arc<dyn Neighbours>, clock: Arc<dyn Clock>) -> Carrier {
        Carrier { service, neighbours, clock, behind: BTreeMap::new() }
    }

    /// Looks and carries until it is dropped.
    pub async fn run(mut self) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            if self.neighbours.leads(GroupId::CONTROL) {
                self.behind.clear();
                continue;
            }
            let Ok((plan, behind)) = self.service.behind_here() else { continue };
            let due = self.due(plan.epoch, behind);
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

    /// Returns the partitions that are behind with this plan for long.
    fn due(&mut self, epoch: Epoch, behind: Vec<GroupId>) -> Vec<GroupId> {
        let now = self.clock.boot_time();
        self.behind.retain(|group, (of, _)| *of == epoch && behind.contains(group));
        let since = behind.into_iter().map(|group| (group, self.behind.entry(group).or_insert((epoch, now)).1));
        since.filter(|(_, since)| now.since(*since) >= BEHIND_MAX).map(|(group, _)| group).collect()
    }
}
