//! Each alarm is raised by what it is for, and by nothing else.

use std::time::Duration;

use model::id::NodeId;
use model::plan::{Author, Frozen, Mode, PlanChange};
use model::time::BootTime;
use traffic::health::Standing;
use traffic::loss::{FailbackRules, SafetyRules, Situation, Verdict, decide};
use traffic::observed::ChannelView;
use traffic::planning::{Why, evacuate, initial};
use traffic::readiness::NotReady;
use traffic::restart::{Restarting, come_back, leave};

use super::*;

const NOW: Timestamp = Timestamp(10_000_000);

fn region(name: &str) -> RegionId {
    RegionId::new(name).expect("a region's name")
}

fn readiness(lacking: &[&str]) -> RegionReadiness {
    let lacks = |name: &str| lacking.contains(&name).then_some(NotReady::Silent { node: NodeId(2), ago: None });
    ["a", "b", "c"].map(|name| (region(name), lacks(name))).into_iter().collect()
}

fn why() -> Why {
    Why { author: Author::Principal("ops".into()), reason: "carrier outage".into(), evidence: BTreeMap::new() }
}

/// All is well.
fn fine() -> Picture {
    let plan = initial(Mode::ActiveActive, &["a", "b", "c"].map(region), why()).expect("a first plan").into_plan(NOW);
    Picture {
        plans: vec![plan],
        now: Some(NOW),
        lost: BTreeSet::new(),
        readiness: readiness(&[]),
        cut: BTreeSet::new(),
        held: Held::default(),
        refusing: BTreeMap::new(),
        health: HealthReport::default(),
        rules: SafetyRules::default(),
    }
}

fn commit(picture: &mut Picture, change: PlanChange) {
    picture.plans.insert(0, change.into_plan(NOW));
}

fn raised(picture: &Picture) -> Vec<(AlarmName, String)> {
    alarms(picture).into_iter().map(|alarm| (alarm.name, alarm.subject)).collect()
}

#[test]
fn a_healthy_cluster_raises_nothing() {
    assert_eq!(alarms(&fine()), []);
}

#[test]
fn a_lost_region_is_told_once_and_whether_it_still_has_a_share() {
    let mut picture = fine();
    picture.lost.insert(region("b"));
    picture.readiness = readiness(&["b"]);
    assert_eq!(raised(&picture), [(AlarmName::RegionLost, "b".to_owned())]);
    assert!(alarms(&picture)[0].text.contains("STILL HAS 333 per mille"));
    let out = evacuate(&picture.plans[0], &region("b"), why()).expect("a change");
    commit(&mut picture, out);
    assert_eq!(raised(&picture), [(AlarmName::RegionLost, "b".to_owned())]);
    assert!(alarms(&picture)[0].text.contains("gives it nothing"));
    picture.plans.clear();
    assert_eq!(raised(&picture), [(AlarmName::RegionLost, "b".to_owned())], "the plan isn't known");
}

#[test]
fn an_evacuated_region_is_told_with_the_reason_of_its_evacuation() {
    let mut picture = fine();
    let out = evacuate(&picture.plans[0], &region("b"), why()).expect("a change");
    commit(&mut picture, out);
    let later = picture.plans[0].change(Author::Automatic, "something else".into());
    commit(&mut picture, later);
    assert_eq!(raised(&picture), [(AlarmName::RegionEvacuated, "b".to_owned())]);
    let text = alarms(&picture)[0].text.clone();
    assert!(text.contains("since plan 2, by ops: carrier outage") && text.contains("it is ready"), "{text}");
    picture.readiness = readiness(&["b"]);
    assert_eq!(raised(&picture), [(AlarmName::RegionEvacuated, "b".to_owned())], "it has no share to send");
    assert!(alarms(&picture)[0].text.contains("not ready: node 2 was never heard"));
}

#[test]
fn a_lost_region_that_comes_back_by_itself_is_told_as_such() {
    let mut picture = fine();
    let verdict = Verdict { region: region("b"), last_sign: BootTime(0), evidence: BTreeMap::new() };
    let situation = Situation { plan: &picture.plans[0], verdicts: &[verdict], readiness: &picture.readiness };
    let out = decide(&situation, &picture.rules).expect("a change");
    commit(&mut picture, out);
    assert!(alarms(&picture)[0].text.ends_with("; it is ready"), "a person decides: {:?}", alarms(&picture));
    let failback = FailbackRules { after: Duration::from_secs(1), step: Duration::from_secs(1) };
    picture.rules.failback = Some(failback);
    assert!(alarms(&picture)[0].text.ends_with("well for long enough"), "{:?}", alarms(&picture));
    picture.readiness = readiness(&["b"]);
    assert!(alarms(&picture)[0].text.contains("comes back when it is well again: node 2"), "{:?}", alarms(&picture));
}

