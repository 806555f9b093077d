//! Apps, channels and plans in the control group, and how partitions learn of them.

use std::collections::BTreeMap;

use model::app::{APPS_MAX, ChannelDetail};
use model::channel::Channel;
use model::command::{Command, FollowUpAction, Proposal};
use model::id::{AppId, Epoch, GroupId, RequestId, Revision};
use model::message::Class;
use model::outcome::{Outcome, Refusal};
use model::time::Timestamp;

use super::world::*;
use crate::Effect;
use crate::tables::{AppSendStates, Apps, RowAccess};

fn create(app: u128) -> Command {
    Command::CreateApp { app: AppId(app), name: format!("app {app}"), tags: BTreeMap::new() }
}

fn sms(enabled: Option<bool>, class: Option<Class>, sender_id: Option<&str>) -> Command {
    let detail =
        ChannelDetail::Sms { sender_id: sender_id.map(str::to_owned), short_code: None, default_country: None };
    Command::PutChannel { app: APP, channel: Channel::Sms, enabled, class, detail }
}

#[test]
fn an_app_is_carried_to_every_partition_and_the_same_id_is_the_same_app() {
    let mut world = World::empty();
    let Outcome::Carried { outcome, follow_ups } = world.control(create(1)) else { panic!() };
    assert_eq!(follow_ups, [(GroupId(1), 1), (GroupId(2), 1)]);
    assert!(world.effects.contains(&Effect::FollowUpQueued { target: GroupId(2), number: 1 }));
    let again = Command::CreateApp { app: AppId(1), name: "other".into(), tags: BTreeMap::new() };
    assert_eq!(world.control(again), Outcome::Carried { outcome, follow_ups });
    world.carry();
    assert!(world.tables(GroupId(2)).row::<AppSendStates>(&AppId(1)).unwrap().is_some());
    assert!(world.owed(GroupId::CONTROL).is_empty());
}

#[test]
fn there_are_at_most_so_many_apps() {
    let mut world = World::empty();
    for app in 0..APPS_MAX as u128 {
        assert!(matches!(world.control(create(app)), Outcome::Carried { .. }));
    }
    assert_eq!(world.control(create(1_000)), refused(Refusal::TooManyApps(APPS_MAX)));
    world.control(Command::DeleteApp { app: AppId(3) });
    assert!(matches!(world.control(create(1_000)), Outcome::Carried { .. }));
}

#[test]
fn a_deleted_app_is_closed_everywhere() {
    let mut world = World::new();
    assert!(matches!(world.control(Command::DeleteApp { app: APP }), Outcome::Carried { .. }));
    world.carry();
    for group in GroupId::partitions(PARTITIONS) {
        assert!(world.tables(group).row::<AppSendStates>(&APP).unwrap().unwrap().deleted);
    }
    assert_eq!(world.control(Command::DeleteApp { app: APP }), refused(Refusal::AppNotFound));
    assert_eq!(world.accept(1, &near(), None), refused(Refusal::AppNotFound));
    assert_eq!(world.upsert("e", at(&near())), refused(Refusal::AppNotFound));
}

#[test]
fn a_change_replaces_a_channels_settings_and_keeps_what_it_is_allowed() {
    let mut world = World::new();
    world.control(sms(Some(false), Some(Class::AtMostOnce), Some("SHOP")));
    let Outcome::Carried { outcome, .. } = world.control(sms(None, None, None)) else { panic!() };
    let Outcome::Channel(settings) = *outcome else { panic!() };
    assert_eq!((settings.enabled, settings.class), (false, Some(Class::AtMostOnce)));
    let detail = ChannelDetail::Sms { sender_id: None, short_code: None, default_country: None };
    assert_eq!(settings.detail, detail);
    assert_eq!(settings.revision, Revision(3));
    assert_eq!(world.groups[0].row::<Apps>(&APP).unwrap().unwrap().revision, Revision(6));
}

#[test]
fn a_put_that_names_no_default_country_keeps_it() {
    let put = |country: Option<&str>| {
        let default_country = country.map(|text| text.parse().unwrap());
        let detail = ChannelDetail::Sms { sender_id: None, short_code: None, default_country };
        Command::PutChannel { app: APP, channel: Channel::Sms, enabled: None, class: None, detail }
    };
    let mut world = World::new();
    let mut put = |country| {
        let Outcome::Carried { outcome, .. } = world.control(put(country)) else { panic!() };
        let Outcome::Channel(settings) = *outcome else { panic!() };
        let ChannelDetail::Sms { default_country, .. } = settings.detail else { panic!() };
        default_country.map(|country| country.to_string())
    };
    assert_eq!(put(Some("GB")).as_deref(), Some("GB"));
    assert_eq!(put(None).as_deref(), Some("GB"));
    assert_eq!(put(Some("US")).as_deref(), Some("US"));
}

