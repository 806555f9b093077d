//! A region that was lost and is well again comes back by itself, where the rules say so: first with a small share of
//! what it had, then with more of it, then with all.
//!
//! What flows in: the line of plans, for how long each region has been well, and the rules. What flows out: the change
//! that is due now, if any. What always holds:
//!
//! - Only what a loss or a cut line took out comes back so; what a person or a restart took out has its own way.
//! - A region that isn't ready gets nothing, and one that is lost again meanwhile is out at once (`crate::loss`).
//! - One region at a time, each share held for a while, so that whoever sends badly is noticed at 5 % (`crate::health`).
//! - Who comes back again and again waits twice as long each time, and after [`SafetyRules::returns_per_hour`] times for
//!   a person.
//! - When somebody else changes the weights meanwhile, theirs are what counts, and the way back ends there.
//!
//! **In warm standby** it is a standby first. If it was the active one it gets a share of the active one's traffic, and
//! then the role and the weights that it had exchange back.
//!
//! **What is remembered, and where.** The plan's line says all of it, so that whoever leads knows it: the evidence names
//! the share that a region has on its way, and its full weights are those of the last plan in which it was out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::plan::{Author, Mode, PlanChange, RegionState, TrafficPlan, Weights};
use model::{RegionId, Timestamp};

use crate::loss::{FailbackRules, SafetyRules, lost_since};
use crate::planning::{Diversions, ShiftRequest, Why, failback, gives_only_to_ready, restore, shared, shift};
use crate::readiness::RegionReadiness;
use crate::restart::{BACK, Return, expected_return, recent_returns};

/// The shares that a region has one after the other, in per mille of what it had.
const SHARES: [u32; 3] = [50, 250, WHOLE];
const WHOLE: u32 = 1_000;
/// The evidence that says which share a region has on its way back: this and its name.
const RETURNING: &str = "returning.";
/// The longest that a region must have been well before it comes back.
const AFTER_MAX: Duration = Duration::from_secs(3_600);

/// What a step is decided from.
#[derive(Debug, Clone, Copy)]
pub struct Recovery<'a> {
    /// The line of plans from the current one backwards.
    pub history: &'a [TrafficPlan],
    /// For how long each region has been heard and ready without a break; one that isn't is missing.
    pub well: &'a BTreeMap<RegionId, Duration>,
    /// Which regions could send.
    pub readiness: &'a RegionReadiness,
    /// The time on the clock of plans.
    pub now: Timestamp,
}

/// Returns the next step of a region on its way back that is due; nothing when there is none.
pub fn next_step(recovery: &Recovery<'_>, rules: &SafetyRules) -> Option<PlanChange> {
    let failback = rules.failback?;
    let plan = recovery.history.first()?;
    let rules = &rules.under(plan);
    let returning = |region| Some((region, Returning::of(recovery.history, region)?));
    let change = match plan.regions.keys().find_map(returning) {
        Some((region, returning)) => returning.go_on(recovery, rules, failback, region),
        None => plan.regions.keys().find_map(|region| begin(recovery, rules, failback, region)),
    };
    change.filter(|change| gives_only_to_ready(plan, change, recovery.readiness, &BTreeSet::new()).is_ok())
}

/// Returns for how long a region must have been well before it comes back.
pub fn needed(history: &[TrafficPlan], region: &RegionId, rules: FailbackRules, now: Timestamp) -> Duration {
    let returns = u32::try_from(recent_returns(history, region, now)).unwrap_or(u32::MAX);
    rules.after.saturating_mul(2_u32.saturating_pow(returns)).min(AFTER_MAX.max(rules.after))
}

/// Gives a region that is out its first share.
fn begin(
    recovery: &Recovery<'_>,
    rules: &SafetyRules,
    failback: FailbackRules,
    region: &RegionId,
) -> Option<PlanChange> {
    let Recovery { history, well, now, .. } = *recovery;
    let (plan, (since, _)) = (history.first()?, lost_since(history, region)?);
    let well = *well.get(region)?;
    let expected = expected_return(history, region, rules, now) == Return::WhenWell;
    if !expected || well < needed(history, region, failback, now) {
        return None;
    }
    let before = Before::of(history, region)?;
    let stays = plan.mode == Mode::WarmStandby && before.state != RegionState::Active.as_str();
    let share = if stays { WHOLE } else { SHARES[0] };
    let mut why = why(region, share, format!("{region} was lost and is well for {} s", well.as_secs()));
    why.evidence.insert(format!("{BACK}{region}"), format!("well for {} s", well.as_secs()));
    why.evidence.insert("away_for".to_owned(), format!("{} s", now.since(since).as_secs()));
    let mut change = restore(plan, region, why).ok()?;
    before.give(&mut change, history, |weights| match plan.mode {
        Mode::ActiveActive => part(weights, region, share),
        Mode::WarmStandby => weights.clone(),
    });
    Some(change)
}

/// What a region had before it was lost.
struct Before<'a> {
    /// The plan that has its weights.
    full: &'a TrafficPlan,
    /// Its state.
    state: &'a str,
    /// The newest step of its way back; nothing when it isn't on it, nor was when it was lost.
    step: Option<(&'a TrafficPlan, u32)>,
}

