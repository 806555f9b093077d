//! What happens because time passes: expiry, retirement, and the removal of deleted apps.

use model::channel::Channel;
use model::command::Command;
use model::id::{BodyId, GroupId};
use model::message::{Class, SendResult, Status};
use model::opt_out::OptOutSource;
use model::outcome::Outcome;

use super::world::*;
use crate::tables::{
    AccountingOf, AppSendStates, BlockedKeys, Blocks, Bodies, Deletions, Endpoints, Events, Messages, OptOuts,
    RowAccess,
};

fn chunk(touched: u32, more: bool) -> Outcome {
    Outcome::Chunk { touched, next: None, more }
}

#[test]
fn what_is_no_longer_worth_sending_expires_in_chunks() {
    let mut world = World::new();
    let group = group_of(&near());
    let messages = [1, 2, 3].map(|n| world.accepted(n, &near(), Class::AtMostOnce));
    world.claim(messages[1], "a", claim(1, 1));
    assert_eq!(world.apply(group, Command::Expire { limit: 2 }), chunk(0, false));
    world.now += DAY;
    assert_eq!(world.apply(group, Command::Expire { limit: 2 }), chunk(2, true));
    assert_eq!(world.apply(group, Command::Expire { limit: 2 }), chunk(1, false));
    let statuses = messages.map(|message| world.status(message));
    assert_eq!(statuses, [Status::Expired, Status::Held, Status::Expired]);
    assert_eq!(world.apply(group, Command::Expire { limit: 2 }), chunk(0, false));
}

#[test]
fn settled_messages_go_after_72_hours_and_their_body_with_the_last() {
    let mut world = World::new();
    let group = group_of(&near());
    let other = (1_000..).map(number).find(|target| group_of(target) == group).unwrap();
    let both = accept(&[(1, near(), None), (2, other.clone(), None)]);
    world.apply(group, Command::AcceptMessages(Box::new(both)));
    let references =
        |world: &World| world.tables(group).row::<Bodies>(&(APP, BodyId(1))).unwrap().map(|body| body.references);
    world.settle(id(1, &near()), ("a", 1), delivered());
    world.now += 1;
    world.settle(id(2, &other), ("a", 1), delivered());
    world.now += 3 * DAY - 2;
    assert_eq!(world.apply(group, Command::Retire { limit: 10 }), chunk(0, false));
    world.now += 1;
    assert_eq!(world.apply(group, Command::Retire { limit: 10 }), chunk(1, false));
    assert_eq!(references(&world), Some(1));
    world.now += 1;
    assert_eq!(world.apply(group, Command::Retire { limit: 10 }), chunk(1, false));
    assert_eq!(references(&world), None);
    assert_eq!(world.tables(group).row::<Messages>(&id(1, &near())).unwrap(), None);
    assert_eq!(world.tables(group).rows_while::<Events>(&0, 9, |_| true).unwrap(), []);
    assert_eq!(world.accounting(group).delivered, 2);
}

