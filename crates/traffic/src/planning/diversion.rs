//! Traffic of a channel that health moved away from a region, and how it comes back: weights of the channel's own, and
//! evidence in the plan that says what they were before.
//!
//! **What is remembered, and where.** The plan's line says all of it, so that whoever leads knows it. The newest plan
//! that health made for a channel names the regions that are away with the share that they have, and the weights before.
//! When somebody else has changed the channel's weights since, these are what counts, and health lets go of the channel.

use std::collections::BTreeMap;

use model::plan::{PlanChange, Scope, Shares, TrafficPlan, WEIGHT_MAX, Weights};
use model::{Channel, Destination, RegionId};

use super::changes::{begin, finish};
use super::difference::counted_total;
use super::{PlanError, Why};

/// What the evidence of every plan of health begins with; the channel and what is said of it follow.
const HEALTH: &str = "health.";
/// What there is to divide, in per mille.
const WHOLE: u32 = 1_000;
/// What a channel without weights of its own has before.
const NONE: &str = "none";

/// What health moved, by channel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diversions {
    channels: BTreeMap<Channel, Diversion>,
    /// As the plan has it.
    destinations: BTreeMap<(Channel, Destination), Shares>,
}

/// What health moved on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Diversion {
    /// The weights of its own that the channel had before.
    before: Option<Weights>,
    /// Which share of its traffic each region has meanwhile, in per mille below [`WHOLE`].
    shares: BTreeMap<RegionId, u32>,
}

/// A share of its traffic on a channel that a region is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Diverting {
    pub channel: Channel,
    /// Only what goes there; nothing for the whole channel.
    pub destination: Option<Destination>,
    pub region: RegionId,
    /// 0 to 1,000; of what it would have if health had moved nothing.
    pub share_per_mille: u32,
}

impl Diversions {
    /// Reads what is moved now from the line of plans, the current one first.
    pub fn of(history: &[TrafficPlan]) -> Diversions {
        let mut found = BTreeMap::new();
        let Some(current) = history.first() else { return Diversions::default() };
        for plan in history {
            for (channel, own) in &current.channel_weights {
                if plan.channel_weights.get(channel) != Some(own) {
                    continue;
                }
                if let Some(diversion) = Diversion::read(plan, *channel) {
                    found.entry(*channel).or_insert(diversion);
                }
            }
        }
        found.retain(|_, diversion| !diversion.shares.is_empty());
        Diversions { channels: found, destinations: current.diverted.clone() }
    }

    /// Returns the destinations of which a region has less than its share on a channel.
    pub fn destinations(&self, channel: Channel, region: &RegionId) -> impl Iterator<Item = &Destination> {
        let of_region =
            move |(part, shares): &(&(Channel, Destination), &Shares)| part.0 == channel && shares.contains_key(region);
        self.destinations.iter().filter(of_region).map(|(part, _)| &part.1)
    }

    /// Returns of which destinations something was moved away from which region.
    pub fn all_destinations(&self) -> Vec<(Channel, RegionId, Destination)> {
        let regions = |((channel, destination), shares): (&(Channel, Destination), &Shares)| -> Vec<_> {
            shares.keys().map(|region| (*channel, region.clone(), destination.clone())).collect()
        };
        self.destinations.iter().flat_map(regions).collect()
    }

    /// Returns which share of what goes to a destination a region has, in per mille, where some of it was moved away.
    pub fn share_to(&self, channel: Channel, destination: &Destination, region: &RegionId) -> Option<u32> {
        self.destinations.get(&(channel, destination.clone()))?.get(region).copied()
    }

    /// Returns which share of its traffic on a channel a region has, in per mille, where health moved some of it away.
    pub fn share(&self, channel: Channel, region: &RegionId) -> Option<u32> {
        self.channels.get(&channel)?.shares.get(region).copied()
    }

    /// Says whether health moved something on a channel.
    pub fn covers(&self, channel: Channel) -> bool {
        self.channels.contains_key(&channel)
    }

    /// Says whether health moved nothing.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.destinations.is_empty()
    }
}

