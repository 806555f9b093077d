//! Changes of the plan: what they leave, what they refuse, and what `check` lets through.

use std::collections::BTreeMap;

use model::plan::{Author, Mode, PlanChange, RegionState, Scope, TrafficPlan, WEIGHT_MAX, Weights};
use model::{AppId, Channel, Destination, Epoch, RegionId, Timestamp};
use proptest::prelude::*;
use traffic::planning::{
    EVIDENCE_MAX, Override, Part, REGIONS_MAX, RuleBroken, SCOPES_MAX, ShiftRequest, check, describe_difference,
    evacuate, failback, failover, initial, keeps_two_regions, restore, set_weights, share_per_mille, shift, withdraw,
};
use traffic::{PlanError, Why};

fn region(name: &str) -> RegionId {
    RegionId::new(name).expect("a region's name")
}

fn why() -> Why {
    Why { author: Author::Principal("ops".into()), reason: "test".into(), evidence: BTreeMap::new() }
}

fn first(mode: Mode) -> TrafficPlan {
    let regions = [region("a"), region("b"), region("c")];
    initial(mode, &regions, why()).expect("a first plan").into_plan(Timestamp(1))
}

fn commit(change: Result<PlanChange, PlanError>) -> TrafficPlan {
    change.expect("a valid change").into_plan(Timestamp(2))
}

fn shift_of(channel: Option<Channel>, from: &str, to: &str, share_per_mille: u32) -> ShiftRequest {
    ShiftRequest { channel, from: region(from), to: region(to), share_per_mille }
}

fn weights(plan: &TrafficPlan) -> Vec<u32> {
    plan.weights.values().copied().collect()
}

fn states(plan: &TrafficPlan) -> Vec<&'static str> {
    plan.regions.values().map(|state| state.as_str()).collect()
}

#[test]
fn first_plans_read_as_per_mille() {
    let plan = first(Mode::ActiveActive);
    assert_eq!((plan.epoch, plan.parent), (Epoch(1), Epoch(0)));
    assert_eq!((weights(&plan), states(&plan)), (vec![334, 333, 333], vec!["active", "active", "active"]));
    let plan = first(Mode::WarmStandby);
    assert_eq!((weights(&plan), states(&plan)), (vec![900, 50, 50], vec!["active", "standby", "standby"]));
    assert_eq!(initial(Mode::ActiveActive, &[], why()), Err(PlanError::Regions(0)));
    let many: Vec<RegionId> = (0..=REGIONS_MAX).map(|number| region(&format!("r{number}"))).collect();
    assert_eq!(initial(Mode::WarmStandby, &many, why()), Err(PlanError::Regions(REGIONS_MAX + 1)));
    assert!(initial(Mode::WarmStandby, &many[1..], why()).is_ok());
}

#[test]
fn a_shift_moves_a_share_of_the_whole() {
    let plan = first(Mode::ActiveActive);
    let after = commit(shift(&plan, &shift_of(None, "a", "b", 100), why()));
    assert_eq!((weights(&after), after.epoch), (vec![234, 433, 333], Epoch(2)));
    let after = commit(shift(&plan, &shift_of(Some(Channel::Sms), "a", "b", 334), why()));
    assert_eq!(weights(&after), weights(&plan));
    assert_eq!(after.weights_of(Channel::Sms)[&region("a")], 0);
    let refused = shift(&plan, &shift_of(None, "a", "b", 335), why());
    assert!(matches!(refused, Err(PlanError::ShareTooLarge { has_per_mille: 334, wanted_per_mille: 335, .. })));
    assert_eq!(shift(&plan, &shift_of(None, "a", "a", 1), why()), Err(PlanError::SameRegion(region("a"))));
    assert_eq!(shift(&plan, &shift_of(None, "a", "x", 1), why()), Err(PlanError::UnknownRegion(region("x"))));
    for bad in [0, 1_001] {
        assert_eq!(shift(&plan, &shift_of(None, "a", "b", bad), why()), Err(PlanError::Share(bad)));
    }
}

/// An app whose messages a person sends from one region only.
fn pinned(mode: Mode) -> TrafficPlan {
    let only_a = Weights::from([(region("a"), 1)]);
    commit(set_weights(&first(mode), Part::Scope(Scope::App(AppId(7))), only_a, why()))
}

#[test]
fn nothing_but_a_person_changes_the_weights_of_an_app_or_a_destination() {
    let plan = pinned(Mode::WarmStandby);
    let lost = commit(failover(&plan, &region("a"), &region("b"), why()));
    let shifted = commit(shift(&plan, &shift_of(None, "a", "b", 10), why()));
    let back = commit(failback(&plan, &region("a"), &region("b"), why()));
    for after in [lost, shifted, back] {
        assert_eq!(after.scopes, plan.scopes);
    }
}

