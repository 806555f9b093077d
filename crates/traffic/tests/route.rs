//! The route: shares follow the weights, changes move what they should, and the hash is frozen.

use std::collections::BTreeMap;

use model::plan::{Author, Mode, RegionState, Scope, TrafficPlan, Weights};
use model::{Address, AddressKey, AppId, Channel, Destination, Epoch, RegionId, Timestamp};
use proptest::prelude::*;
use traffic::route::{Flow, route};

const KEYS: u32 = 20_000;

fn region(number: usize) -> RegionId {
    RegionId::new(["us-east-1", "eu-west-1", "ap-southeast-2", "sa-east-1"][number]).expect("a region's name")
}

fn plan(weights: &[u32]) -> TrafficPlan {
    let regions = (0..weights.len()).map(|number| (region(number), RegionState::Active)).collect();
    let weights: Weights = weights.iter().enumerate().map(|(number, weight)| (region(number), *weight)).collect();
    TrafficPlan {
        epoch: Epoch(1),
        parent: Epoch(0),
        mode: Mode::ActiveActive,
        regions,
        weights,
        channel_weights: BTreeMap::new(),
        scopes: BTreeMap::new(),
        diverted: BTreeMap::new(),
        frozen: std::collections::BTreeSet::new(),
        reason: "test".into(),
        evidence: BTreeMap::new(),
        author: Author::Automatic,
        time: Timestamp(0),
    }
}

fn key(number: u32) -> AddressKey {
    AddressKey::from_stored(format!("tel:+1206{number:07}"))
}

/// Where an app's messages go to an address.
fn named_for(plan: &TrafficPlan, app: AppId, channel: Channel, text: &str) -> Option<RegionId> {
    let (address, key) = Address::normal(channel, text).expect("an address");
    route(plan, Flow { app, channel, address: &address, key: &key })
}

fn named(plan: &TrafficPlan, channel: Channel, key: &AddressKey) -> Option<RegionId> {
    let (address, _) = Address::normal(Channel::Sms, "+12065550100").expect("an address");
    route(plan, Flow { app: AppId(1), channel, address: &address, key })
}

fn routes(plan: &TrafficPlan) -> Vec<RegionId> {
    (0..KEYS).map(|number| named(plan, Channel::Sms, &key(number)).expect("a region with a weight")).collect()
}

fn share(routes: &[RegionId], region: &RegionId) -> f64 {
    routes.iter().filter(|found| *found == region).count() as f64 / f64::from(KEYS)
}

/// Five standard deviations of a share.
fn tolerance(expected: f64) -> f64 {
    5.0 * (expected * (1.0 - expected) / f64::from(KEYS)).sqrt() + 1e-9
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn shares_follow_weights(weights in prop::collection::vec(0..1_000_u32, 2..=4)) {
        let total: u32 = weights.iter().sum();
        prop_assume!(total > 0);
        let routes = routes(&plan(&weights));
        for (number, weight) in weights.iter().enumerate() {
            let expected = f64::from(*weight) / f64::from(total);
            let found = share(&routes, &region(number));
            prop_assert!((found - expected).abs() <= tolerance(expected), "{weights:?}: {found} for {expected}");
        }
    }

    #[test]
    fn a_shift_between_two_regions_moves_its_share_and_nothing_else(first in 1..1_000_u32, moved in 1..1_000_u32) {
        let moved = moved.min(first);
        let (before, after) = (routes(&plan(&[first, 1_000 - first])), routes(&plan(&[first - moved, 1_000 - first + moved])));
        for (from, to) in before.iter().zip(&after).filter(|(from, to)| from != to) {
            prop_assert_eq!((from, to), (&region(0), &region(1)));
        }
        let found = before.iter().zip(&after).filter(|(from, to)| from != to).count() as f64 / f64::from(KEYS);
        let expected = f64::from(moved) / 1_000.0;
        prop_assert!((found - expected).abs() <= tolerance(expected), "{found} moved for {expected}");
    }

    #[test]
    fn a_key_moves_only_to_where_the_weight_grew_more(
        before in prop::collection::vec(1..1_000_u64, 4),
        after in prop::collection::vec(1..1_000_u64, 4),
    ) {
        let narrow = |weights: &[u64]| plan(&weights.iter().map(|weight| *weight as u32).collect::<Vec<_>>());
        let number = |wanted: &RegionId| (0..4).find(|number| region(*number) == *wanted).expect("one of four");
        for (from, to) in routes(&narrow(&before)).iter().zip(&routes(&narrow(&after))).filter(|(from, to)| from != to) {
            let (from, to) = (number(from), number(to));
            prop_assert!(after[to] * before[from] > after[from] * before[to], "{from} -> {to}");
        }
    }

    #[test]
    fn a_shift_beside_a_third_region_moves_little_more_than_its_share(moved in 1..334_u32) {
        let (before, after) = (routes(&plan(&[334, 333, 333])), routes(&plan(&[334 - moved, 333 + moved, 333])));
        let found = before.iter().zip(&after).filter(|(from, to)| from != to).count() as f64 / f64::from(KEYS);
        let share = f64::from(moved) / 1_000.0;
        let most = 2.0 * share / (1.0 + share);
        prop_assert!(found >= share - tolerance(share) && found <= most + tolerance(most), "{found} moved for {share}");
        for (from, to) in before.iter().zip(&after).filter(|(from, to)| from != to) {
            prop_assert!(*from != region(1) && *to != region(0), "{from} -> {to}");
        }
    }
}