#[test]
fn what_belonged_to_a_deleted_app_is_removed_bit_by_bit() {
    let mut world = World::new();
    for n in 0..5 {
        let patch =
            model::endpoint::EndpointPatch { opt_out: Some(model::endpoint::EndpointOptOut::All), ..at(&number(n)) };
        world.endpoint(&format!("e{n}"), patch);
    }
    world.carry();
    let once = world.accepted(1, &number(1_000), Class::AtMostOnce);
    let often = world.accepted(2, &number(1_000), Class::AtLeastOnce);
    let (key, source) = (number(2_000).key, OptOutSource::Request);
    world.apply(group_of(&number(2_000)), Command::PutOptOut { app: APP, key, channel: Channel::Sms, source });
    world.claim(once, "a", claim(1, 1));
    world.settle(once, ("a", 1), unknown(START));
    world.control(Command::DeleteApp { app: APP });
    world.carry();
    retire_all(&mut world);
    assert_eq!(world.status(once), Status::OptedOut);
    assert!(world.tables(often.group()).row::<Deletions>(&APP).unwrap().is_some());
    world.settle(often, ("a", 1), SendResult::Forbidden);
    retire_all(&mut world);
    world.carry();
    retire_all(&mut world);
    for group in GroupId::partitions(PARTITIONS) {
        let tables = world.tables(group);
        assert_eq!(tables.row::<Deletions>(&APP).unwrap(), None);
        assert_eq!(tables.row::<AppSendStates>(&APP).unwrap(), None);
        let (no_endpoint, no_key) = (model::EndpointId::from_stored(""), model::AddressKey::from_stored(""));
        let from = (APP, no_endpoint.clone());
        assert_eq!(tables.rows_while::<Endpoints>(&from, 9, |_| true).unwrap(), []);
        let from = (APP, no_endpoint.clone(), no_key.clone());
        assert_eq!(tables.rows_while::<BlockedKeys>(&from, 9, |_| true).unwrap(), []);
        let from = (APP, no_key.clone(), no_endpoint);
        assert_eq!(tables.rows_while::<Blocks>(&from, 9, |_| true).unwrap(), []);
        assert_eq!(tables.rows_while::<OptOuts>(&(APP, no_key, Channel::Email), 9, |_| true).unwrap(), []);
    }
    assert_eq!(world.status(once), Status::OptedOut);
    assert_eq!(world.accounting(once.group()).opted_out, 2);
}

#[test]
fn apps_that_come_and_go_leave_nothing() {
    let mut world = World::new();
    for n in 0..120 {
        let app = model::AppId(1_000 + n);
        world.control(Command::CreateApp { app, name: "gone".into(), tags: Default::default() });
        world.carry();
        world.control(Command::DeleteApp { app });
        world.carry();
    }
    for _ in 0..2 {
        retire_all(&mut world);
        world.carry();
    }
    for group in GroupId::all(PARTITIONS) {
        let known = world.tables(group).rows_while::<AppSendStates>(&model::AppId(0), 999, |_| true).unwrap();
        let apps: Vec<_> = known.into_iter().map(|(app, _)| app).collect();
        assert_eq!(apps, if group == GroupId::CONTROL { vec![] } else { vec![APP] });
        assert_eq!(world.tables(group).rows_while::<Deletions>(&model::AppId(0), 999, |_| true).unwrap(), []);
        assert_eq!(world.tables(group).rows_while::<AccountingOf>(&model::AppId(0), 999, |_| true).unwrap(), []);
    }
}

#[test]
fn an_app_is_known_until_its_last_block_may_have_come() {
    let mut world = World::new();
    world.endpoint("e", at(&far()));
    world.endpoint(
        "e",
        model::endpoint::EndpointPatch {
            status: Some(model::endpoint::EndpointStatus::Inactive),
            ..Default::default()
        },
    );
    world.control(Command::DeleteApp { app: APP });
    // The control group's follow-ups arrive, the block doesn't yet.
    for ((target, number), action) in world.owed(GroupId::CONTROL) {
        let action = Box::new(action);
        world.apply(target, Command::FollowUp { source: GroupId::CONTROL, number, action });
    }
    retire_all(&mut world);
    let there = group_of(&far());
    assert_eq!(world.tables(home()).row::<AppSendStates>(&APP).unwrap(), None);
    assert!(world.tables(there).row::<AppSendStates>(&APP).unwrap().unwrap().deleted);
    world.carry();
    retire_all(&mut world);
    assert_eq!(world.tables(there).row::<AppSendStates>(&APP).unwrap(), None);
    let from = (APP, key(&far()), model::EndpointId::from_stored(""));
    let no_rows = world.tables(there).rows_while::<Blocks>(&from, 9, |_| true).unwrap().is_empty();
    assert!(no_rows, "the block came to an app that is deleted");
}

/// Retires in small chunks until every partition says that there is no more, twice: the second time finds it empty.
fn retire_all(world: &mut World) {
    for group in GroupId::partitions(PARTITIONS) {
        let mut rounds = 0;
        while world.apply(group, Command::Retire { limit: 2 }) != chunk(0, false) {
            rounds += 1;
            assert!(rounds < 100);
        }
    }
}