#[test]
fn a_change_says_when_it_leaves_an_app_nowhere_to_be_sent_from() {
    let plan = pinned(Mode::ActiveActive);
    let change = evacuate(&plan, &region("a"), why()).expect("a change");
    let lines = describe_difference(&plan, &change);
    let expected = format!("app {}: no region may send", AppId(7));
    assert!(lines.contains(&expected), "{lines:?}");
    let other = evacuate(&plan, &region("b"), why()).expect("a change");
    assert!(!describe_difference(&plan, &other).iter().any(|line| line.contains("may send")));
}

#[test]
fn parts_are_bounded_and_name_regions_of_the_plan() {
    let plan = first(Mode::ActiveActive);
    let to = |number: usize| (Channel::Email, Destination::named(&format!("{number}.example.com")));
    let mut full = plan.change(Author::Automatic, "why".to_owned());
    full.diverted = (0..SCOPES_MAX).map(|number| (to(number), BTreeMap::from([(region("a"), 0)]))).collect();
    assert_eq!(check(&full, Some(&plan)), Ok(()));
    full.diverted.insert(to(SCOPES_MAX), BTreeMap::from([(region("a"), 0)]));
    assert_eq!(check(&full, Some(&plan)), Err(PlanError::Scopes(SCOPES_MAX + 1)));
    let (channel, destination) = to(0);
    for shares in [BTreeMap::new(), BTreeMap::from([(region("a"), 1_000)])] {
        full.diverted = BTreeMap::from([(to(0), shares)]);
        let refused = PlanError::Diverted { channel, destination: destination.clone() };
        assert_eq!(check(&full, Some(&plan)), Err(refused));
    }
    full.diverted = BTreeMap::from([(to(0), BTreeMap::from([(region("x"), 0)]))]);
    assert_eq!(check(&full, Some(&plan)), Err(PlanError::UnknownRegion(region("x"))));
    let app = Scope::App(AppId(7));
    let zero = set_weights(&plan, Part::Scope(app.clone()), Weights::from([(region("a"), 0)]), why());
    assert_eq!(zero, Err(PlanError::NoWeightIn(app.clone())));
    assert_eq!(set_weights(&plan, Part::Scope(app), Weights::new(), why()), Err(PlanError::NothingOwn));
}

#[test]
fn a_shift_of_all_channels_moves_what_a_channel_has() {
    let mut plan = first(Mode::ActiveActive);
    plan.channel_weights.insert(Channel::Sms, Weights::from([(region("a"), 1), (region("b"), 19)]));
    let after = commit(shift(&plan, &shift_of(None, "a", "c", 300), why()));
    let expected = Weights::from([(region("a"), 0), (region("b"), 19), (region("c"), 1)]);
    assert_eq!(after.channel_weights[&Channel::Sms], expected);
}

#[test]
fn a_share_that_is_no_whole_weight_multiplies_the_weights() {
    let mut plan = first(Mode::ActiveActive);
    plan.weights = Weights::from([(region("a"), 1), (region("b"), 1)]);
    let after = commit(shift(&plan, &shift_of(None, "a", "b", 125), why()));
    assert_eq!(weights(&after), [3, 5]);
    plan.weights = Weights::from([(region("a"), WEIGHT_MAX - 201), (region("b"), 200)]);
    let after = commit(shift(&plan, &shift_of(None, "a", "b", 125), why()));
    assert_eq!(weights(&after), [874_800, 125_199], "rounded down where the weights can't grow");
}

#[test]
fn an_evacuated_region_comes_back_with_the_share_it_had() {
    let plan = first(Mode::ActiveActive);
    let without = commit(evacuate(&plan, &region("b"), why()));
    assert_eq!(states(&without), ["active", "evacuated", "active"]);
    assert_eq!(share_per_mille(&without.regions, &without.weights, &region("b")), 0);
    assert!(matches!(evacuate(&without, &region("b"), why()), Err(PlanError::State { .. })));
    let shifted = commit(shift(&without, &shift_of(None, "a", "c", 500), why()));
    let back = commit(restore(&shifted, &region("b"), why()));
    assert_eq!(share_per_mille(&back.regions, &back.weights, &region("b")), 333);
    assert!(matches!(restore(&plan, &region("b"), why()), Err(PlanError::State { .. })));
    assert!(matches!(shift(&without, &shift_of(None, "a", "b", 1), why()), Err(PlanError::State { .. })));
}

