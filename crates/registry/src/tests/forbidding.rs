//! Opt-outs, blocks and follow-ups where messages are decided.

use model::channel::Channel;
use model::command::{Command, FollowUpAction};
use model::event::{EventKind, ProviderEvent};
use model::id::{GroupId, Revision};
use model::message::{Class, Status};
use model::opt_out::{Block, BlockReason, ListedOptOut, OptOut, OptOutList, OptOutSource};
use model::outcome::{Acceptance, Outcome, Refusal};
use model::time::Timestamp;

use super::world::*;
use crate::effect::Effect;
use crate::forbid::{Ban, Whom, ban};
use crate::tables::{Blocks, ListedOptOuts, Messages, OptOuts, RowAccess, Traces};

fn put(source: OptOutSource) -> Command {
    Command::PutOptOut { app: APP, key: key(&near()), channel: Channel::Sms, source }
}

fn delete() -> Command {
    Command::DeleteOptOut { app: APP, key: key(&near()), channel: Channel::Sms }
}

fn blocked(endpoint: &str, channel: Channel, reason: BlockReason, revision: u64) -> FollowUpAction {
    FollowUpAction::PutBlock(Block {
        app: APP,
        key: key(&near()),
        endpoint: endpoint_id(endpoint),
        channel,
        reason,
        revision: Revision(revision),
    })
}

fn follow_up(number: u64, action: FollowUpAction) -> Command {
    Command::FollowUp { source: GroupId(9), number, action: Box::new(action) }
}

#[test]
fn an_opt_out_keeps_its_first_time_and_is_fenced_again() {
    let mut world = World::new();
    let group = group_of(&near());
    let (app, key, channel, source) = (APP, key(&near()), Channel::Sms, OptOutSource::Reply);
    let first = OptOut { app, key: key.clone(), channel, source, time: Timestamp(START) };
    assert_eq!(world.apply(group, put(OptOutSource::Reply)), Outcome::OptOut(first.clone()));
    world.now += 5;
    assert_eq!(world.apply(group, put(OptOutSource::Request)), Outcome::OptOut(first.clone()));
    assert!(world.forbade());
    assert_eq!(world.tables(group).row::<OptOuts>(&(app, key, channel)).unwrap(), Some(first));
    assert_eq!(world.accept(1, &near(), None), Outcome::Accepted(vec![Acceptance::OptedOut]));
    assert_eq!(world.apply(group, delete()), Outcome::Done);
    assert_eq!(world.apply(group, delete()), refused(Refusal::OptOutNotFound));
    assert!(
        matches!(world.accept(1, &near(), None), Outcome::Accepted(some) if some == [Acceptance::Accepted(id(1, &near()))])
    );
}

#[test]
fn opt_outs_of_unknown_apps_and_of_other_partitions_are_refused() {
    let mut world = World::empty();
    assert_eq!(world.apply(group_of(&near()), put(OptOutSource::Reply)), refused(Refusal::AppNotFound));
    assert_eq!(world.apply(group_of(&far()), put(OptOutSource::Reply)), refused(Refusal::WrongGroup));
    assert_eq!(world.apply(group_of(&near()), delete()), refused(Refusal::AppNotFound));
}

#[test]
fn a_number_in_the_list_gets_nothing_of_any_app_that_goes_by_it() {
    let mut world = World::new();
    let group = group_of(&near());
    let (list, key) = (OptOutList::DEFAULT, key(&near()));
    let put = |source| Command::PutListedOptOut { list: list.clone(), key: key.clone(), source };
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    let (source, time) = (OptOutSource::Reply, Timestamp(START));
    let first = ListedOptOut { list: list.clone(), key: key.clone(), source, time };
    for source in [OptOutSource::Reply, OptOutSource::Request] {
        assert_eq!(world.apply(group, put(source)), Outcome::ListedOptOut(first.clone()));
        assert!(world.forbade());
        world.now += 5;
    }
    assert_eq!(world.tables(group).row::<ListedOptOuts>(&(list.clone(), key.clone())).unwrap(), Some(first));
    assert_eq!(world.accept(2, &near(), None), Outcome::Accepted(vec![Acceptance::OptedOut]));
    let whom = |channel| Whom { app: model::AppId(0xbb), key: &key, channel, endpoint: None };
    for (channel, expected) in
        [(Channel::Sms, Some(Ban::OptedOut)), (Channel::Voice, Some(Ban::OptedOut)), (Channel::Email, None)]
    {
        assert_eq!(ban(world.tables(group), whom(channel)).unwrap(), expected, "{channel}");
    }
    assert_eq!(world.status(message), Status::Waiting);
    let delete = Command::DeleteListedOptOut { list, key: key.clone() };
    assert_eq!(world.apply(group, delete.clone()), Outcome::Done);
    assert_eq!(world.apply(group, delete), refused(Refusal::OptOutNotFound));
    assert_eq!(ban(world.tables(group), whom(Channel::Sms)).unwrap(), None);
    let far = Command::PutListedOptOut {
        list: OptOutList::DEFAULT,
        key: self::key(&self::far()),
        source: OptOutSource::Reply,
    };
    assert_eq!(world.apply(group, far), refused(Refusal::WrongGroup));
}

