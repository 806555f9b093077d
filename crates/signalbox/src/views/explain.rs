//! Why a plan was made, and what it changed.

use std::collections::BTreeSet;

use serde::Serialize;
use wire::v1;

use super::plan::{DivertedView, PlanView, ScopeView, percent};
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
        changes.extend(self.scope_changes(parent));
        changes.extend(self.diverted_changes(parent));
        let without = |one: &PlanView, other: &PlanView| -> Vec<String> {
            one.frozen.iter().filter(|part| !other.frozen.contains(part)).cloned().collect()
        };
        changes.extend(without(self, parent).into_iter().map(|part| format!("{part}: frozen, only persons change it")));
        changes.extend(without(parent, self).into_iter().map(|part| format!("{part}: not frozen any more")));
        changes
    }

    fn scope_changes(&self, parent: &PlanView) -> Vec<String> {
        let own = |plan: &PlanView, name: &str| plan.scopes.iter().find(|scope| scope.name() == name).cloned();
        let names: BTreeSet<String> = self.scopes.iter().chain(&parent.scopes).map(ScopeView::name).collect();
        let mut changes = Vec::new();
        for name in names {
            let (before, after) = (own(parent, &name), own(self, &name));
            let Some(after) = after.filter(|after| Some(after) != before.as_ref()) else {
                if own(self, &name).is_none() {
                    changes.push(format!("{name}: no weights of its own any more"));
                }
                continue;
            };
            let share = |region: &String| format!("{region} {}", self.share(&after.weights, region));
            changes.push(format!("{name}: {}", self.regions.keys().map(share).collect::<Vec<_>>().join(", ")));
        }
        changes
    }

    fn diverted_changes(&self, parent: &PlanView) -> Vec<String> {
        let names: BTreeSet<String> = self.diverted.iter().chain(&parent.diverted).map(DivertedView::name).collect();
        let share = |plan: &PlanView, name: &str, region: &str| {
            plan.diverted.iter().find(|diverted| diverted.name() == name).map_or(1_000, |found| found.share(region))
        };
        let mut changes = Vec::new();
        for (name, region) in names.iter().flat_map(|name| self.regions.keys().map(move |region| (name, region))) {
            let (before, after) = (share(parent, name, region), share(self, name, region));
            if before != after {
                changes.push(format!("{name}: {region} {} of its share -> {}", percent(before), percent(after)));
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