#[test]
fn the_last_active_region_stays() {
    let plan = commit(evacuate(&first(Mode::ActiveActive), &region("a"), why()));
    let plan = commit(evacuate(&plan, &region("b"), why()));
    assert_eq!(evacuate(&plan, &region("c"), why()), Err(PlanError::NoActiveRegion));
    assert_eq!(evacuate(&first(Mode::WarmStandby), &region("a"), why()), Err(PlanError::NoActiveRegion));
}

#[test]
fn roles_are_exchanged_with_their_weights_in_warm_standby() {
    let plan = first(Mode::WarmStandby);
    let over = commit(failover(&plan, &region("a"), &region("b"), why()));
    assert_eq!((weights(&over), states(&over)), (vec![50, 900, 50], vec!["evacuated", "active", "standby"]));
    let warm = commit(restore(&over, &region("a"), why()));
    assert_eq!((weights(&warm), states(&warm)), (vec![50, 900, 50], vec!["standby", "active", "standby"]));
    let halfway = commit(shift(&warm, &shift_of(None, "b", "a", 500), why()));
    for before_last in [&warm, &halfway] {
        let back = commit(failback(before_last, &region("b"), &region("a"), why()));
        assert_eq!(states(&back), ["active", "standby", "standby"]);
        assert!(weights(&back)[0] > weights(&back)[1]);
    }
    assert!(matches!(failover(&plan, &region("b"), &region("a"), why()), Err(PlanError::State { .. })));
    let other = failover(&first(Mode::ActiveActive), &region("a"), &region("b"), why());
    assert_eq!(other, Err(PlanError::NotWarmStandby));
}

#[test]
fn every_rule_of_check_refuses() {
    let plan = first(Mode::ActiveActive);
    let refused = |alter: &dyn Fn(&mut PlanChange)| {
        let mut change = plan.change(Author::Automatic, "test".into());
        assert_eq!(check(&change, Some(&plan)), Ok(()));
        alter(&mut change);
        check(&change, Some(&plan)).expect_err("a rule is broken")
    };
    let stale = PlanError::Stale { current: Epoch(1), parent: Epoch(0) };
    assert_eq!(refused(&|change| change.parent = Epoch(0)), stale);
    assert_eq!(refused(&|change| change.regions.clear()), PlanError::Regions(0));
    let unknown = refused(&|change| change.weights.extend([(region("x"), 1)]));
    assert_eq!(unknown, PlanError::UnknownRegion(region("x")));
    let heavy = refused(&|change| change.weights.extend([(region("a"), WEIGHT_MAX + 1)]));
    assert_eq!(heavy, PlanError::Weight { region: region("a"), weight: WEIGHT_MAX + 1 });
    assert_eq!(refused(&|change| change.weights.clear()), PlanError::NoActiveRegion);
    let empty = refused(&|change| drop(change.channel_weights.insert(Channel::Sms, Weights::new())));
    assert_eq!(empty, PlanError::NoWeight(Channel::Sms));
    assert_eq!(refused(&|change| change.reason.clear()), PlanError::Reason(0));
    assert_eq!(refused(&|change| change.reason = "é".repeat(501)), PlanError::Reason(501));
    let many: BTreeMap<String, String> = (0..=EVIDENCE_MAX).map(|n| (n.to_string(), String::new())).collect();
    assert_eq!(refused(&|change| change.evidence = many.clone()), PlanError::Evidence);
    let first_again = plan.change(Author::Automatic, "test".into());
    assert!(matches!(check(&first_again, None), Err(PlanError::Stale { .. })));
}

#[test]
fn a_dry_run_says_what_would_happen() {
    let mut plan = first(Mode::ActiveActive);
    plan.channel_weights.insert(Channel::Sms, Weights::from([(region("a"), 1)]));
    let change = evacuate(&plan, &region("a"), why()).expect("a valid change");
    let lines = [
        "a: active -> evacuated",
        "all channels without weights of their own: a 33.4 % -> 0.0 %",
        "all channels without weights of their own: b 33.3 % -> 50.0 %",
        "all channels without weights of their own: c 33.3 % -> 50.0 %",
        "SMS: a 100.0 % -> 0.0 %",
        "SMS: no region may send",
    ];
    assert_eq!(describe_difference(&plan, &change), lines);
    let same = plan.change(Author::Automatic, "test".into());
    assert_eq!(describe_difference(&plan, &same), ["nothing moves"]);
}

#[derive(Debug, Clone)]
enum Act {
    Shift(ShiftRequest),
    Evacuate(RegionId),
    Restore(RegionId),
    Failover(RegionId, RegionId),
    Failback(RegionId, RegionId),
}