impl<'a> Before<'a> {
    /// Looks it up for a region that is out because it was lost. When it was on its way back meanwhile, what it had
    /// before that counts.
    fn of(history: &'a [TrafficPlan], region: &RegionId) -> Option<Before<'a>> {
        let (_, state) = lost_since(history, region)?;
        let out = history.iter().take_while(|plan| plan.state_of(region) == RegionState::Evacuated).count();
        let (full, earlier) = (history.first()?, history.get(out..)?);
        match Returning::of(earlier, region) {
            Some(Returning { before, .. }) if earlier.first().is_some_and(|plan| plan.weights == full.weights) => {
                Some(before)
            }
            _ => Some(Before { full, state, step: None }),
        }
    }

    /// Makes weights from what it had: those of everything, and of each channel whose weights nobody else has changed
    /// since the newest step. What health moved it brings back itself, and knows it by the weights.
    fn give(&self, change: &mut PlanChange, history: &[TrafficPlan], make: impl Fn(&Weights) -> Weights) {
        change.weights = make(&self.full.weights);
        let moved = Diversions::of(history);
        for (channel, weights) in &mut change.channel_weights {
            let stepped = self.step.and_then(|(step, _)| step.channel_weights.get(channel));
            let untouched = !moved.covers(*channel) && stepped.is_none_or(|stepped| stepped == weights);
            if let Some(full) = self.full.channel_weights.get(channel).filter(|_| untouched) {
                *weights = make(full);
            }
        }
    }
}

/// A region on its way back.
struct Returning<'a> {
    share: u32,
    /// The plan that gave it this share.
    step: &'a TrafficPlan,
    before: Before<'a>,
}

impl<'a> Returning<'a> {
    /// Finds how far a region is; nothing when it isn't on its way, has all of its share, or somebody else has changed
    /// the weights or its state since.
    fn of(history: &'a [TrafficPlan], region: &RegionId) -> Option<Returning<'a>> {
        let plan = history.first()?;
        let key = format!("{RETURNING}{region}");
        let back = history.iter().take_while(|plan| plan.state_of(region) != RegionState::Evacuated).count();
        let step = |plan: &'a TrafficPlan| Some((plan, plan.evidence.get(&key)?.parse().ok()?));
        let (step, share) = history[..back].iter().find_map(step)?;
        let untouched = step.weights == plan.weights && step.state_of(region) == plan.state_of(region);
        let before = Before::of(&history[back..], region)?;
        let before = Before { step: Some((step, share)), ..before };
        (share < WHOLE && untouched).then_some(Returning { share, step, before })
    }

    fn go_on(
        &self,
        recovery: &Recovery<'_>,
        rules: &SafetyRules,
        failback: FailbackRules,
        region: &RegionId,
    ) -> Option<PlanChange> {
        let Recovery { history, well, now, .. } = *recovery;
        let plan = history.first()?;
        let held = well.get(region).copied()?.min(now.since(self.step.time));
        if held < failback.step || rules.frozen.covers(region) {
            return None;
        }
        let share = SHARES.into_iter().find(|share| *share > self.share)?;
        let why = why(region, share, format!("{region} is on its way back and well for {} s", held.as_secs()));
        if plan.mode == Mode::WarmStandby {
            return self.exchange(history, region, share, why);
        }
        let mut change = PlanChange { evidence: why.evidence, ..plan.change(why.author, why.reason) };
        self.before.give(&mut change, history, |weights| part(weights, region, share));
        Some(change)
    }

    /// Gives the standby a share of the active region's traffic; at last its role, with the weights from before that.
    fn exchange(&self, history: &[TrafficPlan], region: &RegionId, share: u32, why: Why) -> Option<PlanChange> {
        let plan = history.first()?;
        let (active, _) = plan.regions.iter().find(|(_, state)| **state == RegionState::Active)?;
        if share < WHOLE {
            let (from, to) = (active.clone(), region.clone());
            return shift(plan, &ShiftRequest { channel: None, from, to, share_per_mille: share }, why).ok();
        }
        let mut as_before = plan.change(Author::Automatic, String::new());
        self.before.give(&mut as_before, history, Weights::clone);
        let PlanChange { weights, channel_weights, .. } = as_before;
        failback(&TrafficPlan { weights, channel_weights, ..plan.clone() }, active, region, why).ok()
    }
}

/// Returns weights of which a region has a part of its own.
fn part(weights: &Weights, region: &RegionId, share: u32) -> Weights {
    if share == WHOLE { weights.clone() } else { shared(weights, &BTreeMap::from([(region.clone(), share)])) }
}

fn why(region: &RegionId, share: u32, reason: String) -> Why {
    let evidence = BTreeMap::from([(format!("{RETURNING}{region}"), share.to_string())]);
    let got = if share == WHOLE { "what it had".to_owned() } else { format!("{} % of it", share / 10) };
    Why { author: Author::Automatic, reason: format!("{reason}: it gets {got}"), evidence }
}
