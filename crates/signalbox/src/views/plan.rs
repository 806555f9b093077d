//! Traffic plans.

use std::collections::BTreeMap;

use serde::Serialize;
use wire::v1;

use super::{pairs_text, time_text};
use crate::console::{View, table};
use crate::failure::one_line;
use crate::words;

/// The state of a region that gets nothing.
const EVACUATED: &str = "evacuated";

/// A traffic plan.
#[derive(Debug, Serialize)]
pub struct PlanView {
    pub(super) epoch: u64,
    parent_epoch: u64,
    mode: String,
    pub(super) regions: BTreeMap<String, String>,
    weights: BTreeMap<String, u32>,
    pub(super) channel_weights: BTreeMap<String, BTreeMap<String, u32>>,
    /// Weights of single apps and destinations.
    pub(super) scopes: Vec<ScopeView>,
    /// What single regions have of what goes to a destination.
    pub(super) diverted: Vec<DivertedView>,
    /// What only persons may change: `everything`, a region, or `channel NAME`.
    pub(super) frozen: Vec<String>,
    pub(super) reason: String,
    pub(super) evidence: BTreeMap<String, String>,
    /// The name of the key of who made it; null when the cluster did.
    principal: Option<String>,
    automatic: bool,
    pub(super) time_ms: u64,
}

/// The weights of an app, or of a destination on a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ScopeView {
    /// Null for a destination.
    app_id: Option<String>,
    /// Null for an app.
    channel: Option<String>,
    /// Null for an app.
    destination: Option<String>,
    pub(super) weights: BTreeMap<String, u32>,
}

/// What regions have of what goes to a destination on a channel, in per mille.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct DivertedView {
    channel: String,
    destination: String,
    pub(super) shares_per_mille: BTreeMap<String, u32>,
}

/// Which plan a group has adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AdoptionView {
    /// 1 to the number of partitions.
    pub group: u32,
    /// The plan's number; 0 when none.
    pub epoch: u64,
}

/// The current plan and which partitions have adopted it.
#[derive(Debug, Serialize)]
pub struct PlanWithAdoptionView {
    #[serde(flatten)]
    plan: PlanView,
    adoption: Vec<AdoptionView>,
}

/// Plans, the newest first.
#[derive(Debug, Serialize)]
pub struct HistoryView {
    plans: Vec<PlanView>,
    next_before_epoch: Option<u64>,
}

impl PlanWithAdoptionView {
    /// Makes the view from the parts of an answer.
    pub fn new(plan: v1::TrafficPlan, adoption: Vec<v1::Adoption>) -> PlanWithAdoptionView {
        PlanWithAdoptionView { plan: plan.into(), adoption: adoption.into_iter().map(AdoptionView::from).collect() }
    }
}

impl From<v1::TrafficPlan> for PlanView {
    fn from(plan: v1::TrafficPlan) -> PlanView {
        use v1::traffic_plan::Author;
        let weights = |weights: Option<v1::Weights>| weights.map(|weights| weights.weights).unwrap_or_default();
        let of_channel = |one: v1::ChannelWeights| (words::channel(one.channel), weights(one.weights));
        let principal = match plan.author {
            Some(Author::Principal(name)) => Some(name),
            Some(Author::Automatic(_)) | None => None,
        };
        PlanView {
            epoch: plan.epoch,
            parent_epoch: plan.parent_epoch,
            mode: words::mode(plan.mode),
            regions: plan.regions.into_iter().map(|(name, state)| (name, words::region_state(state))).collect(),
            weights: weights(plan.weights),
            channel_weights: plan.channel_weights.into_iter().map(of_channel).collect(),
            scopes: plan.scopes.into_iter().map(ScopeView::from).collect(),
            diverted: plan.diverted.into_iter().map(DivertedView::from).collect(),
            frozen: plan.frozen.into_iter().map(frozen).collect(),
            reason: plan.reason,
            evidence: plan.evidence,
            automatic: principal.is_none(),
            principal,
            time_ms: plan.time_ms,
        }
    }
}

impl From<v1::ScopeWeights> for ScopeView {
    fn from(scope: v1::ScopeWeights) -> ScopeView {
        let v1::ScopeWeights { app_id, channel, destination, weights } = scope;
        let of_destination = app_id.is_empty();
        ScopeView {
            app_id: (!of_destination).then_some(app_id),
            channel: of_destination.then(|| words::channel(channel)),
            destination: of_destination.then_some(destination),
            weights: weights.map(|weights| weights.weights).unwrap_or_default(),
        }
    }
}

impl From<v1::Diverted> for DivertedView {
    fn from(diverted: v1::Diverted) -> DivertedView {
        let v1::Diverted { channel, destination, shares_per_mille } = diverted;
        DivertedView { channel: words::channel(channel), destination, shares_per_mille }
    }
}

impl ScopeView {
    /// Names it: an app, or a destination on a channel.
    pub(super) fn name(&self) -> String {
        match (&self.channel, &self.destination) {
            (Some(channel), Some(destination)) => format!("{channel} to {destination}"),
            _ => format!("app {}", self.app_id.as_deref().unwrap_or_default()),
        }
    }
}

impl DivertedView {
    /// Names the destination on its channel.
    pub(super) fn name(&self) -> String {
        format!("{} to {}", self.channel, self.destination)
    }

    /// Returns what a region has of it, in per mille.
    pub(super) fn share(&self, region: &str) -> u32 {
        self.shares_per_mille.get(region).copied().unwrap_or(1_000)
    }
}

