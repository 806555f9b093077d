//! Requests that come again: each recipient gets its first answer, whatever changed meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use model::channel::Channel;
use model::command::{AcceptMessages, Command, Proposal, Recipient};
use model::endpoint::{EndpointPatch, FORMER_KEPT, FormerGroup, Target};
use model::id::{GroupId, RequestId};
use model::message::RECIPIENTS_MAX;
use model::opt_out::OptOutSource;
use model::outcome::{Acceptance, Outcome, Refusal};
use model::request::{REQUEST_KEPT, RecipientName};
use model::time::Timestamp;

use super::world::*;
use crate::tables::{AppSendStates, DeletedEndpoints, Endpoints, Messages, Requests, RowAccess};

const REQUEST: RequestId = RequestId(99);

/// Asks for messages to targets or their endpoints, numbered, in the group of the first.
fn ask(world: &mut World, recipients: &[(u64, Target, Option<&str>)]) -> Outcome {
    let command = Command::AcceptMessages(Box::new(accept(recipients)));
    world.propose(group_of(&recipients[0].1), Proposal { request: Some(REQUEST), command })
}

/// Closes the request for endpoints in a group.
fn close(world: &mut World, group: GroupId, endpoints: &[&str]) -> Outcome {
    let recipients = endpoints.iter().map(|id| RecipientName::endpoint(&endpoint_id(id), 0)).collect();
    world.apply(group, Command::CloseRequest { request: REQUEST, recipients })
}

fn told(answers: &[Acceptance]) -> Outcome {
    Outcome::Accepted(answers.to_vec())
}

fn message(number: u64, target: &Target) -> Acceptance {
    Acceptance::Accepted(id(number, target))
}

/// Three targets of one group.
fn three() -> [Target; 3] {
    let mut targets = (0..).map(number).filter(|target| group_of(target) == home());
    std::array::from_fn(|_| targets.next().unwrap())
}

fn disable(world: &mut World) {
    let (_, detail) = channels()[1].clone();
    world.control(Command::PutChannel { app: APP, channel: Channel::Sms, enabled: Some(false), class: None, detail });
    world.carry();
}

#[test]
fn answers_go_by_the_recipients_name_and_not_by_its_place() {
    let mut world = World::new();
    let [a, b, c] = three();
    let first = ask(&mut world, &[(1, a.clone(), Some("a")), (2, b.clone(), Some("b")), (3, c.clone(), None)]);
    assert_eq!(first, told(&[message(1, &a), message(2, &b), message(3, &c)]));
    let again = ask(&mut world, &[(4, c.clone(), None), (5, b.clone(), Some("b"))]);
    assert_eq!(again, told(&[message(3, &c), message(2, &b)]));
    assert_eq!(ask(&mut world, &[(6, b.clone(), Some("a"))]), told(&[message(1, &a)]));
    assert_eq!(
        ask(&mut world, &[(7, a.clone(), Some("b")), (8, a.clone(), None)]),
        told(&[message(2, &b), message(8, &a)])
    );
    assert_eq!(world.tables(home()).row::<Messages>(&id(7, &a)).unwrap(), None);
}

#[test]
fn recipients_that_are_named_alike_are_told_apart() {
    let mut world = World::new();
    let mut twice = accept(&[(1, near(), None), (2, near(), None)]);
    twice.recipients[1].name = RecipientName::address(Channel::Sms, near().address.as_str(), 1);
    let asked = |recipients: Vec<Recipient>| Proposal {
        request: Some(REQUEST),
        command: Command::AcceptMessages(Box::new(AcceptMessages { recipients, ..accept(&[]) })),
    };
    assert_eq!(
        world.propose(home(), asked(twice.recipients.clone())),
        told(&[message(1, &near()), message(2, &near())])
    );
    twice.recipients.reverse();
    assert_eq!(world.propose(home(), asked(twice.recipients)), told(&[message(2, &near()), message(1, &near())]));
}

#[test]
fn what_was_accepted_stays_accepted_when_its_channel_is_switched_off() {
    let mut world = World::new();
    let [a, b, _] = three();
    ask(&mut world, &[(1, a.clone(), None)]);
    disable(&mut world);
    assert_eq!(ask(&mut world, &[(2, a.clone(), None)]), told(&[message(1, &a)]));
    let both = ask(&mut world, &[(3, b.clone(), None), (4, a.clone(), None)]);
    assert_eq!(both, told(&[Acceptance::Refused(Refusal::ChannelDisabled), message(1, &a)]));
    assert_eq!(ask(&mut world, &[(5, b, None)]), refused(Refusal::ChannelDisabled));
}

#[test]
fn a_bad_recipients_first_answer_is_kept_as_well() {
    let mut world = World::new();
    let opt_out = |source| Command::PutOptOut { app: APP, key: key(&near()), channel: Channel::Sms, source };
    world.apply(home(), opt_out(OptOutSource::Request));
    assert_eq!(ask(&mut world, &[(1, near(), None)]), told(&[Acceptance::OptedOut]));
    world.apply(home(), Command::DeleteOptOut { app: APP, key: key(&near()), channel: Channel::Sms });
    assert_eq!(ask(&mut world, &[(2, near(), None)]), told(&[Acceptance::OptedOut]));
}

