//! Which alarms a picture of the cluster calls for: lost, evacuated and unready regions, cut lines, held messages,
//! channels of which nothing is taken, and returns that are used up. What the replication knows of itself it raises
//! itself.

use std::collections::{BTreeMap, BTreeSet};

use model::Timestamp;
use model::alarm::{Alarm, AlarmName};
use model::channel::Channel;
use model::id::RegionId;
use model::plan::{Frozen, RegionState, TrafficPlan};
use service::ports::HealthReport;
use traffic::loss::SafetyRules;
use traffic::planning::share_per_mille;
use traffic::readiness::RegionReadiness;
use traffic::restart::{Return, expected_return, recent_returns};

use crate::health::HealthMode;
use crate::observations::Refused;

/// What a node knows at one moment.
pub(crate) struct Picture {
    /// The plans, the current one first; only the current one while nothing is evacuated.
    pub(crate) plans: Vec<TrafficPlan>,
    /// The time on the clock of plans, if it is known.
    pub(crate) now: Option<Timestamp>,
    pub(crate) lost: BTreeSet<RegionId>,
    pub(crate) readiness: RegionReadiness,
    pub(crate) cut: BTreeSet<(RegionId, RegionId)>,
    pub(crate) held: Held,
    pub(crate) refusing: BTreeMap<Channel, Refused>,
    /// What is found of the health of sending.
    pub(crate) health: HealthReport,
    /// What may change without a person.
    pub(crate) rules: SafetyRules,
}

/// How many messages of this node's partitions are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Held {
    /// So many were found.
    pub(crate) found: usize,
    /// Whether there may be more, because no further was looked.
    pub(crate) more: bool,
}

/// Raises what the picture calls for, in no order.
pub(crate) fn alarms(picture: &Picture) -> Vec<Alarm> {
    let mut alarms = region_alarms(picture);
    alarms.extend(picture.cut.iter().map(|(one, other)| {
        let text = format!("{one} and {other} don't hear each other; another region hears both");
        Alarm::new(AlarmName::LineCut, format!("{one} - {other}"), text)
    }));
    let Held { found, more } = picture.held;
    if found > 0 {
        let count = if more { format!("{found} or more") } else { found.to_string() };
        let text = format!("{count} messages of this node's partitions are held");
        alarms.push(Alarm::new(AlarmName::HeldMessages, "messages", text));
    }
    alarms.extend(health_alarms(&picture.health));
    alarms.extend(picture.refusing.iter().map(|(channel, refused)| {
        let text =
            format!("the last {} dispatches on {channel} from this node were all refused or failed", refused.count);
        Alarm::new(AlarmName::ProviderRefuses, channel.as_str(), text)
    }));
    alarms
}

/// What was moved away, and what would have been.
fn health_alarms(health: &HealthReport) -> Vec<Alarm> {
    let subject = |channel: &Channel, region: &RegionId| format!("{channel} from {region}");
    let acts = health.mode == HealthMode::Act.as_str();
    let away = health.views.iter().filter(|view| view.share_per_mille() < 1_000);
    let mut alarms: Vec<Alarm> = away
        .map(|view| {
            let (name, what) = match acts {
                true => (AlarmName::TrafficMoved, "has"),
                false => (AlarmName::FindingNotFollowed, "would have, if health were not only observed,"),
            };
            let share = view.share_per_mille();
            let text = format!("{} {what} {share} per mille of its {} traffic", view.region, view.channel);
            Alarm::new(name, subject(&view.channel, &view.region), text)
        })
        .collect();
    alarms.extend(health.moved.iter().map(|(channel, region, destination)| {
        let (name, what) = match acts {
            true => (AlarmName::TrafficMoved, "is sent"),
            false => (AlarmName::FindingNotFollowed, "would be sent, if health were not only observed,"),
        };
        let text = format!("what goes to {destination} {what} from other regions, it is ill from {region}");
        Alarm::new(name, format!("{channel} to {destination} from {region}"), text)
    }));
    for ((channel, region), why) in &health.not_followed {
        alarms.retain(|alarm| alarm.subject != subject(channel, region));
        alarms.push(Alarm::new(AlarmName::FindingNotFollowed, subject(channel, region), why));
    }
    alarms
}

fn region_alarms(picture: &Picture) -> Vec<Alarm> {
    let Some(plan) = picture.plans.first() else {
        return picture.lost.iter().map(|region| lost(region, "")).collect();
    };
    let frozen = |part: &Frozen| {
        Alarm::new(
            AlarmName::PlanFrozen,
            part.to_string(),
            format!("{part} is frozen: only persons change its traffic"),
        )
    };
    let mut alarms: Vec<Alarm> = plan.frozen.iter().map(frozen).collect();
    for region in plan.regions.keys().chain(&picture.lost).collect::<BTreeSet<_>>() {
        let share = share_per_mille(&plan.regions, &plan.weights, region);
        if picture.lost.contains(region) {
            let told = match plan.regions.get(region) {
                None => String::new(),
                Some(RegionState::Evacuated) => "; the plan gives it nothing".to_owned(),
                Some(_) => format!("; it STILL HAS {} per mille of the traffic", share),
            };
            alarms.push(lost(region, &told));
        } else if plan.state_of(region) == RegionState::Evacuated {
            alarms.extend(out_of_service(picture, region));
        } else if let Some(why) = picture.readiness.why_not(region).filter(|_| share > 0) {
            let text = format!("{region} has {share} per mille of the traffic and could not send: {why}");
            alarms.push(Alarm::new(AlarmName::RegionNotReady, region.as_str(), text));
        }
    }
    alarms
}

fn lost(region: &RegionId, told: &str) -> Alarm {
    Alarm::new(
        AlarmName::RegionLost,
        region.as_str(),
        format!("a majority of the regions hears no node of {region}{told}"),
    )
}

/// A region that is out is one alarm, and another one when it returns no more by itself because it did so too often.
fn out_of_service(picture: &Picture, region: &RegionId) -> Vec<Alarm> {
    let way = picture.now.map_or(Return::ByAPerson, |now| expected_return(&picture.plans, region, &picture.rules, now));
    let mut alarms = vec![evacuated(picture, region, way)];
    if let (Return::UsedUp, Some(now)) = (way, picture.now) {
        let returns = recent_returns(&picture.plans, region, now);
        let text = format!("{region} came back {returns} times within an hour; this time a person must restore it");
        alarms.push(Alarm::new(AlarmName::ReturnsUsedUp, region.as_str(), text));
    }
    alarms
}

fn evacuated(picture: &Picture, region: &RegionId, way: Return) -> Alarm {
    let out = picture.plans.iter().take_while(|plan| plan.state_of(region) == RegionState::Evacuated);
    let since = out.last().or(picture.plans.first());
    let why = since.map(|plan| format!(" since plan {}, by {}: {}", plan.epoch, plan.author, plan.reason));
    let next = match picture.readiness.why_not(region) {
        _ if way == Return::ByItself => "; it comes back when its nodes are ready".to_owned(),
        None if way == Return::WhenWell => "; it comes back when it has been well for long enough".to_owned(),
        Some(lacks) if way == Return::WhenWell => format!("; it comes back when it is well again: {lacks}"),
        Some(lacks) => format!("; it is not ready: {lacks}"),
        None => "; it is ready".to_owned(),
    };
    let text = format!("{region} gets nothing{}{next}", why.unwrap_or_default());
    Alarm::new(AlarmName::RegionEvacuated, region.as_str(), text)
}

#[cfg(test)]
mod tests;
