//! Lost regions: who is believed, and what is done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::cluster::{NodeInfo, Nodes, RegionKind};
use model::plan::{Author, Frozen, Mode, RegionState, TrafficPlan};
use model::{BootTime, NodeId, RegionId, Timestamp};
use traffic::Why;
use traffic::loss::{Freeze, LossSettings, RegionLoss, SafetyRules, Situation, Verdict, decide};
use traffic::planning::{evacuate, freeze, initial, restore, unfreeze};
use traffic::readiness::{NotReady, RegionReadiness};

const SILENCE: u64 = 1_100;

fn region(name: &str) -> RegionId {
    RegionId::new(name).expect("a region's name")
}

fn at(milliseconds: u64) -> BootTime {
    BootTime(milliseconds * 1_000_000)
}

/// Nodes 1, 2, ... in the regions named, one after the other.
fn nodes(regions: &[&str]) -> Nodes {
    (1..)
        .zip(regions)
        .map(|(number, name)| {
            let id = NodeId(number);
            let (peer, grpc, rest_url) = (String::new(), String::new(), String::new());
            (id, NodeInfo { id, region: region(name), kind: RegionKind::Serving, peer, grpc, rest_url })
        })
        .collect()
}

fn watch(regions: &[&str]) -> RegionLoss {
    RegionLoss::new(LossSettings { silence: Duration::from_millis(SILENCE) }, &nodes(regions), at(0))
}

/// Each listed observer has reported all the time until `now`, and saw the listed subjects just then.
fn report(loss: &mut RegionLoss, now: u64, last_seen: &[(u64, &[u64])]) {
    for (observer, subjects) in last_seen {
        for earlier in (0..=now).rev().step_by(500).collect::<Vec<_>>().into_iter().rev() {
            loss.reported(NodeId(*observer), at(earlier));
        }
        for subject in *subjects {
            loss.seen(NodeId(*observer), NodeId(*subject), at(now));
        }
    }
}

fn lost(loss: &RegionLoss, now: u64) -> Vec<String> {
    loss.verdict(at(now)).into_iter().map(|verdict| verdict.region.to_string()).collect()
}

#[test]
fn a_region_that_both_others_miss_is_lost() {
    let mut loss = watch(&["a", "b", "c"]);
    report(&mut loss, 5_000, &[(1, &[2, 3]), (2, &[1, 3]), (3, &[1, 2])]);
    loss.renewed(&region("a"), at(5_000));
    report(&mut loss, 6_000, &[(2, &[3]), (3, &[2])]);
    assert!(lost(&loss, 6_099).is_empty(), "not silent for long enough");
    let verdicts = loss.verdict(at(6_100));
    assert_eq!((verdicts.len(), &verdicts[0].region, verdicts[0].last_sign), (1, &region("a"), at(5_000)));
    let expected = [
        ("last_seen_by.b", "1100 ms ago"),
        ("last_seen_by.c", "1100 ms ago"),
        ("lease_requested", "1100 ms ago"),
        ("lost_region", "a"),
        ("silence_needed", "1100 ms"),
        ("witnesses", "2, needs 2"),
    ];
    let expected: BTreeMap<String, String> = expected.map(|(key, value)| (key.into(), value.into())).into();
    assert_eq!(verdicts[0].evidence, expected);
}

#[test]
fn one_sign_of_life_is_enough() {
    let mut loss = watch(&["a", "b", "c"]);
    report(&mut loss, 6_000, &[(2, &[3]), (3, &[2])]);
    assert_eq!(lost(&loss, 6_001), ["a"]);
    let mut sees_again = loss.clone();
    sees_again.seen(NodeId(3), NodeId(1), at(5_500));
    assert!(lost(&sees_again, 6_001).is_empty(), "one observer still sees it");
    loss.renewed(&region("a"), at(5_500));
    assert!(lost(&loss, 6_001).is_empty(), "it still asks for its lease");
}

