//! What the plan does about a finding, within the rules that an operator set.

use std::collections::{BTreeMap, BTreeSet};

use model::plan::{Author, Frozen, PlanChange, Scope, TrafficPlan, Weights};
use model::{Channel, Destination, RegionId};

use super::channel::{Finding, Subject};
use super::watcher::Wanted;
use crate::loss::SafetyRules;
use crate::planning::{
    Diversions, Diverting, PlanError, RuleBroken, Why, divert, gives_only_to_ready, share_per_mille, shared,
};
use crate::readiness::RegionReadiness;

/// Why a finding moves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the values are")]
pub enum NotFollowed {
    /// What goes to the destinations that have no place of their own fails, as far as is known together.
    #[error("they are many destinations, and none of them is known to be ill alone")]
    Others,
    #[error("{0} is frozen")]
    Frozen(Frozen),
    /// Nobody else could send, or too few would be left.
    #[error("{left} regions would be left to send on {channel}, and {needed} must")]
    TooFew { channel: Channel, left: usize, needed: usize },
    #[error(transparent)]
    Rule(#[from] RuleBroken),
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// Returns the change that gives a region the share of its traffic on a channel that it should have; `history` is the
/// line of plans, the current one first. Taking traffic from what is ill is never refused because it was done lately.
///
/// # Errors
/// Says which rule keeps it from being done.
pub fn answer(
    history: &[TrafficPlan],
    wanted: &Wanted,
    rules: &SafetyRules,
    readiness: &RegionReadiness,
) -> Result<PlanChange, NotFollowed> {
    let Wanted { share_per_mille, finding } = wanted;
    let (channel, region) = (finding.channel, finding.region.clone());
    let by_plan = |part| history.first().is_some_and(|plan| plan.frozen.contains(&part));
    let rules = &history.first().map_or_else(|| rules.clone(), |plan| rules.under(plan));
    if rules.frozen.covers(&region) {
        return Err(NotFollowed::Frozen(Frozen::Region(region)));
    }
    if by_plan(Frozen::Channel(channel)) {
        return Err(NotFollowed::Frozen(Frozen::Channel(channel)));
    }
    let destination = match &finding.subject {
        Subject::Channel => None,
        Subject::Destination(destination) if *destination == Destination::OTHER => return Err(NotFollowed::Others),
        Subject::Destination(destination) => Some(destination.clone()),
    };
    let diversions = Diversions::of(history);
    let has = match &destination {
        None => diversions.share(channel, &region),
        Some(destination) => diversions.share_to(channel, destination, &region),
    };
    let has = has.unwrap_or(1_000);
    let why = Why {
        author: Author::Automatic,
        reason: reason(finding, *share_per_mille),
        evidence: BTreeMap::from([("health".to_owned(), finding.evidence.chars().take(EVIDENCE_CHARS).collect())]),
    };
    let diverting = Diverting { channel, destination: destination.clone(), region, share_per_mille: *share_per_mille };
    let change = divert(history, &diverting, why)?;
    let Some(plan) = history.first() else { return Ok(change) };
    if *share_per_mille > has {
        gives_only_to_ready(plan, &change, readiness, &BTreeSet::new())?;
        return Ok(change);
    }
    let weights = match destination {
        None => change.weights_of(channel).clone(),
        Some(destination) => {
            let shares = change.diverted.get(&(channel, destination.clone())).cloned().unwrap_or_default();
            shared(change.weights_in(&Scope::Destination(channel, destination)), &shares)
        }
    };
    let (left, needed) = (able(&change, &weights, readiness), rules.serving_min.max(1));
    if left < needed { Err(NotFollowed::TooFew { channel, left, needed }) } else { Ok(change) }
}

/// The most of the evidence that a plan keeps.
const EVIDENCE_CHARS: usize = crate::planning::EVIDENCE_TEXT_MAX;

fn reason(finding: &Finding, share: u32) -> String {
    let Finding { channel, region, .. } = finding;
    let what = match &finding.subject {
        Subject::Channel => format!("{channel} from {region}"),
        Subject::Destination(destination) => format!("{channel} to {destination} from {region}"),
    };
    match share {
        0 => format!("{what} looks ill: the others have it"),
        1_000.. => format!("{what} is well: it has all of its traffic again"),
        share => format!("{what} looks well: it has {}.{} % of its traffic", share / 10, share % 10),
    }
}

/// Counts the regions that would send on a channel and could.
fn able(change: &PlanChange, weights: &Weights, readiness: &RegionReadiness) -> usize {
    let sends = |region: &&RegionId| share_per_mille(&change.regions, weights, region) > 0;
    change.regions.keys().filter(sends).filter(|region| readiness.can_stand_in(region)).count()
}

#[cfg(test)]
mod tests {
    use model::plan::Mode;
    use model::{NodeId, Timestamp};

    use super::*;
    use crate::health::Advice;
    use crate::loss::Freeze;
    use crate::planning::initial;
    use crate::readiness::NotReady;

    fn region(name: &str) -> RegionId {
        RegionId::new(name).expect("a name")
    }

    fn first() -> Vec<TrafficPlan> {
        let why = Why { author: Author::Automatic, reason: "first".to_owned(), evidence: BTreeMap::new() };
        let change = initial(Mode::ActiveActive, &["a", "b", "c"].map(region), why).expect("a plan");
        vec![change.into_plan(Timestamp(0))]
    }

    fn wanted(name: &str, share_per_mille: u32) -> Wanted {
        let finding = Finding {
            second: 0,
            channel: Channel::Sms,
            region: region(name),
            subject: Subject::Channel,
            advice: Advice::Shift { hold: 60 },
            evidence: "a: send errors 37 of 872".to_owned(),
        };
        Wanted { share_per_mille, finding }
    }

    fn ready(names: &[&str]) -> RegionReadiness {
        let silent = Some(NotReady::Silent { node: NodeId(1), ago: None });
        ["a", "b", "c"]
            .map(|name| (region(name), silent.clone().filter(|_| !names.contains(&name))))
            .into_iter()
            .collect()
    }

    #[test]
    fn traffic_leaves_what_is_ill_with_its_evidence() {
        let change =
            answer(&first(), &wanted("a", 0), &SafetyRules::default(), &ready(&["a", "b", "c"])).expect("a change");
        assert_eq!(change.channel_weights[&Channel::Sms][&region("a")], 0);
        assert_eq!(change.evidence["health"], "a: send errors 37 of 872");
        assert_eq!(change.weights, first()[0].weights, "other channels stay");
    }

    #[test]
    fn nothing_leaves_when_too_few_could_send() {
        let refused = answer(&first(), &wanted("a", 0), &SafetyRules::default(), &ready(&["a"]));
        assert_eq!(refused, Err(NotFollowed::TooFew { channel: Channel::Sms, left: 0, needed: 1 }));
        let rules = SafetyRules { serving_min: 2, ..SafetyRules::default() };
        assert!(answer(&first(), &wanted("a", 0), &rules, &ready(&["a", "b"])).is_err());
        assert!(answer(&first(), &wanted("a", 0), &rules, &ready(&["b", "c"])).is_ok());
    }

    #[test]
    fn what_is_frozen_stays_and_what_is_not_ready_gets_nothing() {
        let frozen = Freeze::Regions(BTreeSet::from([region("a")]));
        let rules = SafetyRules { frozen, ..SafetyRules::default() };
        let refused = answer(&first(), &wanted("a", 0), &rules, &ready(&["a", "b", "c"]));
        assert_eq!(refused, Err(NotFollowed::Frozen(Frozen::Region(region("a")))));
        for part in [Frozen::Region(region("a")), Frozen::Channel(Channel::Sms), Frozen::Everything] {
            let mut line = first();
            line[0].frozen.insert(part.clone());
            let refused = answer(&line, &wanted("a", 0), &SafetyRules::default(), &ready(&["a", "b", "c"]));
            assert!(matches!(refused, Err(NotFollowed::Frozen(_))), "{part}: {refused:?}");
            let other = answer(&line, &wanted("b", 0), &SafetyRules::default(), &ready(&["a", "b", "c"]));
            assert_eq!(other.is_ok(), part == Frozen::Region(region("a")), "{part}: {other:?}");
        }
        let mut history = first();
        let left = answer(&history, &wanted("a", 0), &SafetyRules::default(), &ready(&["b", "c"])).expect("a change");
        history.insert(0, left.into_plan(Timestamp(0)));
        let refused = answer(&history, &wanted("a", 250), &SafetyRules::default(), &ready(&["b", "c"]));
        assert!(matches!(refused, Err(NotFollowed::Rule(_))), "{refused:?}");
        let back = answer(&history, &wanted("a", 250), &SafetyRules::default(), &ready(&["a", "b", "c"]));
        assert!(back.is_ok(), "{back:?}");
    }

    #[test]
    fn one_destination_leaves_alone_and_comes_back_to_what_is_ready() {
        let to = |share_per_mille| {
            let mut wanted = wanted("a", share_per_mille);
            wanted.finding.subject = Subject::Destination(Destination::named("+44"));
            wanted
        };
        let (rules, all) = (SafetyRules::default(), ready(&["a", "b", "c"]));
        let mut history = first();
        let left = answer(&history, &to(0), &rules, &all).expect("a change");
        assert!(left.channel_weights.is_empty() && left.weights == history[0].weights, "nothing else moves");
        assert_eq!(left.reason, "SMS to +44 from a looks ill: the others have it");
        history.insert(0, left.into_plan(Timestamp(0)));
        let refused = answer(&history, &to(1_000), &rules, &ready(&["b", "c"]));
        assert!(matches!(refused, Err(NotFollowed::Rule(_))), "{refused:?}");
        assert!(answer(&history, &to(1_000), &rules, &all).expect("a change").diverted.is_empty());
        let mut others = to(0);
        others.finding.subject = Subject::Destination(Destination::OTHER);
        assert_eq!(answer(&history, &others, &rules, &all), Err(NotFollowed::Others));
        let too_few = answer(&first(), &to(0), &SafetyRules { serving_min: 3, ..rules }, &all);
        assert_eq!(too_few, Err(NotFollowed::TooFew { channel: Channel::Sms, left: 2, needed: 3 }));
    }
}
