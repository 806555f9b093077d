//! Why a plan was made, and what it changed.

use std::collections::BTreeSet;

use serde::Serialize;
use wire::v1;

use super::plan::PlanView;
use super::time_text;
use crate::console::View;
use crate::failure::one_line;

/// A plan beside the one before.
#[derive(Debug, Serialize)]
pub struct ExplainView {
    #[serde(flatten)]
    plan: PlanView,
    /// What it changed, one fact each.
    changes: Vec<String>,
}

impl ExplainView {
    /// Makes the view of a plan and the one that it replaced; nothing for the first.
    pub fn new(plan: v1::TrafficPlan, parent: Option<v1::TrafficPlan>) -> ExplainView {
        let plan = PlanView::from(plan);
        let changes = parent.map_or_else(Vec::new, |parent| plan.changes_since(&PlanView::from(parent)));
        ExplainView { plan, changes }
    }
}

impl PlanView {
    fn changes_since(&self, parent: &PlanView) -> Vec<String> {
        let mut changes = Vec::new();
        for (region, state) in &self.regions {
            let before = parent.regions.get(region).map_or("absent", String::as_str);
            if before != state {
                changes.push(format!("{region}: {before} -> {state}"));
            }
        }
        let channels: BTreeSet<Option<&String>> = std::iter::once(None)
            .chain(self.channel_weights.keys().chain(parent.channel_weights.keys()).map(Some))
            .collect();
        for channel in channels {
            for region in self.regions.keys() {
                let before = parent.share(parent.weights_of(channel), region);
                let after = self.share(self.weights_of(channel), region);
                if before != after {
                    let of = channel.map_or("all channels without shares of their own", String::as_str);
                    changes.push(format!("{of}: {region} {before} -> {after}"));
                }
            }
        }
        changes
    }
}

impl View for ExplainView {
    fn text(&self) -> String {
        let ExplainView { plan, changes } = self;
        let (author, time, reason) = (plan.author(), time_text(plan.time_ms), one_line(&plan.reason));
        let mut lines = vec![format!("plan {}, made by {author} at {time}", plan.epoch), format!("why: {reason}")];
        let mut list = |heading: &str, items: Vec<String>| {
            if !items.is_empty() {
                lines.push(format!("{heading}:"));
                lines.extend(items.into_iter().map(|item| format!("  {item}")));
            }
        };
        list("changed", changes.clone());
        list("evidence", plan.evidence.iter().map(|(name, value)| format!("{name}: {}", one_line(value))).collect());
        lines.join("\n")
    }
}
