//! Endpoints: merging, users, one active endpoint per address, limits, and the blocks that follow.

use std::collections::BTreeMap;

use model::channel::Channel;
use model::command::{Command, FollowUpAction};
use model::endpoint::{Demographic, EndpointOptOut, EndpointPatch, EndpointStatus, UserLink};
use model::id::{Revision, UserId};
use model::opt_out::BlockReason;
use model::outcome::FENCE_HERE;
use model::outcome::{Acceptance, Outcome, Refusal};
use model::reading::GivenAddress;

use super::world::*;
use crate::tables::{Blocks, Endpoints, RowAccess, Users};

fn values(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn user(name: &str) -> Option<UserLink> {
    Some(UserLink::To(UserId::new(name).unwrap()))
}

fn opted_out() -> EndpointPatch {
    EndpointPatch { opt_out: Some(EndpointOptOut::All), ..EndpointPatch::default() }
}

fn device(n: u32) -> EndpointPatch {
    at(&target(Channel::Gcm, &format!("token-{n}")))
}

fn block(world: &World, id: &str, of: &model::endpoint::Target) -> Option<BlockReason> {
    let row = world.tables(group_of(of)).row::<Blocks>(&(APP, key(of), endpoint_id(id))).unwrap();
    row.map(|block| block.reason)
}

fn stored(world: &World, id: &str) -> model::endpoint::Endpoint {
    world.tables(home()).row::<Endpoints>(&(APP, endpoint_id(id))).unwrap().unwrap()
}

#[test]
fn a_new_endpoint_has_pinpoints_defaults() {
    let mut world = World::new();
    let Outcome::Endpoint { endpoint, created, follow_ups } = world.upsert("E-1", at(&far())) else { panic!() };
    assert!(created && follow_ups.is_empty());
    assert_eq!((endpoint.id.as_str(), endpoint.display_id.as_str()), ("e-1", "E-1"));
    assert_eq!((endpoint.status, endpoint.opt_out), (EndpointStatus::Active, EndpointOptOut::None));
    assert_eq!((endpoint.cohort, endpoint.revision), (42, Revision(1)));
    assert_eq!(endpoint.effective, "2023-11-14T22:13:20.000Z");
}

#[test]
fn an_update_replaces_what_it_names_and_keeps_the_rest() {
    let mut world = World::new();
    let patch = EndpointPatch {
        attributes: BTreeMap::from([("a".into(), values(&["1"])), ("b".into(), values(&["1", "2"]))]),
        demographic: Demographic { make: Some("m".into()), ..Demographic::default() },
        status: Some(EndpointStatus::Inactive),
        opt_out: Some(EndpointOptOut::All),
        ..at(&near())
    };
    world.endpoint("e", patch);
    let patch = EndpointPatch {
        attributes: BTreeMap::from([("a".into(), values(&["9"])), ("b".into(), Vec::new())]),
        demographic: Demographic { model: Some("x".into()), ..Demographic::default() },
        ..EndpointPatch::default()
    };
    let merged = world.endpoint("e", patch);
    assert_eq!(merged.attributes, BTreeMap::from([("a".into(), values(&["9"]))]));
    assert_eq!((merged.demographic.make.as_deref(), merged.demographic.model.as_deref()), (Some("m"), Some("x")));
    assert_eq!((merged.status, merged.opt_out), (EndpointStatus::Active, EndpointOptOut::All));
    assert_eq!((merged.target, merged.revision), (Some(near()), Revision(2)));
}

#[test]
fn user_attributes_belong_to_the_user_and_go_when_its_last_endpoint_is_deleted() {
    let mut world = World::new();
    let plan = BTreeMap::from([("plan".into(), values(&["gold"]))]);
    world.endpoint("a", EndpointPatch { user: user("u"), user_attributes: plan.clone(), ..at(&near()) });
    world.endpoint("b", EndpointPatch { user: user("u"), ..at(&far()) });
    let of_user = |world: &World| world.tables(home()).row::<Users>(&(APP, UserId::new("u").unwrap())).unwrap();
    world.endpoint("a", EndpointPatch { user: Some(UserLink::Nobody), ..EndpointPatch::default() });
    world.endpoint("b", EndpointPatch { user: Some(UserLink::Nobody), ..EndpointPatch::default() });
    assert_eq!(of_user(&world), Some(plan.clone()));
    world.endpoint("b", EndpointPatch { user: user("u"), ..EndpointPatch::default() });
    let outcome = world.apply(home(), Command::DeleteEndpoint { app: APP, endpoint: endpoint_id("b") });
    let Outcome::EndpointDeleted { endpoint, user_attributes, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((endpoint.id, user_attributes), (endpoint_id("b"), plan));
    assert_eq!(of_user(&world), None);
}

#[test]
fn an_address_and_its_channel_may_come_apart_and_must_fit_in_the_end() {
    let mut world = World::new();
    let channel = |channel| EndpointPatch { channel: Some(channel), ..EndpointPatch::default() };
    let address = |text: &str| EndpointPatch { address: Some(GivenAddress::normal(text)), ..EndpointPatch::default() };
    assert_eq!(world.upsert("e", channel(Channel::Sms)), refused(Refusal::AddressMissing));
    assert_eq!(world.upsert("e", address("+12065550100")), refused(Refusal::ChannelTypeMissing));
    world.endpoint("e", at(&target(Channel::Gcm, "one")));
    world.endpoint("e", address("two"));
    assert_eq!(world.endpoint("e", channel(Channel::Apns)).target, Some(target(Channel::Apns, "two")));
    assert!(matches!(world.upsert("e", channel(Channel::Sms)), Outcome::Refused(Refusal::AddressInvalid(_))));
    assert_eq!(stored(&world, "e").target, Some(target(Channel::Apns, "two")));
}

#[test]
fn an_address_has_one_active_endpoint() {
    let mut world = World::new();
    world.endpoint("old", at(&far()));
    let Outcome::Endpoint { follow_ups, .. } = world.upsert("new", at(&far())) else { panic!() };
    assert_eq!(follow_ups.len(), 1);
    assert_eq!(stored(&world, "old").status, EndpointStatus::Inactive);
    world.carry();
    assert_eq!(block(&world, "old", &far()), Some(BlockReason::Inactive));
    let to = |world: &mut World, n, id| world.accept_to(n, (&far(), Some(id)), None);
    assert_eq!(to(&mut world, 1, "old"), Outcome::Accepted(vec![Acceptance::Inactive]));
    assert_eq!(to(&mut world, 2, "new"), Outcome::Accepted(vec![Acceptance::Accepted(id(2, &far()))]));
    world.endpoint("old", EndpointPatch::default());
    world.carry();
    assert_eq!(block(&world, "old", &far()), None);
    assert_eq!(block(&world, "new", &far()), Some(BlockReason::Inactive));
}

#[test]
fn a_user_has_fifteen_endpoints_and_the_oldest_device_yields() {
    let mut world = World::new();
    for n in 0..15 {
        world.now += 1_000;
        world.endpoint(&format!("d{n}"), EndpointPatch { user: user("u"), ..device(n) });
    }
    let sms = EndpointPatch { user: user("u"), ..at(&near()) };
    let full = Refusal::EndpointLimit("Exceeded maximum endpoint per user count 15".into());
    assert_eq!(world.upsert("s", sms), refused(full));
    world.endpoint("d0", EndpointPatch { effective: Some("2030-01-01T00:00:00.000Z".into()), ..device(0) });
    world.endpoint("d15", EndpointPatch { user: user("u"), ..device(15) });
    let oldest = stored(&world, "d1");
    assert_eq!((oldest.status, oldest.user), (EndpointStatus::Inactive, None));
    assert!(stored(&world, "d0").user.is_some());
}

#[test]
fn an_endpoint_over_its_limits_is_refused_unless_it_does_not_grow() {
    let mut world = World::new();
    let many = |n: usize| (0..n).map(|n| (format!("a{n}"), values(&["v"]))).collect::<BTreeMap<_, _>>();
    let refused = world.upsert("e", EndpointPatch { attributes: many(251), ..at(&near()) });
    assert!(matches!(refused, Outcome::Refused(Refusal::EndpointLimit(_))));
    let large = BTreeMap::from([("a".to_owned(), vec!["x".repeat(100); 154])]);
    let refused = world.upsert("e", EndpointPatch { attributes: large, ..at(&near()) });
    assert!(matches!(refused, Outcome::Refused(Refusal::EndpointLimit(_))));
    world.endpoint("e", EndpointPatch { attributes: many(250), user: user("u"), ..at(&near()) });
    let of_user = BTreeMap::from([("plan".to_owned(), values(&["gold"]))]);
    world.endpoint("f", EndpointPatch { user: user("u"), user_attributes: of_user, ..at(&far()) });
    assert_eq!(world.endpoint("e", opted_out()).opt_out, EndpointOptOut::All);
}

#[test]
fn an_opt_out_is_carried_to_the_recipient_and_again_when_it_is_said_again() {
    let mut world = World::new();
    world.endpoint("e", at(&far()));
    for _ in 0..2 {
        let Outcome::Endpoint { follow_ups, .. } = world.upsert("e", opted_out()) else { panic!() };
        assert_eq!(follow_ups.len(), 1);
        assert!(matches!(world.owed(home())[0].1, FollowUpAction::PutBlock(_)));
        world.carry();
    }
    assert_eq!(block(&world, "e", &far()), Some(BlockReason::OptedOut));
    assert_eq!(world.accept(1, &far(), None), Outcome::Accepted(vec![Acceptance::OptedOut]));
    let Outcome::Endpoint { follow_ups, .. } = world.upsert("e", EndpointPatch::default()) else { panic!() };
    assert!(follow_ups.is_empty());
    world.endpoint("e", EndpointPatch { opt_out: Some(EndpointOptOut::None), ..EndpointPatch::default() });
    world.carry();
    assert_eq!(block(&world, "e", &far()), None);
}

#[test]
fn a_block_in_the_same_group_stands_at_once_and_is_fenced() {
    let mut world = World::new();
    world.endpoint("e", at(&near()));
    assert!(!world.forbade());
    for _ in 0..2 {
        let Outcome::Endpoint { follow_ups, .. } = world.upsert("e", opted_out()) else { panic!() };
        assert!(follow_ups.len() == 1 && follow_ups[0].1 == FENCE_HERE && world.forbade(), "{follow_ups:?}");
        assert_eq!(block(&world, "e", &near()), Some(BlockReason::OptedOut));
    }
}

#[test]
fn what_waits_for_an_endpoint_stays_forbidden_where_it_was() {
    let mut world = World::new();
    world.endpoint("e", EndpointPatch { opt_out: Some(EndpointOptOut::All), ..at(&far()) });
    world.endpoint("e", at(&near()));
    world.carry();
    assert_eq!(block(&world, "e", &far()), Some(BlockReason::Deleted));
    assert_eq!(block(&world, "e", &near()), Some(BlockReason::OptedOut));
    world.endpoint("e", EndpointPatch { opt_out: Some(EndpointOptOut::None), ..at(&far()) });
    world.carry();
    assert_eq!(block(&world, "e", &far()), None);
    assert_eq!(block(&world, "e", &near()), Some(BlockReason::Deleted));
}

#[test]
fn an_endpoint_that_comes_back_is_not_taken_for_the_deleted_one() {
    let mut world = World::new();
    world.endpoint("e", at(&far()));
    let delete = Command::DeleteEndpoint { app: APP, endpoint: endpoint_id("e") };
    assert!(matches!(world.apply(home(), delete.clone()), Outcome::EndpointDeleted { .. }));
    world.carry();
    assert_eq!(block(&world, "e", &far()), Some(BlockReason::Deleted));
    assert_eq!(world.apply(home(), delete), refused(Refusal::EndpointNotFound));
    world.endpoint("e", opted_out());
    world.endpoint("e", at(&far()));
    world.carry();
    assert_eq!(block(&world, "e", &far()), Some(BlockReason::OptedOut));
    world.endpoint("e", EndpointPatch { opt_out: Some(EndpointOptOut::None), ..EndpointPatch::default() });
    world.carry();
    assert_eq!(block(&world, "e", &far()), None);
}

#[test]
fn a_custom_endpoint_is_blocked_by_its_own_key() {
    let mut world = World::new();
    let custom = target(Channel::Custom, "anything");
    world.endpoint("e", EndpointPatch { opt_out: Some(EndpointOptOut::All), ..at(&custom) });
    world.carry();
    let own = model::address::AddressKey::of_endpoint(APP, &endpoint_id("e"));
    let row = world.tables(own.partition(PARTITIONS)).row::<Blocks>(&(APP, own, endpoint_id("e"))).unwrap();
    assert_eq!(row.unwrap().reason, BlockReason::OptedOut);
}
