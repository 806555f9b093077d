//! Endpoints that moved: what forbids messages to them reaches those that wait where they were.

use model::command::Command;
use model::endpoint::{EndpointOptOut, EndpointPatch, EndpointStatus, FORMER_PLACES_MAX, Target};
use model::opt_out::BlockReason;
use model::outcome::{Acceptance, Outcome};

use super::world::*;
use crate::tables::{Blocks, FormerPlaces, RowAccess};

/// Something that forbids messages to endpoint `e`.
type Forbid<'f> = &'f dyn Fn(&mut World);

fn opted_out() -> EndpointPatch {
    EndpointPatch { opt_out: Some(EndpointOptOut::All), ..EndpointPatch::default() }
}

fn inactive() -> EndpointPatch {
    EndpointPatch { status: Some(EndpointStatus::Inactive), ..EndpointPatch::default() }
}

fn with(patch: EndpointPatch, target: &Target) -> EndpointPatch {
    EndpointPatch { channel: Some(target.channel), address: at(target).address, ..patch }
}

/// Says whether messages to endpoint `e` at a target are forbidden, and whether those to the target itself are.
fn forbidden(world: &mut World, number: u64, target: &Target) -> (bool, bool) {
    world.carry();
    let mut ask = |number, endpoint| match world.accept_to(number, (target, endpoint), None) {
        Outcome::Accepted(some) => !matches!(some[..], [Acceptance::Accepted(_)]),
        other => panic!("{other:?}"),
    };
    (ask(number, Some("e")), ask(number + 1, None))
}

fn former(world: &World) -> Vec<model::address::AddressKey> {
    let from = (APP, endpoint_id("e"), model::address::AddressKey::from_stored(""));
    let rows = world.tables(home()).rows_while::<FormerPlaces>(&from, usize::MAX, |key| key.0 == APP).unwrap();
    rows.into_iter().map(|((_, _, key), _)| key).collect()
}

#[test]
fn what_forbids_after_a_move_reaches_where_the_endpoint_was() {
    let delete = |world: &mut World| {
        world.apply(home(), Command::DeleteEndpoint { app: APP, endpoint: endpoint_id("e") });
    };
    let displace = |world: &mut World| {
        world.endpoint("other", at(&number(500)));
    };
    let forbidding: [(&str, Forbid<'_>); 4] = [
        ("opt-out", &|world| drop(world.endpoint("e", opted_out()))),
        ("inactive", &|world| drop(world.endpoint("e", inactive()))),
        ("deleted", &delete),
        ("displaced", &displace),
    ];
    for (what, forbid) in forbidding {
        for old in [near(), far()] {
            let mut world = World::new();
            world.endpoint("e", at(&old));
            world.endpoint("e", at(&number(500)));
            assert_eq!(forbidden(&mut world, 1, &old), (false, false), "{what}");
            forbid(&mut world);
            assert_eq!(forbidden(&mut world, 11, &old), (true, false), "{what}");
            assert!(forbidden(&mut world, 21, &number(500)).0, "{what}");
        }
    }
}

#[test]
fn a_move_that_forbids_in_one_call_reaches_where_the_endpoint_was() {
    for patch in [opted_out(), inactive()] {
        for old in [near(), far()] {
            let mut world = World::new();
            world.endpoint("e", at(&old));
            world.endpoint("e", with(patch.clone(), &number(500)));
            assert_eq!(forbidden(&mut world, 1, &old), (true, false));
        }
    }
}

#[test]
fn every_place_is_waited_for_and_again_when_it_is_said_again() {
    let mut world = World::new();
    for n in [500, 501, 502] {
        world.endpoint("e", at(&number(n)));
    }
    for patch in [opted_out(), opted_out(), inactive(), inactive()] {
        let Outcome::Endpoint { follow_ups, .. } = world.upsert("e", patch) else { panic!() };
        assert_eq!(follow_ups.len(), 3);
        world.carry();
    }
}

#[test]
fn an_endpoint_that_comes_back_is_not_forbidden_by_its_past() {
    let mut world = World::new();
    world.endpoint("e", at(&far()));
    world.endpoint("e", with(opted_out(), &near()));
    let back = EndpointPatch { opt_out: Some(EndpointOptOut::None), ..EndpointPatch::default() };
    world.endpoint("e", with(back, &far()));
    assert_eq!(forbidden(&mut world, 1, &far()), (false, false));
    assert_eq!(former(&world), [near().key]);
    assert_eq!(forbidden(&mut world, 11, &near()), (true, false), "what waited there stays forbidden");
}

#[test]
fn places_are_bounded_and_the_oldest_is_closed() {
    let mut world = World::new();
    let last = 500 + FORMER_PLACES_MAX as u32 + 1;
    for n in 500..=last {
        world.endpoint("e", at(&number(n)));
    }
    assert_eq!(former(&world).len(), FORMER_PLACES_MAX);
    world.carry();
    let blocked = |n: u32| {
        let to = number(n);
        world.tables(group_of(&to)).row::<Blocks>(&(APP, to.key, endpoint_id("e"))).unwrap().map(|block| block.reason)
    };
    assert_eq!(blocked(500), Some(BlockReason::Deleted));
    assert!((501..=last).all(|n| blocked(n).is_none()));
}