#[test]
fn who_is_cut_off_has_no_say() {
    let mut loss = watch(&["a", "b", "c"]);
    report(&mut loss, 6_000, &[(2, &[])]);
    assert!(lost(&loss, 6_001).is_empty(), "b alone sees nobody");
    report(&mut loss, 6_000, &[(3, &[])]);
    assert!(lost(&loss, 6_001).is_empty(), "everybody sees nobody");
    report(&mut loss, 6_000, &[(2, &[3]), (3, &[2])]);
    assert_eq!(lost(&loss, 6_001), ["a"]);
    assert!(lost(&loss, 7_200).is_empty(), "the reports are too old to be believed");
}

#[test]
fn silence_counts_from_the_beginning_of_the_tenure() {
    let mut loss = watch(&["a", "b", "c"]);
    report(&mut loss, 500, &[(2, &[3]), (3, &[2])]);
    assert!(lost(&loss, 1_099).is_empty());
    assert_eq!(lost(&loss, 1_100), ["a"]);
}

#[test]
fn who_was_silent_counts_again_after_reporting_for_as_long() {
    let mut loss = watch(&["a", "b", "c"]);
    report(&mut loss, 6_000, &[(2, &[3]), (3, &[2])]);
    for now in [8_000, 8_500, 9_000] {
        loss.reported(NodeId(2), at(now));
        report(&mut loss, now, &[(3, &[2])]);
        loss.seen(NodeId(2), NodeId(3), at(now));
    }
    assert!(lost(&loss, 9_099).is_empty(), "b was down until 8,000 and could see nobody");
    assert_eq!(lost(&loss, 9_100), ["a"]);
}

#[test]
fn a_region_that_joins_is_watched_from_then_on() {
    let mut loss = watch(&["a", "b", "c"]);
    loss.set_nodes(&nodes(&["a", "b", "c", "d"]), at(6_000));
    report(&mut loss, 7_000, &[(1, &[2, 3]), (2, &[1, 3]), (3, &[1, 2])]);
    assert!(lost(&loss, 7_099).is_empty());
    assert_eq!(lost(&loss, 7_100), ["d"]);
}

#[test]
fn any_node_of_a_region_speaks_for_it() {
    let mut loss = watch(&["a", "b", "c", "a", "b"]);
    report(&mut loss, 6_000, &[(2, &[3]), (3, &[2]), (5, &[3, 4])]);
    assert!(lost(&loss, 6_001).is_empty(), "node 5 of b sees node 4 of a");
    loss.set_nodes(&nodes(&["a", "b", "c"]), at(6_000));
    assert_eq!(lost(&loss, 6_001), ["a"], "nodes that left do not count");
}

#[test]
fn five_regions_may_lose_two_but_not_by_two_voices() {
    let mut loss = watch(&["a", "b", "c", "d", "e"]);
    report(&mut loss, 6_000, &[(3, &[4, 5]), (4, &[3, 5])]);
    assert!(lost(&loss, 6_001).is_empty());
    report(&mut loss, 6_000, &[(5, &[3, 4])]);
    assert_eq!(lost(&loss, 6_001), ["a", "b"]);
}

fn plan(mode: Mode) -> TrafficPlan {
    let why = Why { author: Author::Automatic, reason: "first".into(), evidence: BTreeMap::new() };
    initial(mode, &[region("a"), region("b"), region("c")], why).expect("a first plan").into_plan(Timestamp(0))
}

fn verdict(name: &str) -> Verdict {
    let evidence = BTreeMap::from([("witnesses".to_owned(), "2, needs 2".to_owned())]);
    Verdict { region: region(name), last_sign: at(0), evidence }
}

const NOW: Timestamp = Timestamp(10_000_000);

/// Every region is ready but those that are named.
fn readiness(unable: &[&str]) -> RegionReadiness {
    let why = |name: &str| {
        let reason = "not every group has caught up since the start".to_owned();
        unable.contains(&name).then_some(NotReady::Unable { node: NodeId(9), reason })
    };
    ["a", "b", "c"].map(|name| (region(name), why(name))).into_iter().collect()
}

fn states(plan: &TrafficPlan, lost: &[&str], rules: &SafetyRules) -> Option<Vec<&'static str>> {
    states_when(plan, lost, rules, &readiness(&[]))
}