fn act() -> impl Strategy<Value = Act> {
    let one = || prop::sample::select(vec!["a", "b", "c", "x"]).prop_map(region);
    let channel = prop::sample::select(vec![None, Some(Channel::Sms), Some(Channel::Email)]);
    prop_oneof![
        4 => (channel, one(), one(), 0..1_100_u32)
            .prop_map(|(channel, from, to, share_per_mille)| Act::Shift(ShiftRequest { channel, from, to, share_per_mille })),
        2 => one().prop_map(Act::Evacuate),
        2 => one().prop_map(Act::Restore),
        1 => (one(), one()).prop_map(|(from, to)| Act::Failover(from, to)),
        1 => (one(), one()).prop_map(|(from, to)| Act::Failback(from, to)),
    ]
}

proptest! {
    #[test]
    fn whatever_is_done_leaves_a_valid_plan(warm: bool, acts in prop::collection::vec(act(), 0..40)) {
        let mut plan = first(if warm { Mode::WarmStandby } else { Mode::ActiveActive });
        for act in acts {
            let change = match act {
                Act::Shift(request) => shift(&plan, &request, why()),
                Act::Evacuate(region) => evacuate(&plan, &region, why()),
                Act::Restore(region) => restore(&plan, &region, why()),
                Act::Failover(from, to) => failover(&plan, &from, &to, why()),
                Act::Failback(from, to) => failback(&plan, &from, &to, why()),
            };
            if let Ok(change) = change {
                prop_assert_eq!(check(&change, Some(&plan)), Ok(()));
                let total: u32 = plan.regions.keys().map(|region| share_per_mille(&change.regions, &change.weights, region)).sum();
                prop_assert!((998..=1_002).contains(&total));
                plan = change.into_plan(Timestamp(0));
            }
            prop_assert!(plan.regions.values().any(|state| *state == RegionState::Active));
        }
    }
}

#[test]
fn the_heaviest_standby_that_can_send_takes_the_place_of_the_active_region() {
    let anybody = |_: &RegionId| true;
    let mut plan = first(Mode::WarmStandby);
    plan.weights.insert(region("c"), 80);
    let after = commit(withdraw(&plan, &region("a"), &anybody, why()));
    assert_eq!(states(&after), ["evacuated", "standby", "active"]);
    let after = commit(withdraw(&plan, &region("a"), &|other| *other != region("c"), why()));
    assert_eq!(states(&after), ["evacuated", "active", "standby"]);
    let tie = first(Mode::WarmStandby);
    assert_eq!(states(&commit(withdraw(&tie, &region("a"), &anybody, why()))), ["evacuated", "active", "standby"]);
    assert!(withdraw(&plan, &region("a"), &|_| false, why()).is_err(), "nobody could send");
}

#[test]
fn withdrawing_a_region_beside_active_ones_changes_no_other_role() {
    let anybody = |_: &RegionId| true;
    let plan = first(Mode::ActiveActive);
    assert_eq!(states(&commit(withdraw(&plan, &region("a"), &anybody, why()))), ["evacuated", "active", "active"]);
    let warm = first(Mode::WarmStandby);
    assert_eq!(states(&commit(withdraw(&warm, &region("b"), &anybody, why()))), ["active", "evacuated", "standby"]);
}

#[test]
fn two_regions_stay_unless_a_person_says_otherwise() {
    let plan = first(Mode::ActiveActive);
    let two = evacuate(&plan, &region("a"), why()).unwrap();
    assert_eq!(keeps_two_regions(&plan, &two), Ok(()));
    let plan = two.into_plan(Timestamp(2));
    let one = evacuate(&plan, &region("b"), why()).unwrap();
    let broken = keeps_two_regions(&plan, &one).unwrap_err();
    assert_eq!(broken, RuleBroken::LastRegions);
    assert!(broken.to_string().contains("\"last_regions\""), "{broken}");
    assert_eq!(Override::parse("last_regions"), Some(Override::LastRegions));
}

#[test]
fn weights_set_by_hand_are_checked_as_any_change() {
    let plan = first(Mode::ActiveActive);
    let after = commit(set_weights(&plan, Some(Channel::Sms), Weights::from([(region("a"), 7)]), why()));
    assert_eq!(
        (weights(&after), &after.channel_weights[&Channel::Sms]),
        (vec![334, 333, 333], &[(region("a"), 7)].into())
    );
    let unknown = set_weights(&plan, None, Weights::from([(region("x"), 7)]), why());
    assert_eq!(unknown, Err(PlanError::UnknownRegion(region("x"))));
}