#[test]
fn what_may_be_repeated_is_not_kept() {
    let mut world = World::empty();
    world.control(Command::CreateApp { app: APP, name: "shop".into(), tags: BTreeMap::new() });
    let (channel, detail) = channels()[1].clone();
    world.control(Command::PutChannel { app: APP, channel, enabled: None, class: None, detail });
    world.carry();
    assert_eq!(ask(&mut world, &[(1, near(), None)]), refused(Refusal::NoPlan));
    world.plan(&[("a", 1)]);
    assert_eq!(ask(&mut world, &[(2, near(), None)]), told(&[message(2, &near())]));
    let mut world = World::new();
    let send_state = world.tables(home()).row::<AppSendStates>(&APP).unwrap().unwrap();
    world.groups[usize::from(home().0)].remove_row::<AppSendStates>(&APP);
    assert_eq!(ask(&mut world, &[(1, near(), None)]), refused(Refusal::AppNotFound));
    world.groups[usize::from(home().0)].store_row::<AppSendStates>(APP, send_state);
    assert_eq!(ask(&mut world, &[(2, near(), None)]), told(&[message(2, &near())]));
}

#[test]
fn a_closed_request_is_answered_as_before_and_accepts_nothing_more() {
    let mut world = World::new();
    let [a, b, _] = three();
    ask(&mut world, &[(1, a.clone(), Some("a"))]);
    let expected = told(&[Acceptance::Closed, message(1, &a)]);
    assert_eq!(close(&mut world, home(), &["b", "a"]), expected);
    assert_eq!(ask(&mut world, &[(2, b, Some("b")), (3, a.clone(), Some("a"))]), expected);
    world.now += REQUEST_KEPT.as_millis() as u64;
    world.apply(home(), Command::Retire { limit: 10 });
    assert_eq!(ask(&mut world, &[(4, a.clone(), Some("a"))]), told(&[message(4, &a)]));
}

#[test]
fn a_request_id_names_as_many_recipients_as_a_request() {
    let mut world = World::new();
    let mut targets = (0..).map(number).filter(|target| group_of(target) == home());
    let all: Vec<_> = (0..RECIPIENTS_MAX as u64).map(|n| (n, targets.next().unwrap(), None)).collect();
    ask(&mut world, &all);
    let more = (1_000, targets.next().unwrap(), None);
    assert_eq!(ask(&mut world, std::slice::from_ref(&more)), refused(Refusal::RequestReused(RECIPIENTS_MAX)));
    let both = ask(&mut world, &[all[7].clone(), more]);
    let expected = [message(7, &all[7].1), Acceptance::Refused(Refusal::RequestReused(RECIPIENTS_MAX))];
    assert_eq!(both, told(&expected));
    assert_eq!(close(&mut world, home(), &["a"]), refused(Refusal::RequestReused(RECIPIENTS_MAX)));
    let row = world.tables(home()).row::<Requests>(&REQUEST).unwrap().unwrap();
    assert_eq!(row.time, Timestamp(world.now));
}

#[test]
fn an_endpoint_knows_for_a_while_where_it_was() {
    let mut world = World::new();
    let at_home = |world: &World| FormerGroup { group: home(), left: Timestamp(world.now) };
    world.endpoint("e", at(&near()));
    assert_eq!(world.endpoint("e", EndpointPatch::default()).former, []);
    let left_home = at_home(&world);
    assert_eq!(world.endpoint("e", at(&far())).former, [left_home]);
    world.now += 1_000;
    let left_far = FormerGroup { group: group_of(&far()), left: Timestamp(world.now) };
    assert_eq!(world.endpoint("e", at(&near())).former, [left_home, left_far]);
    world.now += 1_000;
    let left_again = at_home(&world);
    world.apply(home(), Command::DeleteEndpoint { app: APP, endpoint: endpoint_id("e") });
    let deleted = |world: &World| world.tables(home()).row::<DeletedEndpoints>(&(APP, endpoint_id("e"))).unwrap();
    assert_eq!(deleted(&world).unwrap().former, [left_far, left_again]);
    assert_eq!(world.endpoint("e", at(&far())).former, [left_far, left_again]);
    assert_eq!(deleted(&world), None);
    world.now += (FORMER_KEPT - Duration::from_secs(1)).as_millis() as u64;
    assert_eq!(world.endpoint("e", EndpointPatch::default()).former, [left_again]);
    world.apply(home(), Command::DeleteEndpoint { app: APP, endpoint: endpoint_id("e") });
    assert!(deleted(&world).is_some());
    world.now += FORMER_KEPT.as_millis() as u64;
    world.apply(home(), Command::Retire { limit: 10 });
    assert_eq!(deleted(&world), None);
    assert_eq!(world.tables(home()).row::<Endpoints>(&(APP, endpoint_id("e"))).unwrap(), None);
}
