//! Changes of the plan.

use std::collections::BTreeSet;

use model::plan::{Author, RegionState};
use service::use_cases::{PlanMove, PlanRequest};

use super::client::{Client, unanswered};
use crate::sim::layout::region;
use crate::sim::operations::{Answered, Asked};

impl Client {
    /// Takes a region out.
    pub(super) async fn evacuate(&self) {
        self.change_plan(PlanMove::Evacuate(region(self.some_node()))).await;
    }

    /// Takes a region in again that is out, if there is one.
    pub(super) async fn restore(&self) {
        let Ok(plan) = self.service.plan().await else { return };
        let out = plan.regions.iter().find(|(_, state)| **state == RegionState::Evacuated);
        if let Some((region, _)) = out {
            self.change_plan(PlanMove::Restore(region.clone())).await;
        }
    }

    pub(super) async fn all_serve(&self) -> bool {
        let plan = self.service.plan().await;
        plan.is_ok_and(|plan| plan.regions.values().all(|state| *state == RegionState::Active))
    }

    async fn change_plan(&self, wanted: PlanMove) {
        let place = self.ask(Asked::ChangePlan { change: format!("{wanted:?}") });
        let request = PlanRequest {
            wanted,
            reason: "as the seed says".to_owned(),
            author: Author::Principal("client".to_owned()),
            parent: None,
            overrides: BTreeSet::new(),
        };
        let answer = self.service.change_plan(request).await;
        let answer = answer.map_or_else(unanswered, |answer| Answered::Planned(answer.plan.epoch));
        self.cluster.history.answer(place, answer);
    }
}
