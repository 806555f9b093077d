//! Plans in words: what a change would do, for a dry run.

use std::collections::BTreeMap;

use model::plan::{PlanChange, RegionState, Shares, TrafficPlan, Weights};
use model::{Channel, RegionId};

/// Returns a region's share of the traffic that `weights` divide, in per mille, rounded to the nearest. Evacuated
/// regions have none.
pub fn share_per_mille(regions: &BTreeMap<RegionId, RegionState>, weights: &Weights, region: &RegionId) -> u32 {
    let own = u64::from(counted_weight(regions, weights, region));
    let total = counted_total(regions, weights);
    let rounded = (own * 1_000 + total / 2).checked_div(total).unwrap_or(0);
    u32::try_from(rounded).unwrap_or(1_000)
}

/// Describes what a change does to a plan, in lines for people: roles, then shares, then those of single channels. A
/// change that moves nothing gets a line that says so.
pub fn describe_difference(old: &TrafficPlan, new: &PlanChange) -> Vec<String> {
    let mut lines = Vec::new();
    if old.mode != new.mode {
        lines.push(format!("mode: {} -> {}", old.mode, new.mode));
    }
    for region in both(&old.regions, &new.regions) {
        let state = |state: Option<&RegionState>| state.map_or("absent", |state| state.as_str());
        let (before, after) = (state(old.regions.get(region)), state(new.regions.get(region)));
        if before != after {
            lines.push(format!("{region}: {before} -> {after}"));
        }
    }
    lines.extend(describe_shares(None, old, new));
    for channel in both(&old.channel_weights, &new.channel_weights) {
        lines.extend(describe_shares(Some(*channel), old, new));
    }
    lines.extend(describe_scopes(old, new));
    lines.extend(describe_diverted(old, new));
    lines.extend(new.frozen.difference(&old.frozen).map(|part| format!("{part}: frozen, only persons change it")));
    lines.extend(old.frozen.difference(&new.frozen).map(|part| format!("{part}: not frozen any more")));
    if lines.is_empty() {
        lines.push("nothing moves".to_owned());
    }
    lines
}

/// Returns the weight that counts for routing.
pub(super) fn counted_weight(regions: &BTreeMap<RegionId, RegionState>, weights: &Weights, region: &RegionId) -> u32 {
    let masked = regions.get(region).is_none_or(|state| *state == RegionState::Evacuated);
    if masked { 0 } else { weights.get(region).copied().unwrap_or(0) }
}

/// Returns the sum of the weights that count for routing.
pub(super) fn counted_total(regions: &BTreeMap<RegionId, RegionState>, weights: &Weights) -> u64 {
    weights.keys().map(|region| u64::from(counted_weight(regions, weights, region))).sum()
}

fn describe_shares(channel: Option<Channel>, old: &TrafficPlan, new: &PlanChange) -> Vec<String> {
    let own = |weights: &BTreeMap<Channel, Weights>| channel.and_then(|channel| weights.get(&channel).cloned());
    let before = own(&old.channel_weights).unwrap_or_else(|| old.weights.clone());
    let after = own(&new.channel_weights).unwrap_or_else(|| new.weights.clone());
    let name = channel.map_or_else(|| "all channels without weights of their own".to_owned(), |c| c.to_string());
    let mut lines: Vec<String> = both(&old.regions, &new.regions)
        .into_iter()
        .filter_map(|region| {
            let from = share_per_mille(&old.regions, &before, region);
            let to = share_per_mille(&new.regions, &after, region);
            (from != to).then(|| format!("{name}: {region} {} -> {}", percent(from), percent(to)))
        })
        .collect();
    if counted_total(&new.regions, &after) == 0 {
        lines.push(format!("{name}: no region may send"));
    }
    lines
}

fn describe_scopes(old: &TrafficPlan, new: &PlanChange) -> Vec<String> {
    let mut lines = Vec::new();
    for scope in both(&old.scopes, &new.scopes) {
        let Some(after) = new.scopes.get(scope) else {
            lines.push(format!("{scope}: no weights of its own any more"));
            continue;
        };
        let nowhere = counted_total(&new.regions, after) == 0;
        if nowhere && counted_total(&old.regions, old.weights_in(scope)) > 0 {
            lines.push(format!("{scope}: no region may send"));
        }
        if old.scopes.get(scope) == Some(after) || nowhere {
            continue;
        }
        let share = |region| format!("{region} {}", percent(share_per_mille(&new.regions, after, region)));
        lines.push(format!("{scope}: {}", new.regions.keys().map(share).collect::<Vec<_>>().join(", ")));
    }
    lines
}

fn describe_diverted(old: &TrafficPlan, new: &PlanChange) -> Vec<String> {
    let mut lines = Vec::new();
    for part in both(&old.diverted, &new.diverted) {
        let of = |diverted: Option<&Shares>, region| diverted.and_then(|shares| shares.get(region)).copied();
        for region in new.regions.keys() {
            let (before, after) = (of(old.diverted.get(part), region), of(new.diverted.get(part), region));
            if before != after {
                let [before, after] = [before, after].map(|share| percent(share.unwrap_or(1_000)));
                lines.push(format!("{} to {}: {region} {before} of its share -> {after}", part.0, part.1));
            }
        }
    }
    lines
}

fn percent(per_mille: u32) -> String {
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

fn both<'a, K: Ord, V>(old: &'a BTreeMap<K, V>, new: &'a BTreeMap<K, V>) -> Vec<&'a K> {
    let mut keys: Vec<&K> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    keys
}
