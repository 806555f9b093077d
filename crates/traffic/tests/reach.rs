//! Who should lead when lines are cut: in one direction or both, one or many.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::NodeId;
use model::cluster::Nodes;
use proptest::prelude::*;
use traffic::reach::Members;
use traffic::readiness::{NeighbourNews, Sight};

const SILENCE: Duration = Duration::from_millis(1_100);
const LATELY: Duration = Duration::from_millis(200);
const LONG_AGO: Duration = Duration::from_secs(5);

/// From whom to whom nothing comes through.
type Cuts = BTreeSet<(u64, u64)>;

fn ids(numbers: impl IntoIterator<Item = u64>) -> BTreeSet<NodeId> {
    numbers.into_iter().map(NodeId).collect()
}

/// What a node is known by that was last heard and answered so long ago, and the others by it.
fn told(seen: Option<Duration>, heard: BTreeMap<NodeId, Duration>) -> NeighbourNews {
    let (last_seen, both_ways, reported, peers_both_ways) = (seen, seen, seen, heard.clone());
    NeighbourNews { last_seen, both_ways, reported, peers_last_seen: heard, peers_both_ways, ready: None }
}

/// What a node knows when it is told by everybody whose calls arrive.
fn news(own: u64, count: u64, cuts: &Cuts) -> BTreeMap<NodeId, NeighbourNews> {
    let age = |from: u64, to: u64| if cuts.contains(&(from, to)) { LONG_AGO } else { LATELY };
    let others = (1..=count).filter(|other| *other != own);
    let known = others.map(|other| {
        let heard = (1..=count).filter(|of| *of != other).map(|of| (NodeId(of), age(of, other))).collect();
        let seen = Some(age(other, own));
        (NodeId(other), told(seen, heard))
    });
    known.collect()
}

fn better(own: u64, count: u64, cuts: &Cuts, in_service: &BTreeSet<NodeId>, able: &BTreeSet<NodeId>) -> Option<u64> {
    let (all, nodes, news) = (ids(1..=count), Nodes::new(), news(own, count, cuts));
    let sight = Sight { node: NodeId(own), nodes: &nodes, news: &news, silence: SILENCE };
    sight.better_leader(Members { all: &all, in_service }, able.iter().copied()).map(|id| id.0)
}

fn of_all(own: u64, count: u64, cuts: &[(u64, u64)]) -> Option<u64> {
    let all = ids(1..=count);
    better(own, count, &cuts.iter().copied().collect(), &all, &all)
}

#[test]
fn a_leader_that_misses_one_whom_another_hears_hands_over_to_that_one() {
    assert_eq!(of_all(1, 3, &[]), None);
    assert_eq!(of_all(1, 3, &[(1, 2), (2, 1)]), Some(3));
    assert_eq!(of_all(1, 3, &[(2, 1)]), Some(3), "it doesn't hear node 2");
    assert_eq!(of_all(1, 3, &[(1, 2)]), Some(3), "node 2 doesn't hear it");
    assert_eq!(of_all(1, 3, &[(3, 2), (2, 3)]), None, "the two others are cut off from each other");
    assert_eq!(of_all(1, 3, &[(1, 2), (2, 1), (3, 2), (2, 3)]), None, "nobody hears node 2");
    let cut: Cuts = [(1, 2), (2, 1)].into();
    assert_eq!(better(1, 3, &cut, &ids(1..=3), &ids([1, 2])), None, "node 3 can't lead");
}

#[test]
fn one_of_equal_worth_is_not_given_up_for_another() {
    let both = |a, b| [(a, b), (b, a)];
    let crossed = [both(1, 2), both(3, 4)].concat();
    for own in 1..=4 {
        assert_eq!(of_all(own, 4, &crossed), None, "everybody misses one");
    }
    let cuts: Cuts = crossed.into_iter().collect();
    // The plan takes nothing from regions 2 and 4: 1 and 3 are what counts.
    let (in_service, all) = (ids([1, 3]), ids(1..=4));
    assert_eq!(better(2, 4, &cuts, &in_service, &all), Some(3), "node 2 misses node 1");
    assert_eq!(better(4, 4, &cuts, &in_service, &all), Some(1), "node 4 misses node 3");
    assert_eq!(better(1, 4, &cuts, &in_service, &all), None);
}

#[test]
fn old_reports_say_nothing() {
    let (all, nodes) = (ids([1, 2, 3]), Nodes::new());
    let mut news = news(1, 3, &[(1, 2), (2, 1)].into());
    news.get_mut(&NodeId(3)).expect("node 3").reported = Some(SILENCE);
    let sight = Sight { node: NodeId(1), nodes: &nodes, news: &news, silence: SILENCE };
    assert_eq!(sight.better_leader(Members { all: &all, in_service: &all }, all.iter().copied()), None);
    assert!(sight.misses(&all) && sight.reaches_as_many(NodeId(3), &ids([1, 3])));
}

fn clusters() -> impl Strategy<Value = (u64, Cuts, BTreeSet<NodeId>)> {
    (3_u64..=6).prop_flat_map(|count| {
        let line = (1..=count, 1..=count);
        let cuts = prop::collection::btree_set(line, 0..8);
        let cuts = cuts.prop_map(|cuts| cuts.into_iter().flat_map(|(a, b)| [(a, b), (b, a)]).collect());
        let serving = prop::collection::btree_set((1..=count).prop_map(NodeId), 0..=4);
        (Just(count), cuts, serving)
    })
}

proptest! {
    /// Whatever is cut, and whoever may lead: leaderships that are handed on come to rest. Of lines that are cut one way
    /// not every node knows.
    #[test]
    fn leadership_comes_to_rest((count, cuts, in_service) in clusters(), able in any::<u8>(), first in 1_u64..=3) {
        let able: BTreeSet<NodeId> = (1..=count).filter(|id| able & (1 << id) != 0).map(NodeId).collect();
        let mut leader = first;
        let mut handed = 0;
        while let Some(next) = better(leader, count, &cuts, &in_service, &able) {
            prop_assert!(able.contains(&NodeId(next)));
            leader = next;
            handed += 1;
            prop_assert!(handed <= 2 * count, "it goes round");
        }
    }

    /// One line is cut, either way or both: whoever leads at one of its ends hands over to one that hears everybody.
    #[test]
    fn a_single_cut_line_is_led_around(count in 3_u64..=6, a in 1_u64..=6, b in 1_u64..=6, ways in 1_u8..4) {
        prop_assume!(a != b && a <= count && b <= count);
        let cuts: Cuts = [(a, b), (b, a)].into_iter().enumerate().filter(|(way, _)| ways & (1 << way) != 0)
            .map(|(_, way)| way).collect();
        let all = ids(1..=count);
        for leader in 1..=count {
            let next = better(leader, count, &cuts, &all, &all);
            prop_assert_eq!(next.is_some(), leader == a || leader == b);
            prop_assert!(next.is_none_or(|next| next != a && next != b));
        }
    }
}
