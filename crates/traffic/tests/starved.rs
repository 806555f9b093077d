//! Regions that a cut line keeps from sending: which end of the line goes, and what never does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::cluster::{NodeInfo, Nodes, RegionKind};
use model::plan::{Author, Mode, PlanChange, RegionState, TrafficPlan};
use model::{GroupId, NodeId, RegionId, Term, Timestamp};
use proptest::prelude::*;
use traffic::Why;
use traffic::loss::{CutLines, Freeze, STARVED_MARGIN, SafetyRules, Situation, Starved, relieve};
use traffic::planning::{evacuate, initial};
use traffic::readiness::{NeighbourNews, RegionReadiness, Sight};

const SILENCE: Duration = Duration::from_millis(1_100);
const LONG: Duration = Duration::from_secs(60);
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// What a node is known by that was last heard and answered so long ago, and the others by it.
fn told(seen: Option<Duration>, heard: BTreeMap<NodeId, Duration>) -> NeighbourNews {
    let (last_seen, both_ways, reported, peers_both_ways) = (seen, seen, seen, heard.clone());
    NeighbourNews { last_seen, both_ways, reported, peers_last_seen: heard, peers_both_ways, ready: None }
}

fn region(name: &str) -> RegionId {
    RegionId::new(name).expect("a region's name")
}

fn why() -> Why {
    Why { author: Author::Automatic, reason: "a test".to_owned(), evidence: BTreeMap::new() }
}

fn planned(change: PlanChange) -> TrafficPlan {
    change.into_plan(Timestamp(0))
}

/// A cluster with one node in each region, which knows of lines that are cut both ways.
#[derive(Debug, Clone)]
struct World {
    nodes: Nodes,
    cut: BTreeSet<(u64, u64)>,
    plan: TrafficPlan,
    witnesses: BTreeSet<u64>,
}

impl World {
    fn of(count: u64, witnesses: &[u64], cut: &[(u64, u64)], mode: Mode) -> World {
        let witnesses: BTreeSet<u64> = witnesses.iter().copied().collect();
        let node = |number: u64| {
            let (peer, grpc, rest_url) = (String::new(), String::new(), String::new());
            let kind = if witnesses.contains(&number) { RegionKind::Witness } else { RegionKind::Serving };
            let (id, region) = (NodeId(number), region(NAMES[number as usize - 1]));
            (id, NodeInfo { id, region, kind, peer, grpc, rest_url })
        };
        let nodes: Nodes = (1..=count).map(node).collect();
        let serving = nodes.values().filter(|info| info.kind == RegionKind::Serving).map(|info| info.region.clone());
        let plan = planned(initial(mode, &serving.collect::<Vec<_>>(), why()).expect("a plan"));
        let cut = cut.iter().map(|(a, b)| (*a.min(b), *a.max(b))).collect();
        World { nodes, cut, plan, witnesses }
    }

    fn connected(&self, a: u64, b: u64) -> bool {
        !self.cut.contains(&(a.min(b), a.max(b)))
    }

    /// What the leaders say when groups 1, 2, ... are led by these nodes.
    fn starved(&self, leaders: &[u64], lasts: Duration) -> Vec<Starved> {
        let groups = (1..).zip(leaders);
        let words = groups.flat_map(|(group, leader)| {
            let holders = self.nodes.keys().map(|id| id.0).filter(|id| !self.witnesses.contains(id));
            let missed = holders.filter(|id| id != leader && !self.connected(*id, *leader));
            let (group, term, leader) = (GroupId(group), Term(3), NodeId(*leader));
            missed.map(move |id| Starved { group, term, leader, holder: NodeId(id), lasts }).collect::<Vec<_>>()
        });
        words.collect()
    }

    fn relieve(&self, own: u64, starved: &[Starved], rules: &SafetyRules) -> Option<PlanChange> {
        self.relieve_under(own, starved, rules, LONG)
    }

    fn relieve_under(
        &self,
        own: u64,
        starved: &[Starved],
        rules: &SafetyRules,
        plan_age: Duration,
    ) -> Option<PlanChange> {
        let ms = |far: bool| if far { Duration::from_secs(9) } else { Duration::from_millis(200) };
        let news = self.nodes.keys().map(|id| id.0).filter(|id| *id != own).map(|id| {
            let peers = self.nodes.keys().map(|of| of.0).filter(|of| *of != id);
            let heard = peers.map(|of| (NodeId(of), ms(!self.connected(id, of)))).collect();
            let seen = Some(ms(!self.connected(id, own)));
            (NodeId(id), told(seen, heard))
        });
        let news = news.collect();
        let sight = Sight { node: NodeId(own), nodes: &self.nodes, news: &news, silence: SILENCE };
        let ready = self.plan.regions.keys().map(|region| (region.clone(), None));
        let readiness: RegionReadiness = ready.collect();
        let situation = Situation { plan: &self.plan, verdicts: &[], readiness: &readiness };
        relieve(&situation, rules, &CutLines { sight: &sight, starved, plan_age })
    }

    /// Takes regions out until nothing more is to be done; names them.
    fn all(mut self, own: u64, leaders: &[u64]) -> Vec<String> {
        let starved = self.starved(leaders, LONG);
        let mut gone = Vec::new();
        while let Some(change) = self.relieve(own, &starved, &SafetyRules::default()) {
            let before = self.plan.regions.clone();
            self.plan = planned(change);
            let out = self.plan.regions.iter().filter(|(region, state)| {
                **state == RegionState::Evacuated && before[*region] != RegionState::Evacuated
            });
            gone.extend(out.map(|(region, _)| region.to_string()));
        }
        gone
    }
}

fn both_ways(count: u64, cut: &[(u64, u64)]) -> World {
    World::of(count, &[], cut, Mode::ActiveActive)
}