fn states_when(
    plan: &TrafficPlan,
    lost: &[&str],
    rules: &SafetyRules,
    readiness: &RegionReadiness,
) -> Option<Vec<&'static str>> {
    let verdicts: Vec<Verdict> = lost.iter().map(|name| verdict(name)).collect();
    let change = decide(&Situation { plan, verdicts: &verdicts, readiness }, rules)?;
    assert_eq!(change.author, Author::Automatic);
    assert!(change.evidence.contains_key("witnesses"));
    Some(change.regions.values().map(|state| state.as_str()).collect())
}

#[test]
fn a_lost_region_is_evacuated_or_replaced() {
    let rules = SafetyRules::default();
    let spread = plan(Mode::ActiveActive);
    assert_eq!(states(&spread, &["b"], &rules), Some(vec!["active", "evacuated", "active"]));
    assert_eq!(states(&spread, &[], &rules), None);
    let warm = plan(Mode::WarmStandby);
    assert_eq!(states(&warm, &["a"], &rules), Some(vec!["evacuated", "active", "standby"]));
    assert_eq!(states(&warm, &["b"], &rules), Some(vec!["active", "evacuated", "standby"]));
    assert_eq!(states(&warm, &["a", "b"], &rules), Some(vec!["evacuated", "standby", "active"]), "b is lost too");
}

#[test]
fn what_is_done_already_or_would_end_service_is_not_done() {
    let rules = SafetyRules::default();
    let why = Why { author: Author::Automatic, reason: "earlier".into(), evidence: BTreeMap::new() };
    let without = evacuate(&plan(Mode::ActiveActive), &region("b"), why.clone()).expect("a change").into_plan(NOW);
    assert_eq!(states(&without, &["b"], &rules), None);
    let alone = evacuate(&without, &region("a"), why).expect("a change").into_plan(NOW);
    let frozen = SafetyRules { frozen: Freeze::Regions(["a", "b"].map(region).into()), ..SafetyRules::default() };
    assert_eq!(states(&alone, &["c"], &frozen), None);
    let everybody = states(&plan(Mode::ActiveActive), &["a", "b", "c"], &rules);
    assert_eq!(everybody, None);
    let none = SafetyRules { serving_min: 0, ..SafetyRules::default() };
    assert_eq!(states(&plan(Mode::ActiveActive), &["a", "b", "c"], &none), None, "one always must serve");
    let two = SafetyRules { serving_min: 2, ..SafetyRules::default() };
    assert_eq!(states(&without, &["a"], &two), None);
}

#[test]
fn when_the_last_region_is_lost_living_ones_that_were_taken_out_come_back() {
    let rules = SafetyRules::default();
    let why = Why { author: Author::Automatic, reason: "earlier".into(), evidence: BTreeMap::new() };
    let without = evacuate(&plan(Mode::ActiveActive), &region("b"), why.clone()).expect("a change").into_plan(NOW);
    let alone = evacuate(&without, &region("a"), why).expect("a change").into_plan(NOW);
    assert_eq!(states(&alone, &["c"], &rules), Some(vec!["active", "active", "evacuated"]));
    assert_eq!(states(&alone, &["c", "a"], &rules), Some(vec!["evacuated", "active", "evacuated"]));
    assert_eq!(states(&alone, &["a"], &rules), None, "it is out already, and c sends");
}

#[test]
fn a_frozen_region_stays_as_it_is() {
    let plan = plan(Mode::ActiveActive);
    let frozen = Freeze::Regions(BTreeSet::from([region("a")]));
    let rules = SafetyRules { frozen, ..SafetyRules::default() };
    assert_eq!(states(&plan, &["a"], &rules), None);
    assert_eq!(states(&plan, &["a", "b"], &rules), Some(vec!["active", "evacuated", "active"]));
    let rules = SafetyRules { frozen: Freeze::Everything, ..SafetyRules::default() };
    assert_eq!(states(&plan, &["b"], &rules), None);
}