fn frozen(frozen: v1::Frozen) -> String {
    use v1::frozen::Part;
    match frozen.part {
        Some(Part::Region(region)) => region,
        Some(Part::Channel(channel)) => format!("channel {}", words::channel(channel)),
        Some(Part::Everything(_)) | None => "everything".to_owned(),
    }
}

/// Writes a share of 1,000 as a percentage.
pub(super) fn percent(per_mille: u32) -> String {
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

impl From<v1::Adoption> for AdoptionView {
    fn from(adoption: v1::Adoption) -> AdoptionView {
        AdoptionView { group: adoption.group, epoch: adoption.epoch }
    }
}

impl From<v1::HistoryResponse> for HistoryView {
    fn from(response: v1::HistoryResponse) -> HistoryView {
        HistoryView {
            plans: response.plans.into_iter().map(PlanView::from).collect(),
            next_before_epoch: response.next_before_epoch,
        }
    }
}

impl PlanView {
    pub(super) fn author(&self) -> &str {
        self.principal.as_deref().unwrap_or("the cluster itself")
    }

    /// Returns a region's share as a percentage, as routing counts it: evacuated regions have none.
    pub(super) fn share(&self, weights: &BTreeMap<String, u32>, region: &str) -> String {
        let counted = |region: &str| {
            let sends = self.regions.get(region).is_some_and(|state| state != EVACUATED);
            if sends { u64::from(weights.get(region).copied().unwrap_or(0)) } else { 0 }
        };
        let total: u64 = weights.keys().map(|region| counted(region)).sum();
        let per_mille = (counted(region) * 1_000 + total / 2).checked_div(total).unwrap_or(0);
        percent(u32::try_from(per_mille).unwrap_or(1_000))
    }

    /// Returns a region's share of everything, and of the channels that have weights of their own.
    pub(super) fn shares(&self, region: &str) -> String {
        let own =
            self.channel_weights.iter().map(|(channel, weights)| format!("{channel} {}", self.share(weights, region)));
        std::iter::once(self.share(&self.weights, region)).chain(own).collect::<Vec<_>>().join(", ")
    }

    /// Returns the weights of a channel, or of all that have none of their own.
    pub(super) fn weights_of(&self, channel: Option<&String>) -> &BTreeMap<String, u32> {
        channel.and_then(|channel| self.channel_weights.get(channel)).unwrap_or(&self.weights)
    }

    /// Says what apps and destinations have that others don't: a line each.
    fn parts_text(&self) -> Vec<String> {
        let of_scope = |scope: &ScopeView| {
            let share = |region: &String| format!("{region} {}", self.share(&scope.weights, region));
            format!("{}: {}", scope.name(), self.regions.keys().map(share).collect::<Vec<_>>().join(", "))
        };
        let of_diverted = |diverted: &DivertedView| {
            let share = |(region, share): (&String, &u32)| format!("{region} has {} of its share", percent(*share));
            let shares = diverted.shares_per_mille.iter().map(share).collect::<Vec<_>>().join(", ");
            format!("diverted, {}: {shares}", diverted.name())
        };
        let mut lines: Vec<String> =
            self.scopes.iter().map(of_scope).chain(self.diverted.iter().map(of_diverted)).collect();
        if !self.frozen.is_empty() {
            lines.push(format!("FROZEN, only persons change it: {}", self.frozen.join(", ")));
        }
        if lines.is_empty() { lines } else { std::iter::once(String::new()).chain(lines).collect() }
    }

    fn states_text(&self) -> String {
        self.regions.iter().map(|(name, state)| format!("{name}={state}")).collect::<Vec<_>>().join(" ")
    }
}

impl View for PlanView {
    fn text(&self) -> String {
        let mut lines = vec![format!(
            "plan {} ({}), made by {} at {}: {}",
            self.epoch,
            self.mode,
            self.author(),
            time_text(self.time_ms),
            one_line(&self.reason)
        )];
        if !self.evidence.is_empty() {
            lines.push(format!("evidence: {}", pairs_text(&self.evidence)));
        }
        lines.push(String::new());
        let mut rows = Vec::new();
        for (region, state) in &self.regions {
            rows.push([region.clone(), state.clone(), format!("all channels {}", self.shares(region))]);
        }
        lines.push(table(["REGION", "STATE", "SHARE"], rows));
        lines.extend(self.parts_text());
        lines.join("\n")
    }
}

impl View for PlanWithAdoptionView {
    fn text(&self) -> String {
        let reached = self.adoption.iter().filter(|adoption| adoption.epoch >= self.plan.epoch).count();
        let mut text = format!("{}\n\nadopted by {reached} of {} partitions", self.plan.text(), self.adoption.len());
        for late in self.adoption.iter().filter(|adoption| adoption.epoch < self.plan.epoch) {
            text.push_str(&format!("\npartition {} still has plan {}", late.group, late.epoch));
        }
        text
    }
}

impl View for HistoryView {
    fn text(&self) -> String {
        let row = |plan: &PlanView| {
            [
                plan.epoch.to_string(),
                time_text(plan.time_ms),
                plan.author().to_owned(),
                plan.states_text(),
                one_line(&plan.reason),
            ]
        };
        let mut text = table(["EPOCH", "TIME", "BY", "REGIONS", "REASON"], self.plans.iter().map(row));
        if let Some(before) = self.next_before_epoch {
            text.push_str(&format!("\n\nolder ones: signalbox traffic history --before {before}"));
        }
        text
    }
}
