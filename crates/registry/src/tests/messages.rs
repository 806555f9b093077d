//! Messages from acceptance to settlement, and the claims between.

use std::collections::BTreeMap;

use model::accounting::Accounting;
use model::app::ChannelDetail;
use model::body::BodyContent;
use model::channel::Channel;
use model::command::{AcceptMessages, Command, Resolution};
use model::content::Purpose;
use model::event::{EventKind, ProviderEvent};
use model::id::{BodyId, Epoch, GroupId, MessageId};
use model::message::{Class, EVENTS_MAX, SendResult, Status};
use model::opt_out::OptOutSource;
use model::outcome::{Acceptance, Outcome, Refusal};
use model::time::Timestamp;

use super::world::*;
use crate::Effect;
use crate::tables::{AccountingOf, Bodies, Incarnations, Messages, RowAccess};

const MINUTE: u64 = 60_000;

#[test]
fn recipients_are_answered_in_order_and_share_a_body() {
    let mut world = World::new();
    let group = group_of(&near());
    let others: Vec<_> = (1_000..).map(number).filter(|target| group_of(target) == group).take(2).collect();
    let (source, key) = (OptOutSource::Request, key(&others[0]));
    world.apply(group, Command::PutOptOut { app: APP, key, channel: Channel::Sms, source });
    let command = accept(&[(1, near(), None), (2, others[0].clone(), None), (3, others[1].clone(), None)]);
    let outcome = world.apply(group, Command::AcceptMessages(Box::new(command.clone())));
    let (first, third) = (id(1, &near()), id(3, &near()));
    let expected = [Acceptance::Accepted(first), Acceptance::OptedOut, Acceptance::Accepted(third)];
    assert_eq!(outcome, Outcome::Accepted(expected.to_vec()));
    assert_eq!(world.accounting(group), Accounting { accepted: 2, pending: 2, ..Accounting::default() });
    let body = world.tables(group).row::<Bodies>(&(APP, BodyId(1))).unwrap().unwrap();
    assert_eq!((body.references, body.content), (2, command.content));
    let message = world.tables(group).row::<Messages>(&first).unwrap().unwrap();
    assert_eq!(message.expires, Timestamp(START + DAY));
    assert_eq!(message.context, BTreeMap::from([("own".into(), "1".into()), ("shared".into(), "1".into())]));
    let progress = world.progress(first);
    assert_eq!((progress.region, progress.epoch, progress.due), (region("a"), Epoch(1), Timestamp(START)));
}

#[test]
fn senders_are_told_of_a_new_message() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtMostOnce);
    let waiting = Effect::Waiting {
        region: region("a"),
        due: Timestamp(START),
        message,
        channel: Channel::Sms,
        class: Class::AtMostOnce,
        attempts: 0,
    };
    assert_eq!(world.effects, [waiting]);
}

#[test]
fn a_message_that_exists_is_accepted_again_without_effect() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    world.settle(message, ("a", 1), delivered());
    let before = world.clone();
    assert_eq!(world.accepted(1, &near(), Class::AtLeastOnce), message);
    assert_eq!((world.groups, world.effects), (before.groups, Vec::new()));
}

#[test]
fn nothing_is_accepted_that_nobody_could_send() {
    let mut world = World::empty();
    assert_eq!(world.accept(1, &near(), None), refused(Refusal::AppNotFound));
    world.control(Command::CreateApp { app: APP, name: "n".into(), tags: BTreeMap::new() });
    world.carry();
    assert_eq!(world.accept(1, &near(), None), refused(Refusal::ChannelNotFound));
    let detail = ChannelDetail::Sms { sender_id: None, short_code: None, default_country: None };
    let sms = Command::PutChannel { app: APP, channel: Channel::Sms, enabled: None, class: None, detail };
    world.control(sms);
    world.carry();
    assert_eq!(world.accept(1, &near(), None), refused(Refusal::NoPlan));
    let mut plan = world.plan(&[("a", 1)]);
    plan.epoch = Epoch(9);
    plan.channel_weights.insert(Channel::Sms, BTreeMap::from([(region("a"), 0)]));
    world.partitions(&Command::AdoptPlan { plan: Box::new(plan) });
    assert_eq!(world.accept(1, &near(), None), refused(Refusal::NoRegion));
}

