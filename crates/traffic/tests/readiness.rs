//! Which regions count as ready, and that no change gives traffic to one that isn't.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::cluster::{NodeInfo, Nodes, RegionKind};
use model::plan::{Author, Mode, PlanChange, RegionState, TrafficPlan, Weights};
use model::readiness::ReadyState;
use model::{Channel, NodeId, RegionId, Timestamp};
use proptest::prelude::*;
use traffic::lines::cut_lines;
use traffic::planning::{
    Override, RuleBroken, Why, evacuate, failback, failover, gives_only_to_ready, initial, recall, restore,
    set_weights, withdraw,
};
use traffic::readiness::{NeighbourNews, NotReady, RegionReadiness, Sight, judge};

const SILENCE: Duration = Duration::from_millis(1_100);
const LATELY: Option<Duration> = Some(Duration::from_millis(200));

fn region(name: &str) -> RegionId {
    RegionId::new(name).expect("a region's name")
}

/// What node 1 knows: every node reported lately that it is ready and sees everybody.
struct World {
    nodes: Nodes,
    news: BTreeMap<NodeId, NeighbourNews>,
    own: ReadyState,
}

impl World {
    /// Nodes 1, 2, ... in the regions named, one after the other.
    fn of(regions: &[&str]) -> World {
        let node = |(number, name): (u64, &&str)| {
            let (peer, grpc, rest_url) = (String::new(), String::new(), String::new());
            let kind = if *name == "w" { RegionKind::Witness } else { RegionKind::Serving };
            (NodeId(number), NodeInfo { id: NodeId(number), region: region(name), kind, peer, grpc, rest_url })
        };
        let nodes: Nodes = (1..).zip(regions).map(node).collect();
        let saw = |own: NodeId| {
            let others = nodes.keys().filter(|other| **other != own);
            others.map(|other| (*other, Duration::from_millis(200))).collect()
        };
        let news = |id: &NodeId| NeighbourNews {
            last_seen: LATELY,
            both_ways: LATELY,
            reported: LATELY,
            peers_last_seen: saw(*id),
            peers_both_ways: saw(*id),
            ready: Some(ReadyState::Ready),
        };
        let news = nodes.keys().skip(1).map(|id| (*id, news(id))).collect();
        World { nodes, news, own: ReadyState::Ready }
    }

    fn judge(&self) -> RegionReadiness {
        let World { nodes, news, own } = self;
        judge(&Sight { node: NodeId(1), nodes, news, silence: SILENCE }, own)
    }

    fn lacks(&self, name: &str) -> Option<NotReady> {
        self.judge().why_not(&region(name))
    }

    fn news(&mut self, node: u64) -> &mut NeighbourNews {
        self.news.get_mut(&NodeId(node)).expect("a node")
    }
}

#[test]
fn a_region_is_ready_when_every_node_of_it_said_so_lately() {
    let mut world = World::of(&["a", "b", "c", "b"]);
    for name in ["a", "b", "c"] {
        assert_eq!(world.lacks(name), None);
    }
    assert_eq!(world.lacks("x"), Some(NotReady::NoNode));
    world.news(4).ready = Some(ReadyState::Waiting("group 1 has no leader".into()));
    assert!(matches!(world.lacks("b"), Some(NotReady::Waiting { node: NodeId(4), .. })));
    world.news(2).ready = Some(ReadyState::Unable("the node is about to stop".into()));
    assert!(matches!(world.lacks("b"), Some(NotReady::Unable { node: NodeId(2), .. })), "the gravest is told");
    world.news(4).reported = Some(SILENCE);
    assert_eq!(world.lacks("b"), Some(NotReady::Silent { node: NodeId(4), ago: Some(SILENCE) }));
    world.news.remove(&NodeId(4));
    assert_eq!(world.lacks("b"), Some(NotReady::Silent { node: NodeId(4), ago: None }));
    world.own = ReadyState::Unable("the node is about to stop".into());
    assert!(matches!(world.lacks("a"), Some(NotReady::Unable { node: NodeId(1), .. })));
}

#[test]
fn a_region_that_too_few_hear_is_not_ready() {
    let mut world = World::of(&["a", "b", "c", "d", "e"]);
    for observer in [3, 4, 5] {
        world.news(observer).peers_last_seen.insert(NodeId(2), SILENCE);
    }
    assert_eq!(world.lacks("b"), Some(NotReady::Unheard { heard_by: 2, needed: 3 }));
    world.news(3).peers_last_seen.insert(NodeId(2), Duration::ZERO);
    assert_eq!(world.lacks("b"), None);
    world.news(3).reported = Some(SILENCE);
    assert!(world.lacks("b").is_some(), "an old report says nothing");
}

