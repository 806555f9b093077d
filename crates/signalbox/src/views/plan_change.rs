//! A change of the traffic plan: what moved or would move.

use serde::Serialize;
use wire::v1;

use super::{AdoptionView, PlanView};
use crate::console::View;

/// A change of the plan, made or tried.
#[derive(Debug, Serialize)]
pub struct PlanChangeView {
    committed: bool,
    description: Vec<String>,
    plan: PlanView,
    adoption: Vec<AdoptionView>,
    #[serde(skip)]
    epoch: u64,
}

impl PlanChangeView {
    /// Makes the view from a plan and the rest of its answer.
    pub fn new(plan: v1::TrafficPlan, description: Vec<String>, committed: bool) -> PlanChangeView {
        let epoch = plan.epoch;
        PlanChangeView { committed, description, plan: plan.into(), adoption: Vec::new(), epoch }
    }

    /// Adds which partitions have adopted the plan.
    pub fn with_adoption(self, adoption: Vec<AdoptionView>) -> PlanChangeView {
        PlanChangeView { adoption, ..self }
    }
}

impl View for PlanChangeView {
    fn text(&self) -> String {
        let first = if self.committed {
            format!("plan {} is committed:", self.epoch)
        } else {
            format!("dry run, nothing is changed; plan {} would be:", self.epoch)
        };
        let lines = self.description.iter().map(|line| format!("  {line}"));
        std::iter::once(first).chain(lines).collect::<Vec<_>>().join("\n")
    }
}