#[test]
fn the_class_is_the_requests_else_the_channels_else_the_purposes() {
    for (request, channel, purpose, expected) in [
        (None, None, Purpose::Transactional, Class::AtLeastOnce),
        (None, None, Purpose::Promotional, Class::AtMostOnce),
        (None, Some(Class::AtMostOnce), Purpose::Transactional, Class::AtMostOnce),
        (Some(Class::AtLeastOnce), Some(Class::AtMostOnce), Purpose::Promotional, Class::AtLeastOnce),
    ] {
        let mut world = World::new();
        let detail = ChannelDetail::Sms { sender_id: None, short_code: None, default_country: None };
        let sms = Command::PutChannel { app: APP, channel: Channel::Sms, enabled: None, class: channel, detail };
        world.control(sms);
        world.carry();
        let accept = AcceptMessages {
            class: request,
            content: BodyContent::Whole(content(purpose)),
            ..accept(&[(1, near(), None)])
        };
        world.apply(group_of(&near()), Command::AcceptMessages(Box::new(accept)));
        let message = world.tables(group_of(&near())).row::<Messages>(&id(1, &near())).unwrap().unwrap();
        assert_eq!(message.class, expected, "{request:?} {channel:?} {purpose:?}");
    }
}

#[test]
fn results_settle_a_message_as_they_say() {
    let failed = || SendResult::Failed { detail: "no such number".into() };
    let (late, soon) = (START + DAY, START + MINUTE);
    use Class::{AtLeastOnce, AtMostOnce};
    for (class, result, status, event, attempts) in [
        (AtLeastOnce, delivered(), Status::Delivered, EventKind::Sent, 1),
        (AtLeastOnce, failed(), Status::Failed, EventKind::Failed, 1),
        (AtLeastOnce, SendResult::Forbidden, Status::OptedOut, EventKind::OptedOut, 0),
        (AtLeastOnce, retry(soon), Status::Waiting, EventKind::Retried, 1),
        (AtLeastOnce, retry(late), Status::Expired, EventKind::Expired, 1),
        (AtLeastOnce, unknown(soon), Status::Waiting, EventKind::Retried, 1),
        (AtMostOnce, delivered(), Status::Delivered, EventKind::Sent, 1),
        (AtMostOnce, failed(), Status::Failed, EventKind::Failed, 1),
        (AtMostOnce, SendResult::Forbidden, Status::OptedOut, EventKind::OptedOut, 0),
        (AtMostOnce, retry(soon), Status::Waiting, EventKind::Retried, 1),
        (AtMostOnce, unknown(soon), Status::Held, EventKind::Held, 1),
    ] {
        let mut world = World::new();
        let message = world.accepted(1, &near(), class);
        if class == AtMostOnce {
            assert!(world.claim(message, "a", claim(1, 1)));
        }
        assert_eq!(world.settle(message, ("a", 1), result.clone()), 1);
        let progress = world.progress(message);
        assert_eq!(
            (progress.status, progress.attempts, progress.claim),
            (status, attempts, None),
            "{class} {result:?}"
        );
        assert_eq!(world.events(message), [event]);
        let gone = Effect::Gone { region: region("a"), message };
        assert_eq!(world.effects.contains(&gone), status != Status::Waiting);
    }
}

#[test]
fn a_retry_waits_for_its_time_in_the_outbox() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    world.settle(message, ("a", 1), retry(START + MINUTE));
    let progress = world.progress(message);
    assert_eq!((progress.due, progress.detail.as_deref()), (Timestamp(START + MINUTE), Some("busy")));
    assert!(matches!(world.effects[..], [Effect::Recorded { .. }, Effect::Waiting { attempts: 1, .. }]));
    assert_eq!(world.settle(message, ("a", 2), delivered()), 1);
    assert_eq!(world.progress(message).provider_id.as_deref(), Some("p-1"));
}