#[test]
fn a_node_s_own_region_must_be_heard_by_others_too() {
    let mut world = World::of(&["a", "b", "w"]);
    assert_eq!((world.lacks("a"), world.lacks("w")), (None, Some(NotReady::NoNode)), "a witness never sends");
    for other in [2, 3] {
        world.news(other).reported = None;
    }
    assert_eq!(world.lacks("a"), Some(NotReady::Unheard { heard_by: 1, needed: 2 }));
}

/// One node of two is down: the region gets nothing more by hand, and can take the place of a lost one all the same.
#[test]
fn a_region_with_one_node_that_could_send_may_stand_in() {
    let mut world = World::of(&["a", "b", "c", "b"]);
    let b = region("b");
    assert!(world.judge().can_stand_in(&b));
    world.news(4).reported = Some(SILENCE);
    assert!(matches!(world.lacks("b"), Some(NotReady::Silent { node: NodeId(4), .. })));
    assert!(world.judge().can_stand_in(&b), "node 2 could send");
    world.news(2).ready = Some(ReadyState::Unable("it has just started".to_owned()));
    assert!(!world.judge().can_stand_in(&b), "none could");
}

fn cut(world: &World) -> Vec<String> {
    let World { nodes, news, .. } = world;
    let cut = cut_lines(&Sight { node: NodeId(1), nodes, news, silence: SILENCE });
    cut.into_iter().map(|(one, other)| format!("{one}-{other}")).collect()
}

#[test]
fn a_line_is_cut_when_two_regions_are_deaf_to_each_other_and_a_third_hears_both() {
    let mut world = World::of(&["a", "b", "c", "b"]);
    assert!(cut(&world).is_empty());
    world.news(2).peers_both_ways.insert(NodeId(3), 2 * SILENCE);
    assert_eq!(cut(&world), ["b-c"], "one of two nodes of b doesn't hear c");
    world.news(2).reported = Some(SILENCE);
    assert!(cut(&world).is_empty(), "who is silent itself has no say");
    let late = Duration::from_millis(1_000);
    world.news(2).reported = Some(late);
    world.news(2).peers_both_ways.insert(NodeId(3), late + SILENCE);
    assert_eq!(cut(&world), ["b-c"], "it was deaf when it said so");
    world.news(2).peers_both_ways.insert(NodeId(3), late + Duration::from_millis(200));
    assert!(cut(&world).is_empty(), "it had heard c a moment before it said so");

    let mut world = World::of(&["a", "b", "c"]);
    world.news(2).both_ways = Some(SILENCE);
    assert_eq!(cut(&world), ["a-b"], "this node itself doesn't hear b, which c does");
    world.news(3).peers_last_seen.remove(&NodeId(2));
    assert!(cut(&world).is_empty(), "nobody hears b: it is lost, and no line is cut");
    let mut world = World::of(&["a", "b", "a"]);
    world.news(2).both_ways = Some(SILENCE);
    assert!(cut(&world).is_empty(), "there is no third region");
}

fn why() -> Why {
    Why { author: Author::Principal("ops".into()), reason: "test".into(), evidence: BTreeMap::new() }
}

fn first(mode: Mode) -> TrafficPlan {
    initial(mode, &["a", "b", "c"].map(region), why()).expect("a first plan").into_plan(Timestamp(1))
}

fn unready(names: &BTreeSet<&str>) -> RegionReadiness {
    let lacks = |name: &str| names.contains(name).then_some(NotReady::Silent { node: NodeId(2), ago: None });
    ["a", "b", "c"].map(|name| (region(name), lacks(name))).into_iter().collect()
}

fn refused(before: &TrafficPlan, after: &PlanChange, names: &[&str]) -> Option<String> {
    let unready = unready(&names.iter().copied().collect());
    match gives_only_to_ready(before, after, &unready, &BTreeSet::new()) {
        Err(RuleBroken::NotReady { region, .. }) => Some(region.to_string()),
        other => other.map(|_| None).expect("another rule"),
    }
}

#[test]
fn no_way_into_a_region_that_is_not_ready() {
    let plan = first(Mode::ActiveActive);
    let without = evacuate(&plan, &region("b"), why()).expect("a change").into_plan(Timestamp(2));
    let back = restore(&without, &region("b"), why()).expect("a change");
    assert_eq!(refused(&without, &back, &["b"]).as_deref(), Some("b"));
    assert_eq!(refused(&without, &back, &["a"]), None, "a gets nothing by it");
    let heavier = [("a", 1), ("b", 2), ("c", 1)].map(|(name, weight)| (region(name), weight));
    for channel in [None, Some(Channel::Sms)] {
        let shifted = set_weights(&plan, channel, Weights::from(heavier.clone()), why()).expect("a change");
        assert_eq!(refused(&plan, &shifted, &["b"]).as_deref(), Some("b"), "{channel:?}");
        assert_eq!(refused(&plan, &shifted, &["a"]), None, "{channel:?}");
    }
    let warm = first(Mode::WarmStandby);
    let over = failover(&warm, &region("a"), &region("b"), why()).expect("a change");
    assert_eq!(refused(&warm, &over, &["b"]).as_deref(), Some("b"));
    assert_eq!(refused(&warm, &over, &["a"]), None);
    let exchanged = failback(&warm, &region("a"), &region("c"), why()).expect("a change");
    assert_eq!(refused(&warm, &exchanged, &["c"]).as_deref(), Some("c"));
}