#[test]
fn an_evacuation_moves_only_the_region_s_own_keys_and_its_return_brings_them_back() {
    let whole = plan(&[334, 333, 333]);
    let mut without = whole.clone();
    without.regions.insert(region(1), RegionState::Evacuated);
    for (from, to) in routes(&whole).iter().zip(&routes(&without)) {
        assert!(from == to || *from == region(1));
        assert_ne!(*to, region(1));
    }
}

#[test]
fn only_living_regions_with_a_weight_are_named() {
    let mut plan = plan(&[0, 500, 500]);
    plan.regions.insert(region(1), RegionState::Standby);
    plan.regions.insert(region(2), RegionState::Evacuated);
    assert_eq!(named(&plan, Channel::Sms, &key(1)), Some(region(1)), "a standby sends its share");
    plan.regions.insert(region(1), RegionState::Evacuated);
    assert_eq!(named(&plan, Channel::Sms, &key(1)), None);
    plan.weights.insert(RegionId::new("unknown").expect("a region's name"), 1_000);
    assert_eq!(named(&plan, Channel::Sms, &key(1)), None);
}

#[test]
fn a_channel_may_have_weights_of_its_own() {
    let mut plan = plan(&[1_000, 0]);
    plan.channel_weights.insert(Channel::Email, Weights::from([(region(1), 1)]));
    assert_eq!(named(&plan, Channel::Sms, &key(1)), Some(region(0)));
    assert_eq!(named(&plan, Channel::Email, &key(1)), Some(region(1)));
}

#[test]
fn an_app_s_weights_come_before_a_destination_s_and_these_before_a_channel_s() {
    let (british, app, other) = (Destination::named("+44"), AppId(7), AppId(8));
    let only = |number| Weights::from([(region(number), 1)]);
    let mut plan = plan(&[1, 0, 0, 0]);
    plan.channel_weights.insert(Channel::Sms, only(1));
    plan.scopes.insert(Scope::Destination(Channel::Sms, british), only(2));
    plan.scopes.insert(Scope::App(app), only(3));
    let (uk, us) = ("+447700900123", "+12065550100");
    for (app, channel, to, expected) in [
        (other, Channel::Voice, uk, 0),
        (other, Channel::Sms, us, 1),
        (other, Channel::Sms, uk, 2),
        (app, Channel::Sms, uk, 3),
        (app, Channel::Sms, us, 3),
        (app, Channel::Voice, uk, 3),
    ] {
        assert_eq!(named_for(&plan, app, channel, to), Some(region(expected)), "{app} {channel} {to}");
    }
}

#[test]
fn what_is_diverted_leaves_its_region_and_nothing_else_moves() {
    let whole = plan(&[334, 333, 333]);
    let mut diverted = whole.clone();
    let to = (Channel::Sms, Destination::named("+44"));
    diverted.diverted.insert(to, BTreeMap::from([(region(1), 0)]));
    for number in 0..2_000 {
        for country in ["+4477009", "+3361234"] {
            let to = format!("{country}{number:05}");
            let of = |plan| named_for(plan, AppId(1), Channel::Sms, &to);
            let (before, after) = (of(&whole), of(&diverted));
            assert_eq!(
                after == before,
                before != Some(region(1)) || country != "+4477009",
                "{to}: {before:?} {after:?}"
            );
        }
    }
}

#[test]
fn what_could_go_nowhere_else_stays() {
    let mut plan = plan(&[1_000, 0]);
    plan.diverted.insert((Channel::Sms, Destination::named("+44")), BTreeMap::from([(region(0), 0)]));
    assert_eq!(named_for(&plan, AppId(1), Channel::Sms, "+447700900123"), Some(region(0)));
}

#[test]
fn a_common_factor_of_the_weights_changes_nothing() {
    assert_eq!(routes(&plan(&[7, 2, 1])), routes(&plan(&[7_000, 2_000, 1_000])));
}

#[test]
fn the_route_is_frozen() {
    let plan = plan(&[500, 300, 200]);
    let keys = [
        "tel:+12065550100",
        "tel:+12065550101",
        "tel:+12065550102",
        "tel:+442071838750",
        "mail:jo@example.com",
        "mail:someone@example.org",
        "token:abcdef",
        "token:0123456789",
        "custom:https://example.com/hook",
        "endpoint:00000000000000000000000000000001/device",
    ];
    let found: Vec<String> = keys
        .iter()
        .map(|key| named(&plan, Channel::Sms, &AddressKey::from_stored(key)).expect("a region").to_string())
        .collect();
    assert_eq!(
        found,
        [
            "us-east-1",
            "us-east-1",
            "us-east-1",
            "ap-southeast-2",
            "eu-west-1",
            "eu-west-1",
            "us-east-1",
            "us-east-1",
            "eu-west-1",
            "us-east-1",
        ]
    );
}