#[test]
fn a_region_with_a_share_that_could_not_send_is_told() {
    let mut picture = fine();
    picture.readiness = readiness(&["c"]);
    assert_eq!(raised(&picture), [(AlarmName::RegionNotReady, "c".to_owned())]);
    picture.plans[0].weights.insert(region("c"), 0);
    assert_eq!(raised(&picture), [], "it has nothing to send");
}

#[test]
fn returns_that_are_used_up_are_told() {
    let mut picture = fine();
    let b = region("b");
    let (who, rules, ready) = (Restarting { node: NodeId(2), region: &b }, SafetyRules::default(), readiness(&[]));
    for _ in 0..rules.returns_per_hour {
        let out = leave(&picture.plans, who, &rules, &ready).expect("a change");
        commit(&mut picture, out);
        assert_eq!(raised(&picture), [(AlarmName::RegionEvacuated, "b".to_owned())]);
        assert!(alarms(&picture)[0].text.contains("it comes back when its nodes are ready"));
        let back = come_back(&picture.plans, who, &rules, &ready, NOW).expect("a change");
        commit(&mut picture, back);
        assert_eq!(raised(&picture), []);
    }
    let out = leave(&picture.plans, who, &rules, &ready).expect("a change");
    commit(&mut picture, out);
    assert_eq!(come_back(&picture.plans, who, &rules, &ready, NOW), None);
    let expected = [(AlarmName::RegionEvacuated, "b".to_owned()), (AlarmName::ReturnsUsedUp, "b".to_owned())];
    assert_eq!(raised(&picture), expected);
    let text = alarms(&picture).into_iter().map(|alarm| alarm.text).collect::<String>();
    assert!(!text.contains("comes back when"), "it doesn't: {text}");
}

#[test]
fn cut_lines_held_messages_and_refusals_are_told() {
    let mut picture = fine();
    picture.cut.insert((region("a"), region("b")));
    assert_eq!(raised(&picture), [(AlarmName::LineCut, "a - b".to_owned())]);
    let mut picture = fine();
    picture.held = Held { found: 3, more: false };
    assert_eq!(raised(&picture), [(AlarmName::HeldMessages, "messages".to_owned())]);
    assert!(alarms(&picture)[0].text.starts_with("3 messages"));
    picture.held.more = true;
    assert!(alarms(&picture)[0].text.starts_with("3 or more messages"));
    let mut picture = fine();
    picture.refusing.insert(Channel::Sms, Refused { count: 7, last: BootTime(0) });
    assert_eq!(raised(&picture), [(AlarmName::ProviderRefuses, "SMS".to_owned())]);
}

#[test]
fn what_is_frozen_is_told_for_as_long_as_it_is() {
    let mut picture = fine();
    picture.plans[0].frozen.extend([Frozen::Region(region("a")), Frozen::Channel(Channel::Sms)]);
    let frozen = |subject: &str| (AlarmName::PlanFrozen, subject.to_owned());
    assert_eq!(raised(&picture), [frozen("a"), frozen("channel SMS")]);
    picture.plans[0].frozen.clear();
    assert_eq!(raised(&picture), []);
}

#[test]
fn moved_traffic_is_told_and_a_finding_that_moves_nothing_with_its_rule() {
    let mut picture = fine();
    let view = |name, standing| ChannelView { channel: Channel::Sms, region: region(name), standing, score: 12.0 };
    let views = vec![view("a", Standing::Away), view("b", Standing::Serving), view("c", Standing::Returning(0.05))];
    picture.health = HealthReport { mode: "act", views, ..HealthReport::default() };
    let moved = |name: &str| (AlarmName::TrafficMoved, format!("SMS from {name}"));
    assert_eq!(raised(&picture), [moved("a"), moved("c")]);
    assert!(alarms(&picture)[1].text.contains("50 per mille"), "{:?}", alarms(&picture));
    let why = "a: send errors 5 of 5; not moved: a is frozen".to_owned();
    picture.health.not_followed.insert((Channel::Sms, region("a")), why.clone());
    let told = alarms(&picture);
    assert_eq!(told.len(), 2, "each once: {told:?}");
    assert_eq!((told[1].name, &told[1].text), (AlarmName::FindingNotFollowed, &why));
    picture.health = HealthReport { mode: "observe", not_followed: BTreeMap::new(), ..picture.health };
    assert!(alarms(&picture).iter().all(|alarm| alarm.name == AlarmName::FindingNotFollowed));
}
