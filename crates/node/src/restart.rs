//! Restarts: a node that stops has its region's share moved away first, and gives it back when it is ready again. What
//! changes and when that is allowed is `traffic::restart`'s; here it is committed.

use std::sync::Arc;
use std::time::Duration;

use model::id::GroupId;
use model::plan::{PlanChange, TrafficPlan};
use service::ports::GroupTime;
use service::{ErrorCode, Service};
use tokio::time::Instant;
use traffic::loss::SafetyRules;
use traffic::restart::{Restarting, come_back, leave};

/// How many plans back the reason of an evacuation is looked for.
const HISTORY_MAX: usize = 100;
/// How long moving the share away may take. A node that stops doesn't wait longer: the others notice its loss then.
const LEAVE_MAX: Duration = Duration::from_secs(5);
/// How often a node looks whether its region waits for it.
const LOOK: Duration = Duration::from_secs(1);
/// How many looks in a row must find the node ready before its region gets traffic again.
const STEADY_LOOKS: u32 = 2;

/// The restarts of one node of a serving region.
#[derive(Clone)]
pub struct Restart {
    /// The use cases.
    pub service: Service,
    /// The control group's time, which plans are dated by.
    pub time: Arc<dyn GroupTime>,
    /// What may change without a person.
    pub rules: SafetyRules,
}

impl Restart {
    /// Moves the share of the node's region away, at most [`LEAVE_MAX`]. Says whether the others have it now: not when
    /// the region had none, when nobody else could send, or when the change was not committed in time.
    pub async fn leave(&self) -> bool {
        let due = Instant::now() + LEAVE_MAX;
        while let Ok(history) = self.service.plan_history(None, HISTORY_MAX).await {
            let Some(change) = leave(&history, self.who(), &self.rules, &self.service.region_readiness()) else {
                return false;
            };
            match tokio::time::timeout_at(due, self.service.commit_plan(change)).await {
                Ok(Ok(plan)) => {
                    tracing::info!(epoch = plan.epoch.0, "plan without this region committed and adopted everywhere");
                    return true;
                }
                // Another change came first; this one is made again from it.
                Ok(Err(error)) if error.code == ErrorCode::Conflict && Instant::now() < due => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "plan without this region not committed before the stop");
                    return false;
                }
                Err(_) => {
                    tracing::warn!(waited = ?LEAVE_MAX, "plan without this region not committed before the stop");
                    return false;
                }
            }
        }
        false
    }

    /// Gives the region its share back when a stop of this node took it away and `ready` says that it can send again.
    /// Looks until it is dropped.
    pub async fn come_back(self, ready: impl Fn() -> bool) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut steady = 0;
        loop {
            looks.tick().await;
            steady = if ready() { steady + 1 } else { 0 };
            if steady < STEADY_LOOKS {
                continue;
            }
            if let Some(change) = self.wanted().await {
                self.commit(change).await;
            }
        }
    }

    async fn wanted(&self) -> Option<PlanChange> {
        let evacuated = |plan: &TrafficPlan| plan.state_of(self.who().region) == model::plan::RegionState::Evacuated;
        self.service.plan().await.ok().filter(evacuated)?;
        let history = self.service.plan_history(None, HISTORY_MAX).await.ok()?;
        let readiness = self.service.region_readiness();
        come_back(&history, self.who(), &self.rules, &readiness, self.time.now(GroupId::CONTROL)?)
    }

    async fn commit(&self, change: PlanChange) {
        match self.service.commit_plan(change).await {
            Ok(plan) => tracing::info!(epoch = plan.epoch.0, "restore plan committed and adopted everywhere"),
            Err(error) if error.code == ErrorCode::Conflict => {}
            Err(error) => tracing::warn!(%error, "restore plan not committed or not yet adopted everywhere; retrying"),
        }
    }

    fn who(&self) -> Restarting<'_> {
        let facts = self.service.facts();
        Restarting { node: facts.node, region: &facts.region }
    }
}