/// What a person froze in the plan is frozen beside what the configuration freezes, until it is unfrozen.
#[test]
fn what_the_plan_freezes_stays_until_a_person_unfreezes_it() {
    let why = || Why { author: Author::Principal("ops".into()), reason: "test".into(), evidence: BTreeMap::new() };
    let config = SafetyRules { frozen: Freeze::Regions([region("b")].into()), ..SafetyRules::default() };
    for (part, takes_c_out) in [
        (Frozen::Region(region("a")), true),
        (Frozen::Channel(model::Channel::Sms), true),
        (Frozen::Region(region("c")), false),
        (Frozen::Everything, false),
    ] {
        let before = plan(Mode::ActiveActive);
        let frozen = freeze(&before, part.clone(), why()).expect("a change").into_plan(Timestamp(0));
        assert_eq!(states(&frozen, &["b"], &config), None, "{part}: the configuration's");
        assert_eq!(states(&frozen, &["c"], &config).is_some(), takes_c_out, "{part}");
        assert!(freeze(&frozen, part.clone(), why()).is_err());
        let again = unfreeze(&frozen, part.clone(), why()).expect("a change").into_plan(Timestamp(0));
        assert!(states(&again, &["c"], &config).is_some(), "{part}");
        assert!(unfreeze(&again, part, why()).is_err());
    }
}

#[test]
fn a_lost_region_is_taken_out_however_often_it_was_before() {
    let rules = SafetyRules { returns_per_hour: 1, ..SafetyRules::default() };
    let person = || Why { author: Author::Principal("ops".into()), reason: "back".into(), evidence: BTreeMap::new() };
    for mode in [Mode::ActiveActive, Mode::WarmStandby] {
        let mut plan = plan(mode);
        for round in 0..20 {
            let lost = plan.regions.iter().find(|(_, state)| **state == RegionState::Active).expect("one").0.clone();
            let verdicts = [verdict(lost.as_str())];
            let situation = Situation { plan: &plan, verdicts: &verdicts, readiness: &readiness(&[]) };
            let change =
                decide(&situation, &rules).unwrap_or_else(|| panic!("{mode}: {lost} keeps its share, {round}"));
            plan = change.into_plan(NOW);
            assert_eq!(plan.state_of(&lost), RegionState::Evacuated);
            plan = restore(&plan, &lost, person()).expect("a change").into_plan(NOW);
        }
    }
}

#[test]
fn who_could_not_send_takes_nobody_s_place() {
    let rules = SafetyRules::default();
    let warm = plan(Mode::WarmStandby);
    let instead = states_when(&warm, &["a"], &rules, &readiness(&["b"]));
    assert_eq!(instead, Some(vec!["evacuated", "standby", "active"]));
    assert_eq!(states_when(&warm, &["a"], &rules, &readiness(&["b", "c"])), None);

    let why = Why { author: Author::Automatic, reason: "earlier".into(), evidence: BTreeMap::new() };
    let without = evacuate(&plan(Mode::ActiveActive), &region("b"), why.clone()).expect("a change").into_plan(NOW);
    let back = states_when(&without, &["c"], &rules, &readiness(&["a"]));
    assert_eq!(back, Some(vec!["active", "active", "evacuated"]), "a sends nothing yet, so that b must");
    let alone = evacuate(&without, &region("a"), why).expect("a change").into_plan(NOW);
    assert_eq!(states_when(&alone, &["c"], &rules, &readiness(&["a"])), Some(vec!["evacuated", "active", "evacuated"]));
    assert_eq!(states_when(&alone, &["c"], &rules, &readiness(&["a", "b"])), None);
}

#[test]
fn an_election_that_the_loss_caused_keeps_nobody_from_taking_the_place() {
    let waits = NotReady::Waiting { node: NodeId(2), reason: "group 1 has no leader".into() };
    let waiting = ["a", "b", "c"].map(|name| (region(name), Some(waits.clone()))).into_iter().collect();
    let warm = plan(Mode::WarmStandby);
    let expected = Some(vec!["evacuated", "active", "standby"]);
    assert_eq!(states_when(&warm, &["a"], &SafetyRules::default(), &waiting), expected);
}