#[test]
fn a_channel_closes_in_the_partitions_when_it_is_disabled_or_removed() {
    let mut world = World::new();
    world.control(sms(Some(false), None, None));
    world.carry();
    assert_eq!(world.accept(1, &far(), None), refused(Refusal::ChannelDisabled));
    let delete = Command::DeleteChannel { app: APP, channel: Channel::Sms };
    assert!(matches!(world.control(delete.clone()), Outcome::Carried { .. }));
    world.carry();
    assert_eq!(world.accept(1, &far(), None), refused(Refusal::ChannelNotFound));
    assert_eq!(world.control(delete), refused(Refusal::ChannelNotFound));
}

#[test]
fn channels_of_unknown_apps_are_refused() {
    let mut world = World::empty();
    assert_eq!(world.control(sms(None, None, None)), refused(Refusal::AppNotFound));
    let delete = Command::DeleteChannel { app: APP, channel: Channel::Sms };
    assert_eq!(world.control(delete), refused(Refusal::AppNotFound));
}

#[test]
fn an_older_send_state_never_replaces_a_newer_one() {
    let mut world = World::new();
    let newer = world.tables(GroupId(1)).row::<AppSendStates>(&APP).unwrap().unwrap();
    let mut older = newer.clone();
    older.revision = Revision(1);
    older.channels.clear();
    let action = Box::new(FollowUpAction::AdoptApp(older));
    let number = 5;
    assert_eq!(world.apply(GroupId(1), Command::FollowUp { source: GroupId(0), number, action }), Outcome::Done);
    assert_eq!(world.tables(GroupId(1)).row::<AppSendStates>(&APP).unwrap().unwrap(), newer);
}

#[test]
fn plans_form_one_line_and_a_repeated_change_is_answered_with_its_plan() {
    let mut world = World::empty();
    let first = world.plan(&[("a", 100)]);
    let change = plan_change(first.epoch, &[("a", 50), ("b", 50)]);
    let commit = Command::CommitPlan { change };
    world.now += 10;
    let Outcome::Plan(second) = world.control(commit.clone()) else { panic!() };
    assert_eq!((second.epoch, second.parent, second.time), (Epoch(2), Epoch(1), Timestamp(START + 10)));
    assert_eq!(world.effects, [Effect::PlanChanged(Epoch(2))]);
    world.now += 10;
    assert_eq!(world.control(commit), Outcome::Plan(second));
    assert_eq!(world.effects, []);
    let late = Command::CommitPlan { change: plan_change(Epoch(1), &[("b", 100)]) };
    let conflict = Refusal::PlanConflict { current: Epoch(2), parent: Epoch(1) };
    assert_eq!(world.control(late), refused(conflict));
    let invalid = Command::CommitPlan { change: plan_change(Epoch(2), &[]) };
    assert!(matches!(world.control(invalid), Outcome::Refused(Refusal::PlanInvalid(_))));
    assert_eq!(world.current_plan().epoch, Epoch(2));
}

#[test]
fn partitions_ignore_older_plans_and_fence_all_of_them() {
    let mut world = World::empty();
    let first = world.plan(&[("a", 100)]);
    let second = world.plan(&[("b", 100)]);
    for plan in [first, second] {
        assert_eq!(world.apply(GroupId(1), Command::AdoptPlan { plan: Box::new(plan) }), Outcome::Done);
        assert_eq!(world.effects, [Effect::Forbids]);
    }
    assert_eq!(world.meta_epoch(GroupId(1)), Epoch(2));
}

#[test]
fn commands_are_refused_by_groups_of_the_other_kind() {
    let mut world = World::new();
    assert_eq!(world.apply(GroupId(1), create(1)), refused(Refusal::WrongGroup));
    assert_eq!(world.control(Command::Expire { limit: 1 }), refused(Refusal::WrongGroup));
    let wrong = if home() == GroupId(1) { GroupId(2) } else { GroupId(1) };
    assert_eq!(world.apply(wrong, upsert(APP, "e", at(&near()))), refused(Refusal::WrongGroup));
    let accept = Command::AcceptMessages(Box::new(accept(&[(1, near(), None)])));
    assert_eq!(world.apply(wrong, accept), refused(Refusal::WrongGroup));
}

#[test]
fn a_repeated_request_gets_its_first_answer_for_fifteen_minutes() {
    let mut world = World::empty();
    let proposal = |app| Proposal { request: Some(RequestId(9)), command: create(app) };
    let first = world.propose(GroupId::CONTROL, proposal(1));
    let before = world.groups[0].clone();
    assert_eq!(world.propose(GroupId::CONTROL, proposal(2)), first);
    assert_eq!(world.effects, []);
    assert_eq!(world.groups[0], before);
    world.now += 15 * 60_000;
    world.control(Command::Retire { limit: 10 });
    assert_ne!(world.propose(GroupId::CONTROL, proposal(2)), first);
}

#[test]
fn the_clock_never_goes_back() {
    let mut world = World::empty();
    world.control(create(1));
    world.now -= 1_000;
    world.control(create(2));
    let app = world.groups[0].row::<Apps>(&AppId(2)).unwrap().unwrap();
    assert_eq!(app.created, Timestamp(START));
}