#[test]
fn the_end_goes_without_which_all_is_sent() {
    // All partitions are led by node 1, and the one that hears both can't lead.
    assert_eq!(both_ways(3, &[(1, 2)]).all(1, &[1, 1]), ["b"]);
    assert_eq!(both_ways(3, &[(1, 2)]).all(1, &[2, 2]), ["a"], "the leader's own region stays");
    assert_eq!(both_ways(3, &[(1, 2)]).all(1, &[1, 2]), ["b"], "of equal ends the later name");
    assert!(both_ways(3, &[(1, 2)]).all(1, &[3, 3]).is_empty(), "who leads hears both");
    let witness = World::of(3, &[3], &[(1, 3)], Mode::ActiveActive);
    assert_eq!(witness.all(2, &[3]), ["a"], "a witness has nothing to lose");
    // Node 2 is heard by node 3 alone.
    assert_eq!(both_ways(4, &[(1, 2), (2, 4)]).all(3, &[1, 2]), ["b"], "fewer regions hear it");
    let warm = World::of(3, &[], &[(1, 3)], Mode::WarmStandby);
    assert_eq!(warm.all(2, &[1, 3]), ["c"], "a standby goes before the active one");
}

/// Two lines without a common end are cut: when one region is out, one of its ends hears all others and can lead them.
#[test]
fn a_new_plan_gives_leaderships_time_to_move() {
    let (world, rules) = (both_ways(4, &[(1, 2), (3, 4)]), SafetyRules::default());
    let starved = world.starved(&[2, 3], LONG);
    let change = world.relieve_under(1, &starved, &rules, Duration::ZERO).expect("nobody hears all four");
    let after = World { plan: planned(change), ..world };
    assert!(after.relieve_under(1, &starved, &rules, Duration::ZERO).is_none());
    assert!(after.relieve(1, &starved, &rules).is_some(), "they did not move");
}

#[test]
fn what_lasts_not_long_enough_changes_nothing() {
    let world = both_ways(3, &[(1, 2)]);
    let least = SILENCE + STARVED_MARGIN;
    let decided = |lasts| world.relieve(1, &world.starved(&[1], lasts), &SafetyRules::default());
    assert!(decided(least - Duration::from_millis(1)).is_none());
    let change = decided(least).expect("it lasted");
    assert_eq!(change.evidence["cut_line"], "a - b");
    assert_eq!(change.evidence["starved.1"], "node 2 had no lease from node 1 for 2100 ms");
    assert_eq!(change.reason, "the line a - b is cut, and no leader hears both: a sends for b");
    let mut old = world.starved(&[1], LONG);
    old.push(Starved { term: Term(4), leader: NodeId(3), lasts: SILENCE, ..old[0] });
    assert!(world.relieve(1, &old, &SafetyRules::default()).is_none(), "another node leads since");
}

#[test]
fn frozen_regions_and_too_few_of_them_stay() {
    let world = both_ways(3, &[(1, 2)]);
    let starved = world.starved(&[1], LONG);
    let frozen = |frozen| SafetyRules { frozen, ..SafetyRules::default() };
    assert!(world.relieve(1, &starved, &frozen(Freeze::Everything)).is_none());
    let change = world.relieve(1, &starved, &frozen(Freeze::Regions([region("b")].into()))).expect("the other end");
    assert_eq!(change.regions[&region("a")], RegionState::Evacuated);
    assert!(world.relieve(1, &starved, &SafetyRules { serving_min: 3, ..SafetyRules::default() }).is_none());
    let out = planned(evacuate(&world.plan, &region("a"), why()).expect("it is in service"));
    let leader_is_out = World { plan: out, ..world };
    assert!(leader_is_out.relieve(1, &starved, &SafetyRules::default()).is_none(), "the line took one region already");
}

fn worlds() -> impl Strategy<Value = (World, Vec<u64>, u64)> {
    (3_u64..=6).prop_flat_map(|count| {
        let line = (1..=count, 1..=count).prop_filter("two ends", |(a, b)| a != b);
        let cut = prop::collection::vec(line, 1..5);
        let leaders = prop::collection::vec(1..=count, 1..5);
        let world = (cut, any::<bool>(), any::<bool>()).prop_map(move |(cut, witness, warm)| {
            let witnesses: &[u64] = if witness { &[3] } else { &[] };
            World::of(count, witnesses, &cut, if warm { Mode::WarmStandby } else { Mode::ActiveActive })
        });
        (world, leaders, 1..=count)
    })
}

proptest! {
    /// Whatever is cut and whoever leads: somebody goes on sending, and each line takes one region at most.
    #[test]
    fn one_line_takes_one_region((world, leaders, own) in worlds()) {
        let ends = |word: &Starved| (word.holder.0.min(word.leader.0), word.holder.0.max(word.leader.0));
        let lines: BTreeSet<(u64, u64)> = world.starved(&leaders, LONG).iter().map(ends).collect();
        let serving = world.plan.regions.len();
        let gone = world.all(own, &leaders);
        prop_assert!(gone.len() < serving, "nobody sends any more");
        prop_assert!(gone.len() <= lines.len(), "{gone:?} went by the lines {lines:?}");
        let unique: BTreeSet<&String> = gone.iter().collect();
        prop_assert_eq!(unique.len(), gone.len());
    }

    /// One line is cut: one region goes at most.
    #[test]
    fn a_single_line_takes_one_region(
        count in 3_u64..=6,
        (a, b) in (1_u64..=6, 1_u64..=6),
        leaders in prop::collection::vec(1_u64..=3, 1..5),
    ) {
        prop_assume!(a != b && a <= count && b <= count);
        prop_assert!(both_ways(count, &[(a, b)]).all(1, &leaders).len() <= 1);
    }
}