/// Gives a region another share of its traffic on a channel; `history` is the line of plans, the current one first. When
/// the last region has all of its traffic again, the weights are what they were.
///
/// # Errors
/// When there is no plan, the region isn't in it, or nobody would send on the channel any more.
pub fn divert(history: &[TrafficPlan], diverting: &Diverting, why: Why) -> Result<PlanChange, PlanError> {
    let Diverting { channel, destination, region, share_per_mille } = diverting;
    let plan = history.first().ok_or_else(|| PlanError::UnknownRegion(region.clone()))?;
    if !plan.regions.contains_key(region) {
        return Err(PlanError::UnknownRegion(region.clone()));
    }
    if let Some(destination) = destination {
        return divert_destination(plan, (*channel, destination.clone()), diverting, why);
    }
    let own = plan.channel_weights.get(channel).cloned();
    let known = Diversions::of(history).channels.remove(channel);
    let Diversion { before, mut shares } = known.unwrap_or(Diversion { before: own, shares: BTreeMap::new() });
    match *share_per_mille {
        WHOLE.. => drop(shares.remove(region)),
        share => drop(shares.insert(region.clone(), share)),
    }
    let weights = shared(before.as_ref().unwrap_or(&plan.weights), &shares);
    if counted_total(&plan.regions, &weights) == 0 {
        return Err(PlanError::NoWeight(*channel));
    }
    let mut change = begin(plan, why);
    Diversion { before: before.clone(), shares: shares.clone() }.write(&mut change, *channel);
    match (shares.is_empty(), before) {
        (true, None) => drop(change.channel_weights.remove(channel)),
        (true, Some(before)) => drop(change.channel_weights.insert(*channel, before)),
        (false, _) => drop(change.channel_weights.insert(*channel, weights)),
    }
    finish(plan, change)
}

/// The same for what goes to one destination: the plan says itself which share a region has.
fn divert_destination(
    plan: &TrafficPlan,
    part: (Channel, Destination),
    diverting: &Diverting,
    why: Why,
) -> Result<PlanChange, PlanError> {
    let Diverting { region, share_per_mille, .. } = diverting;
    let mut shares = plan.diverted.get(&part).cloned().unwrap_or_default();
    match *share_per_mille {
        WHOLE.. => drop(shares.remove(region)),
        share => drop(shares.insert(region.clone(), share)),
    }
    let weights = plan.weights_in(&Scope::Destination(part.0, part.1.clone()));
    if counted_total(&plan.regions, &shared(weights, &shares)) == 0 {
        return Err(PlanError::NoWeight(part.0));
    }
    let mut change = begin(plan, why);
    match shares.is_empty() {
        true => drop(change.diverted.remove(&part)),
        false => drop(change.diverted.insert(part, shares)),
    }
    finish(plan, change)
}

/// Returns weights of which these regions have a share only, in per mille. All are multiplied where that makes shares
/// whole.
pub(crate) fn shared(weights: &Weights, shares: &BTreeMap<RegionId, u32>) -> Weights {
    let largest = weights.values().copied().max().unwrap_or(0);
    let factor = if largest <= WEIGHT_MAX / WHOLE { WHOLE } else { 1 };
    let weight = |(region, weight): (&RegionId, &u32)| {
        let weight = u64::from(weight * factor);
        let of = shares.get(region).map_or(weight, |share| (weight * u64::from(*share)).div_ceil(u64::from(WHOLE)));
        (region.clone(), u32::try_from(of).unwrap_or(WEIGHT_MAX))
    };
    weights.iter().map(weight).collect()
}

impl Diversion {
    fn read(plan: &TrafficPlan, channel: Channel) -> Option<Diversion> {
        let before = plan.evidence.get(&key(channel, "before"))?;
        let before = if before == NONE { None } else { Some(numbers(before)) };
        Some(Diversion { before, shares: numbers(plan.evidence.get(&key(channel, "shares"))?) })
    }

    fn write(&self, change: &mut PlanChange, channel: Channel) {
        let before = self.before.as_ref().map_or_else(|| NONE.to_owned(), text);
        change.evidence.insert(key(channel, "before"), before);
        change.evidence.insert(key(channel, "shares"), text(&self.shares));
    }
}

fn key(channel: Channel, what: &str) -> String {
    format!("{HEALTH}{channel}.{what}")
}

fn text(numbers: &BTreeMap<RegionId, u32>) -> String {
    numbers.iter().map(|(region, number)| format!("{region}={number}")).collect::<Vec<_>>().join(" ")
}