#[test]
fn blocks_forbid_what_their_reason_says() {
    use BlockReason::{Deleted, Inactive, OptedOut};
    for (reason, channel, to, expected) in [
        (OptedOut, Channel::Sms, None, Some(Acceptance::OptedOut)),
        (OptedOut, Channel::Sms, Some("other"), Some(Acceptance::OptedOut)),
        (OptedOut, Channel::Voice, None, None),
        (OptedOut, Channel::Voice, Some("e"), Some(Acceptance::OptedOut)),
        (Inactive, Channel::Sms, None, None),
        (Inactive, Channel::Sms, Some("e"), Some(Acceptance::Inactive)),
        (Deleted, Channel::Sms, Some("e"), Some(Acceptance::Inactive)),
        (Deleted, Channel::Sms, Some("other"), None),
    ] {
        let mut world = World::new();
        world.apply(group_of(&near()), follow_up(1, blocked("e", channel, reason, 1)));
        let expected = expected.unwrap_or(Acceptance::Accepted(id(1, &near())));
        assert_eq!(world.accept_to(1, (&near(), to), None), Outcome::Accepted(vec![expected]), "{reason:?} {to:?}");
    }
}

#[test]
fn every_one_of_many_blocks_counts() {
    for (last, expected) in
        [(BlockReason::Inactive, Acceptance::Inactive), (BlockReason::OptedOut, Acceptance::OptedOut)]
    {
        let mut world = World::new();
        for n in 1..=40 {
            let reason = if n == 40 { last } else { BlockReason::Inactive };
            world.apply(group_of(&near()), follow_up(n, blocked(&format!("e{n:03}"), Channel::Sms, reason, 1)));
        }
        assert_eq!(world.accept_to(1, (&near(), Some("e001")), None), Outcome::Accepted(vec![expected]));
    }
}

#[test]
fn follow_ups_apply_once_and_in_order() {
    let mut world = World::new();
    let group = group_of(&near());
    let first = follow_up(1, blocked("e", Channel::Sms, BlockReason::Inactive, 1));
    let third = follow_up(3, blocked("e", Channel::Sms, BlockReason::OptedOut, 3));
    assert_eq!(world.apply(group, first.clone()), Outcome::Done);
    assert_eq!(world.apply(group, third), refused(Refusal::FollowUpGap { number: 3, expected: 2 }));
    let lift = FollowUpAction::RemoveBlock { app: APP, key: key(&near()), endpoint: endpoint_id("e") };
    assert_eq!(world.apply(group, follow_up(2, lift)), Outcome::Done);
    assert_eq!(world.apply(group, first), Outcome::Done);
    assert!(world.forbade());
    assert_eq!(world.tables(group).row::<Blocks>(&(APP, key(&near()), endpoint_id("e"))).unwrap(), None);
}

#[test]
fn follow_ups_are_removed_through_a_number() {
    let mut world = World::empty();
    for app in 1..=3 {
        let tags = Default::default();
        world.control(Command::CreateApp { app: model::AppId(app), name: "n".into(), tags });
    }
    world.control(Command::FollowUpsDone { target: GroupId(1), through: 2 });
    let owed: Vec<_> = world.owed(GroupId::CONTROL).into_iter().map(|(key, _)| key).collect();
    assert_eq!(owed, [(GroupId(1), 3), (GroupId(2), 1), (GroupId(2), 2), (GroupId(2), 3)]);
}

#[test]
fn what_a_provider_says_is_recorded_once_and_opts_out_where_it_must() {
    for (kind, source) in [
        (EventKind::HardBounce, Some(OptOutSource::HardBounce)),
        (EventKind::Complaint, Some(OptOutSource::Complaint)),
        (EventKind::Unsubscribed, Some(OptOutSource::Unsubscribe)),
        (EventKind::Delivered, None),
        (EventKind::SoftBounce, None),
    ] {
        let mut world = World::new();
        let message = world.accepted(1, &near(), Class::AtLeastOnce);
        world.settle(message, ("a", 1), delivered());
        let event = ProviderEvent { message, kind, detail: Some("said so".into()) };
        let record = Command::RecordEvents { events: vec![event.clone(), event] };
        assert_eq!(world.apply(message.group(), record.clone()), Outcome::Recorded { changed: 1 });
        assert_eq!(world.apply(message.group(), record), Outcome::Recorded { changed: 0 });
        assert_eq!(world.forbade(), source.is_some());
        assert_eq!(world.events(message), [EventKind::Sent, kind]);
        let row = world.tables(message.group()).row::<OptOuts>(&(APP, key(&near()), Channel::Sms)).unwrap();
        assert_eq!(row.map(|row| row.source), source);
    }
}