#[test]
fn taking_out_a_region_waits_for_nobody_as_long_as_another_can_send() {
    let plan = first(Mode::ActiveActive);
    let without = evacuate(&plan, &region("b"), why()).expect("a change");
    assert_eq!(refused(&plan, &without, &["a"]), None);
    assert_eq!(refused(&plan, &without, &["a", "c"]).as_deref(), Some("a"), "nobody could send then");
    let drop_to_zero = [("a", 1), ("b", 0), ("c", 1)].map(|(name, weight)| (region(name), weight));
    let shifted = set_weights(&plan, None, Weights::from(drop_to_zero), why()).expect("a change");
    assert_eq!(refused(&plan, &shifted, &["a"]).as_deref(), Some("a"), "a shift moves it for balance");
}

#[test]
fn a_person_names_the_region_to_give_it_traffic_all_the_same() {
    let plan = first(Mode::ActiveActive);
    let without = evacuate(&plan, &region("b"), why()).expect("a change").into_plan(Timestamp(2));
    let back = restore(&without, &region("b"), why()).expect("a change");
    let readiness = unready(&BTreeSet::from(["b"]));
    let judge = |rule: &str| {
        let rule = Override::parse(rule).expect("a rule");
        gives_only_to_ready(&without, &back, &readiness, &BTreeSet::from([rule]))
    };
    let broken = judge("not_ready:c").expect_err("another region is named").to_string();
    assert!(broken.contains("node 2 was never heard") && broken.contains("\"not_ready:b\""), "{broken}");
    let overridden = judge("not_ready:b").expect("it is named");
    assert_eq!(overridden.into_keys().collect::<Vec<_>>(), [region("b")]);
    assert!(judge("last_regions").is_err());
    for name in ["not_ready:", "not_ready", "not_ready:B", "no_such"] {
        assert_eq!(Override::parse(name), None, "{name}");
    }
}

/// The change that a code stands for, if it is one.
fn change(plan: &TrafficPlan, code: u8, one: &RegionId, other: &RegionId, weights: Weights) -> Option<PlanChange> {
    let channel = [None, Some(Channel::Sms), Some(Channel::Email)][usize::from(code) % 3];
    match code % 7 {
        0 => evacuate(plan, one, why()),
        1 => restore(plan, one, why()),
        2 => failover(plan, one, other, why()),
        3 => failback(plan, one, other, why()),
        4 => withdraw(plan, one, &|_| true, why()),
        5 => recall(plan, one, std::iter::once(other), why()),
        _ => set_weights(plan, channel, weights, why()),
    }
    .ok()
}

/// The share that a region has of a channel among those that the later plan keeps in service.
fn share(plan: &TrafficPlan, later: &TrafficPlan, channel: Channel, region: &RegionId) -> f64 {
    let in_service = |at: &TrafficPlan, other: &RegionId| at.state_of(other) != RegionState::Evacuated;
    let weight = |other: &RegionId| match in_service(plan, other) && in_service(later, other) {
        true => f64::from(plan.weights_of(channel).get(other).copied().unwrap_or(0)),
        false => 0.0,
    };
    let all: f64 = plan.regions.keys().map(weight).sum();
    if all > 0.0 { weight(region) / all } else { 0.0 }
}

proptest! {
    #[test]
    fn whatever_is_changed_no_share_of_a_region_that_is_not_ready_grows(
        warm: bool,
        acts in prop::collection::vec((0..21_u8, 0..3_usize, 0..3_usize, [0..4_u32, 0..4, 0..4], prop::collection::btree_set(
            prop::sample::select(vec!["a", "b", "c"]), 0..3)), 1..20),
    ) {
        let names = ["a", "b", "c"].map(region);
        let mut plan = first(if warm { Mode::WarmStandby } else { Mode::ActiveActive });
        for (code, one, other, weights, not_ready) in acts {
            let weights = names.iter().cloned().zip(weights).collect();
            let Some(change) = change(&plan, code, &names[one], &names[other], weights) else { continue };
            if gives_only_to_ready(&plan, &change, &unready(&not_ready), &BTreeSet::new()).is_err() {
                continue;
            }
            let after = change.into_plan(Timestamp(0));
            for name in not_ready.into_iter().map(region) {
                for channel in [Channel::Sms, Channel::Email, Channel::Custom] {
                    let (had, has) = (share(&plan, &after, channel, &name), share(&after, &after, channel, &name));
                    prop_assert!(has <= had + 1e-9, "{name} of {channel}: {had} -> {has}");
                }
            }
            plan = after;
        }
    }
}