fn numbers(text: &str) -> BTreeMap<RegionId, u32> {
    let number = |pair: &str| {
        let (region, number) = pair.split_once('=')?;
        Some((RegionId::new(region).ok()?, number.parse().ok()?))
    };
    text.split_whitespace().filter_map(number).collect()
}

#[cfg(test)]
mod tests {
    use model::Timestamp;
    use model::plan::{Author, Mode};
    use proptest::prelude::*;

    use super::super::{initial, set_weights};
    use super::*;

    const REGIONS: [&str; 3] = ["a", "b", "c"];

    fn region(name: &str) -> RegionId {
        RegionId::new(name).expect("a name")
    }

    fn why() -> Why {
        Why { author: Author::Automatic, reason: "why".to_owned(), evidence: BTreeMap::new() }
    }

    fn first() -> Vec<TrafficPlan> {
        let change = initial(Mode::ActiveActive, &REGIONS.map(region), why()).expect("a plan");
        vec![change.into_plan(Timestamp(0))]
    }

    fn commit(history: &mut Vec<TrafficPlan>, change: PlanChange) {
        history.insert(0, change.into_plan(Timestamp(0)));
    }

    fn diverting(channel: Channel, name: &str, share_per_mille: u32) -> Diverting {
        Diverting { channel, destination: None, region: region(name), share_per_mille }
    }

    #[test]
    fn what_was_moved_comes_back_to_what_it_was() {
        let mut history = first();
        for own in [None, Some(BTreeMap::from([(region("a"), 1), (region("b"), 3)]))] {
            if let Some(own) = own.clone() {
                let change = set_weights(&history[0], Some(Channel::Sms), own, why()).expect("a change");
                commit(&mut history, change);
            }
            for share in [0, 50, 250, 1_000] {
                let change = divert(&history, &diverting(Channel::Sms, "a", share), why()).expect("a change");
                commit(&mut history, change);
                let moved = (share < 1_000).then_some(share);
                assert_eq!(Diversions::of(&history).share(Channel::Sms, &region("a")), moved);
                assert_eq!(Diversions::of(&history).share(Channel::Email, &region("a")), None);
            }
            assert_eq!(history[0].channel_weights.get(&Channel::Sms), own.as_ref());
        }
    }

    #[test]
    fn weights_that_a_person_gives_end_it() {
        let mut history = first();
        let change = divert(&history, &diverting(Channel::Sms, "a", 0), why()).expect("a change");
        commit(&mut history, change);
        let by_hand = set_weights(&history[0], Some(Channel::Sms), BTreeMap::from([(region("c"), 5)]), why());
        commit(&mut history, by_hand.expect("a change"));
        assert!(Diversions::of(&history).is_empty());
    }

    #[test]
    fn the_last_region_stays() {
        let mut history = first();
        for name in ["a", "b"] {
            let change = divert(&history, &diverting(Channel::Sms, name, 0), why()).expect("a change");
            commit(&mut history, change);
        }
        let refused = divert(&history, &diverting(Channel::Sms, "c", 0), why());
        assert_eq!(refused, Err(PlanError::NoWeight(Channel::Sms)));
        let unknown = divert(&history, &diverting(Channel::Sms, "d", 0), why());
        assert_eq!(unknown, Err(PlanError::UnknownRegion(region("d"))));
    }

    proptest! {
        /// Whatever is moved and comes back in which order: others keep their proportions, and at the end all is as it
        /// was.
        #[test]
        fn only_the_named_region_s_weight_changes(
            steps in prop::collection::vec((0_usize..3, 0_u32..=1_000), 1..12),
        ) {
            let mut history = first();
            for (at, share) in steps {
                let moved = diverting(Channel::Email, REGIONS[at], share);
                if let Ok(change) = divert(&history, &moved, why()) {
                    commit(&mut history, change);
                    let shares = Diversions::of(&history);
                    let plan = &history[0];
                    for (region, weight) in plan.weights_of(Channel::Email) {
                        let full = plan.weights[region] * if shares.is_empty() { 1 } else { WHOLE };
                        let share = shares.share(Channel::Email, region).unwrap_or(WHOLE);
                        prop_assert_eq!(*weight, (full * share).div_ceil(WHOLE));
                    }
                }
            }
            for name in REGIONS {
                if let Ok(change) = divert(&history, &diverting(Channel::Email, name, 1_000), why()) {
                    commit(&mut history, change);
                }
            }
            prop_assert!(history[0].channel_weights.is_empty());
        }
    }
}