#[test]
fn results_of_counted_dispatches_and_of_other_regions_are_ignored() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    let soon = START + MINUTE;
    assert_eq!(world.settle(message, ("b", 1), retry(soon)), 0);
    assert_eq!(world.settle(message, ("a", 2), retry(soon)), 0);
    assert_eq!(world.settle(message, ("a", 1), retry(soon)), 1);
    assert_eq!(world.settle(message, ("a", 1), SendResult::Forbidden), 0);
    assert_eq!(world.settle(id(9, &near()), ("a", 1), delivered()), 0);
    assert_eq!(world.progress(message).attempts, 1);
}

#[test]
fn that_a_provider_took_it_is_never_ignored() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    assert_eq!(world.settle(message, ("b", 3), delivered()), 1);
    let progress = world.progress(message);
    assert_eq!((progress.status, progress.region, progress.attempts), (Status::Delivered, region("b"), 3));
    assert_eq!(world.settle(message, ("a", 1), delivered()), 0);
}

#[test]
fn an_ended_message_is_delivered_once_a_provider_is_known_to_have_taken_it() {
    let expired = SendResult::Retry { due: Timestamp(START + DAY), detail: "not now".to_owned() };
    let failed = SendResult::Failed { detail: "no".to_owned() };
    for (ending, ended_as) in [
        (SendResult::Forbidden, (Status::OptedOut, EventKind::OptedOut)),
        (expired, (Status::Expired, EventKind::Expired)),
        (failed, (Status::Failed, EventKind::Failed)),
    ] {
        let mut world = World::new();
        let message = world.accepted(1, &near(), Class::AtLeastOnce);
        world.settle(message, ("a", 1), ending);
        assert_eq!(world.status(message), ended_as.0);
        let mut reported = world.clone();

        for changed in [1, 0] {
            assert_eq!(world.settle(message, ("b", 1), delivered()), changed);
        }
        let progress = world.progress(message);
        assert_eq!((progress.status, progress.region, progress.detail), (Status::Delivered, region("b"), None));
        assert_eq!(world.events(message), [ended_as.1, EventKind::Sent]);
        assert_only_delivered(&world, message);

        let event = ProviderEvent { message, kind: EventKind::Delivered, detail: None };
        let record = Command::RecordEvents { events: vec![event] };
        assert_eq!(reported.apply(message.group(), record), Outcome::Recorded { changed: 1 });
        assert_eq!(reported.status(message), Status::Delivered);
        assert_eq!(reported.events(message), [ended_as.1, EventKind::Delivered]);
        assert_only_delivered(&reported, message);
    }
}

#[test]
fn what_a_provider_delivered_is_not_sent_again_and_ends_as_nothing_else() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    let unknown = SendResult::Unknown { due: Timestamp(START + MINUTE), detail: "cut off".to_owned() };
    world.settle(message, ("a", 1), unknown);
    let events = vec![ProviderEvent { message, kind: EventKind::Delivered, detail: None }];
    world.apply(message.group(), Command::RecordEvents { events });
    assert_only_delivered(&world, message);
    assert_eq!(world.settle(message, ("a", 2), SendResult::Forbidden), 0);
    assert_eq!(world.settle(message, ("a", 2), delivered()), 1);
    assert_eq!(world.settle(message, ("a", 2), delivered()), 0);
    let progress = world.progress(message);
    assert_eq!((progress.status, progress.attempts), (Status::Delivered, 2));
    assert_only_delivered(&world, message);
}

/// The one accepted message is counted as delivered and as nothing else.
fn assert_only_delivered(world: &World, message: MessageId) {
    let accounting = world.tables(message.group()).row::<AccountingOf>(&APP).unwrap().unwrap();
    assert_eq!(accounting, Accounting { accepted: 1, delivered: 1, ..Accounting::default() });
}

#[test]
fn long_details_are_cut() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    world.settle(message, ("a", 1), SendResult::Failed { detail: "ä".repeat(500) });
    assert_eq!(world.progress(message).detail.unwrap().chars().count(), model::message::DETAIL_MAX);
}

