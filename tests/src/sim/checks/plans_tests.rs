//! Planted: a dispatch of a region that is out.

use std::collections::BTreeMap;

use model::id::{Incarnation, NodeId};
use model::message::Class;
use model::plan::{Author, Mode, Weights};
use model::time::Timestamp;

use super::*;
use crate::sim::history::Records;
use crate::sim::layout::Layout;
use crate::sim::operations::{Asked, Dispatch, Operation, Recipient};
use crate::sim::replica::Replica;
use crate::sim::settings::{Scene, Settings};

const SETTINGS: Settings = Settings { seed: 1, seconds: 1, scene: Scene::Mixed, layout: Layout::Three, broken: None };

/// A plan, committed so many milliseconds after the start, in which these regions are out.
fn plan(epoch: u64, after: u64, out: &[&str]) -> TrafficPlan {
    let state = |region| if out.contains(&region) { RegionState::Evacuated } else { RegionState::Active };
    let regions = ["a", "b"].into_iter().map(|region| (RegionId::from_stored(region), state(region)));
    TrafficPlan {
        epoch: Epoch(epoch),
        parent: Epoch(epoch - 1),
        mode: Mode::ActiveActive,
        regions: regions.collect(),
        weights: Weights::default(),
        channel_weights: BTreeMap::new(),
        scopes: BTreeMap::new(),
        diverted: BTreeMap::new(),
        frozen: std::collections::BTreeSet::new(),
        reason: String::new(),
        evidence: BTreeMap::new(),
        author: Author::Principal("client".to_owned()),
        time: Timestamp(world::true_time().0 + after),
    }
}

/// What is found when plan 2, which takes `a` out, was acknowledged at 5,000 ms, and a region dispatches then.
fn found(plans: &[TrafficPlan], node: NodeId, from: Tick) -> usize {
    let mut records = Records::default();
    records.operations.push(Operation {
        node,
        asked: Asked::ChangePlan { change: String::new() },
        from: 4_000,
        answer: Some((5_000, Answered::Planned(Epoch(2)))),
    });
    records.dispatches.push(Dispatch {
        from,
        node,
        incarnation: Incarnation(1),
        message: MessageId(7),
        attempt: 1,
        epoch: Epoch(2),
        class: Class::AtLeastOnce,
        to: Recipient { app: model::id::AppId(1), endpoint: None, address: "x".to_owned() },
        reply: None,
    });
    let replicas =
        BTreeMap::from([(layout::region(NodeId(1)), Replica { plans: plans.to_vec(), ..Replica::default() })]);
    let evidence = Evidence {
        settings: &SETTINGS,
        records: &records,
        replicas: &replicas,
        unsettled: &[],
        panics: &[],
        builds: &[],
    };
    an_evacuated_region_begins_nothing(&evidence).len()
}

#[test]
fn a_dispatch_of_a_region_that_is_out_is_found() {
    let plans = [plan(1, 0, &[]), plan(2, 4_000, &["a"]), plan(3, 7_000, &["a"]), plan(4, 20_000, &[])];
    assert_eq!(found(&plans, NodeId(1), 5_001), 1);
    assert_eq!(found(&plans, NodeId(1), 5_000), 0, "the same millisecond");
    assert_eq!(found(&plans, NodeId(2), 5_001), 0, "another region");
    assert_eq!(found(&plans, NodeId(1), 10_000), 1, "under a later plan that doesn't take it in");
    assert_eq!(found(&plans, NodeId(1), 20_001), 0, "it is in again");
    assert_eq!(found(&plans[..3], NodeId(1), 20_001), 1);
}