/// Health counts by it: once for a message, whatever is said of it and how often, and only after its provider took it.
#[test]
fn a_message_is_heard_of_once_and_how_long_after_it_was_taken() {
    let mut world = World::new();
    let messages = [world.accepted(1, &near(), Class::AtLeastOnce), world.accepted(2, &near(), Class::AtLeastOnce)];
    world.settle(messages[0], ("a", 1), delivered());
    world.now += 7_000;
    let mut ages = Vec::new();
    for (message, kind) in [
        (messages[0], EventKind::SoftBounce),
        (messages[0], EventKind::SoftBounce),
        (messages[0], EventKind::Delivered),
        (messages[1], EventKind::Delivered),
    ] {
        let events = vec![ProviderEvent { message, kind, detail: None }];
        world.apply(message.group(), Command::RecordEvents { events });
        let heard = |effect: &Effect| match effect {
            Effect::HeardOf { region, channel, age, .. } => Some((region.to_string(), *channel, age.as_secs())),
            _ => None,
        };
        ages.push(world.effects.iter().find_map(heard));
    }
    let heard = |age| Some(("a".to_owned(), Channel::Sms, age));
    assert_eq!(ages, [heard(7), None, None, heard(0)], "of the second nobody knew yet that it was taken");
}

#[test]
fn opt_outs_follow_for_ninety_days_after_a_message_was_settled() {
    let kinds = [EventKind::HardBounce, EventKind::Complaint, EventKind::Unsubscribed];
    for (kind, days, opts_out) in
        kinds.into_iter().map(|kind| (kind, 4, true)).chain([(kinds[1], 89, true), (kinds[1], 91, false)])
    {
        let mut world = World::new();
        let message = world.accepted(1, &near(), Class::AtLeastOnce);
        world.settle(message, ("a", 1), delivered());
        let record = Command::RecordEvents { events: vec![ProviderEvent { message, kind, detail: None }] };
        world.now += days * DAY;
        for _ in 0..2 {
            world.apply(message.group(), Command::Retire { limit: 10 });
        }
        assert_eq!(world.tables(message.group()).row::<Messages>(&message).unwrap(), None);
        assert_eq!(world.apply(message.group(), record.clone()), Outcome::Recorded { changed: u32::from(opts_out) });
        assert!(world.forbade());
        let key = (APP, key(&near()), Channel::Sms);
        assert_eq!(world.tables(message.group()).row::<OptOuts>(&key).unwrap().is_some(), opts_out, "{kind} {days}");
        // Said again after an opt-in it changes nothing.
        world.apply(message.group(), delete());
        assert_eq!(world.apply(message.group(), record), Outcome::Recorded { changed: 0 });
        assert_eq!(world.tables(message.group()).row::<OptOuts>(&key).unwrap(), None);
    }
}

#[test]
fn what_was_heard_before_a_message_was_retired_is_not_heard_again() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    world.settle(message, ("a", 1), delivered());
    let record = |kind| Command::RecordEvents { events: vec![ProviderEvent { message, kind, detail: None }] };
    world.apply(message.group(), record(EventKind::HardBounce));
    world.apply(message.group(), delete());
    world.now += 4 * DAY;
    world.apply(message.group(), Command::Retire { limit: 10 });
    assert_eq!(world.apply(message.group(), record(EventKind::HardBounce)), Outcome::Recorded { changed: 0 });
    assert_eq!(world.apply(message.group(), record(EventKind::Complaint)), Outcome::Recorded { changed: 1 });
    assert_eq!(world.apply(message.group(), record(EventKind::Delivered)), Outcome::Recorded { changed: 0 });
}

#[test]
fn what_never_left_or_belonged_to_a_deleted_app_leaves_no_trace() {
    let mut world = World::new();
    let group = group_of(&near());
    let never = world.accepted(1, &near(), Class::AtLeastOnce);
    world.settle(never, ("a", 1), model::message::SendResult::Forbidden);
    let gone = world.accepted(2, &near(), Class::AtLeastOnce);
    world.settle(gone, ("a", 1), delivered());
    let taken = |world: &World| world.tables(group).rows_while::<Traces>(&model::MessageId(0), 9, |_| true).unwrap();
    let mut other = world.clone();
    world.now += 4 * DAY;
    world.apply(group, Command::Retire { limit: 10 });
    assert_eq!(taken(&world).into_iter().map(|(id, _)| id).collect::<Vec<_>>(), [gone]);
    other.control(Command::DeleteApp { app: APP });
    other.carry();
    other.now += 4 * DAY;
    other.apply(group, Command::Retire { limit: 10 });
    assert_eq!(taken(&other), []);
    world.now += 90 * DAY;
    assert_eq!(
        world.apply(group, Command::Retire { limit: 10 }),
        Outcome::Chunk { touched: 1, next: None, more: false }
    );
    assert_eq!(taken(&world), []);
}

#[test]
fn what_no_provider_says_is_ignored() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    let unknown = id(99, &near());
    let event = |message, kind| ProviderEvent { message, kind, detail: None };
    let events = vec![event(message, EventKind::Sent), event(unknown, EventKind::Delivered)];
    assert_eq!(world.apply(message.group(), Command::RecordEvents { events }), Outcome::Recorded { changed: 0 });
    assert_eq!(world.status(message), Status::Waiting);
}