#[test]
fn a_message_is_claimed_by_one_holder() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtMostOnce);
    assert!(!world.claim(message, "b", claim(1, 1)));
    assert!(world.claim(message, "a", claim(1, 1)));
    assert!(world.claim(message, "a", claim(1, 1)));
    assert!(!world.claim(message, "a", claim(1, 2)));
    assert!(!world.claim(message, "a", claim(2, 1)));
    world.settle(message, ("a", 1), retry(START + 1));
    assert!(world.claim(message, "a", claim(2, 1)));
}

#[test]
fn only_at_most_once_messages_that_still_wait_are_claimed() {
    let mut world = World::new();
    let often = world.accepted(1, &near(), Class::AtLeastOnce);
    let once = world.accepted(2, &near(), Class::AtMostOnce);
    assert!(!world.claim(often, "a", claim(1, 1)));
    world.now += DAY;
    assert!(!world.claim(once, "a", claim(1, 1)));
    world.settle(once, ("a", 1), delivered());
    assert!(!world.claim(once, "a", claim(1, 1)));
    assert!(!world.claim(id(9, &near()), "a", claim(1, 1)));
}

#[test]
fn a_claim_is_given_back_by_its_holder_only() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtMostOnce);
    world.claim(message, "a", claim(1, 1));
    let release = |claim| Command::ReleaseClaims { claim, messages: vec![message] };
    assert_eq!(world.apply(message.group(), release(claim(2, 1))), Outcome::Recorded { changed: 0 });
    assert_eq!(world.apply(message.group(), release(claim(1, 1))), Outcome::Recorded { changed: 1 });
    assert!(matches!(world.effects[..], [Effect::Waiting { .. }]));
    assert!(world.claim(message, "a", claim(2, 1)));
}

#[test]
fn claims_of_earlier_incarnations_are_held_and_worth_nothing() {
    let mut world = World::new();
    let group = group_of(&near());
    let messages = [1, 2, 3].map(|n| world.accepted(n, &near(), Class::AtMostOnce));
    for message in messages {
        world.claim(message, "a", claim(1, 1));
    }
    let begin_incarnation = |incarnation| Command::BeginIncarnation {
        node: model::NodeId(1),
        incarnation: model::Incarnation(incarnation),
        limit: 2,
    };
    let chunk = |touched, more| Outcome::Chunk { touched, next: None, more };
    assert_eq!(world.apply(group, begin_incarnation(1)), chunk(0, false));
    assert_eq!(world.apply(group, begin_incarnation(2)), chunk(2, true));
    assert_eq!(world.apply(group, begin_incarnation(2)), chunk(1, false));
    assert!(messages.iter().all(|message| world.status(*message) == Status::Held));
    let fourth = world.accepted(4, &near(), Class::AtMostOnce);
    assert!(!world.claim(fourth, "a", claim(1, 1)));
    assert!(world.claim(fourth, "a", claim(1, 2)));
    let known = model::Incarnation(2);
    assert_eq!(world.apply(group, begin_incarnation(1)), refused(Refusal::IncarnationOutdated { known }));
    assert_eq!(world.tables(group).row::<Incarnations>(&model::NodeId(1)).unwrap(), Some(model::Incarnation(2)));
}

/// Returns a world with a held message.
fn held() -> (World, model::MessageId) {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtMostOnce);
    world.claim(message, "a", claim(1, 1));
    world.settle(message, ("a", 1), unknown(START));
    (world, message)
}

fn resolve(world: &mut World, message: model::MessageId, resolution: Resolution) -> Outcome {
    world.apply(message.group(), Command::ResolveHeld { messages: vec![message], resolution })
}

#[test]
fn held_messages_become_what_is_decided() {
    for (resolution, status) in [
        (Resolution::Resend, Status::Waiting),
        (Resolution::GiveUp, Status::Failed),
        (Resolution::Delivered, Status::Delivered),
    ] {
        let (mut world, message) = held();
        assert_eq!(resolve(&mut world, message, resolution), Outcome::Recorded { changed: 1 });
        assert_eq!(world.status(message), status);
        assert_eq!(resolve(&mut world, message, resolution), Outcome::Recorded { changed: 0 });
    }
}

#[test]
fn a_resent_message_is_a_new_attempt_where_the_plan_sends_it_now() {
    let (mut world, message) = held();
    world.plan(&[("b", 1)]);
    resolve(&mut world, message, Resolution::Resend);
    let progress = world.progress(message);
    assert_eq!((progress.region, progress.epoch, progress.attempts), (region("b"), Epoch(2), 1));
    assert_eq!(world.settle(message, ("b", 1), retry(START)), 0);
    assert!(world.claim(message, "b", claim(2, 1)));
    assert_eq!(world.settle(message, ("b", 2), delivered()), 1);
}

#[test]
fn a_held_message_is_resent_only_while_it_is_worth_it_and_somebody_may() {
    let (mut world, message) = held();
    world.now += DAY;
    let mut late = world.clone();
    resolve(&mut late, message, Resolution::Resend);
    assert_eq!(late.status(message), Status::Expired);
    world.now -= DAY;
    let mut plan = world.plan(&[("a", 1)]);
    plan.epoch = Epoch(9);
    plan.weights.clear();
    world.partitions(&Command::AdoptPlan { plan: Box::new(plan) });
    assert_eq!(resolve(&mut world, message, Resolution::Resend), Outcome::Recorded { changed: 0 });
    assert_eq!(world.status(message), Status::Held);
}

#[test]
fn a_held_message_is_settled_by_what_becomes_known() {
    let (mut world, message) = held();
    assert_eq!(world.settle(message, ("a", 1), retry(START)), 0);
    assert_eq!(world.settle(message, ("a", 2), SendResult::Forbidden), 0);
    let mut by_provider = world.clone();
    assert_eq!(world.settle(message, ("a", 1), delivered()), 1);
    assert_eq!(world.status(message), Status::Delivered);
    let event = ProviderEvent { message, kind: EventKind::Delivered, detail: None };
    by_provider.apply(message.group(), Command::RecordEvents { events: vec![event] });
    assert_eq!(by_provider.status(message), Status::Delivered);
    assert_eq!(by_provider.events(message), [EventKind::Held, EventKind::Delivered]);
}

#[test]
fn the_accounting_closes_for_each_partition_alone() {
    let mut world = World::new();
    let here = world.accepted(1, &near(), Class::AtLeastOnce);
    world.accepted(2, &far(), Class::AtLeastOnce);
    world.settle(here, ("a", 1), delivered());
    assert_eq!(world.accounting(group_of(&near())), Accounting { accepted: 1, delivered: 1, ..Accounting::default() });
    assert_eq!(world.accounting(group_of(&far())), Accounting { accepted: 1, pending: 1, ..Accounting::default() });
    assert_eq!(world.accounting(GroupId::CONTROL), Accounting::default());
}

#[test]
fn every_kind_of_report_is_recorded_once_however_many_there_are() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    world.settle(message, ("a", 1), delivered());
    let kinds = [
        EventKind::Delivered,
        EventKind::SoftBounce,
        EventKind::Undelivered,
        EventKind::HardBounce,
        EventKind::Complaint,
        EventKind::Unsubscribed,
    ];
    let report = |kind: &EventKind| ProviderEvent { message, kind: *kind, detail: None };
    let events: Vec<ProviderEvent> = kinds.iter().map(report).collect();
    let record = Command::RecordEvents { events };
    assert_eq!(world.apply(message.group(), record.clone()), Outcome::Recorded { changed: 6 });
    assert_eq!(world.apply(message.group(), record), Outcome::Recorded { changed: 0 });
}

#[test]
fn of_many_events_the_first_and_the_latest_are_kept() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    let last = EVENTS_MAX as u32 + 20;
    for attempt in 1..=last {
        let due = Timestamp(world.now + 1);
        world.now += 2;
        world.settle(message, ("a", attempt), SendResult::Retry { due, detail: format!("try {attempt}") });
    }
    let numbers: Vec<u64> = world.progress(message).events.iter().map(|event| event.number).collect();
    assert_eq!(numbers.len(), EVENTS_MAX);
    assert_eq!((numbers[0], numbers[1], numbers[EVENTS_MAX - 1]), (1, 22, u64::from(last)));
}
