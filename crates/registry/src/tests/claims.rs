//! Claims of messages that are held meanwhile: whoever has one may still say what came of it.

use model::accounting::Accounting;
use model::command::{Command, Resolution};
use model::event::EventKind;
use model::id::{Epoch, Incarnation, MessageId, NodeId};
use model::message::{Claim, Class, SendResult, Status};
use model::outcome::Outcome;
use model::time::Timestamp;

use super::world::*;
use crate::tables::{Claims, RowAccess};

/// Returns a world in which region `a` had claimed a message that was held when everything moved to region `b`.
fn taken_over() -> (World, MessageId) {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtMostOnce);
    world.claim(message, "a", claim(1, 1));
    world.plan(&[("b", 1)]);
    let takeover = Command::Takeover { region: region("a"), epoch: Epoch(2), cursor: None, limit: 10 };
    world.apply(message.group(), takeover);
    assert_eq!(world.status(message), Status::Held);
    (world, message)
}

/// Returns a world in which a claimed message was held because its time was over.
fn expired() -> (World, MessageId) {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtMostOnce);
    world.claim(message, "a", claim(1, 1));
    world.now += 4 * DAY;
    world.apply(message.group(), Command::Expire { limit: 10 });
    assert_eq!(world.status(message), Status::Held);
    (world, message)
}

fn release(world: &mut World, message: MessageId, claim: Claim) -> u32 {
    changed(&world.apply(message.group(), Command::ReleaseClaims { claim, messages: vec![message] }))
}

fn changed(outcome: &Outcome) -> u32 {
    let Outcome::Recorded { changed } = outcome else { panic!("{outcome:?}") };
    *changed
}

fn begin(world: &mut World, message: MessageId, limit: u32) -> Outcome {
    let (node, incarnation) = (NodeId(1), Incarnation(2));
    world.apply(message.group(), Command::BeginIncarnation { node, incarnation, limit })
}

fn claims(world: &World, message: MessageId) -> usize {
    let first = (NodeId(0), Incarnation(0), MessageId(0));
    world.tables(message.group()).rows_while::<Claims>(&first, 10, |_| true).unwrap().len()
}

#[test]
fn what_was_taken_over_and_had_not_begun_goes_where_the_plan_says() {
    let (mut world, message) = taken_over();
    assert_eq!(release(&mut world, message, claim(1, 2)), 0);
    assert_eq!(release(&mut world, message, claim(2, 1)), 0);
    assert_eq!(release(&mut world, message, claim(1, 1)), 1);
    let progress = world.progress(message);
    assert_eq!((progress.status, progress.region, progress.epoch), (Status::Waiting, region("b"), Epoch(2)));
    assert_eq!((progress.attempts, progress.claim), (0, None));
    assert_eq!(world.events(message), [EventKind::Held, EventKind::Retried]);
    let accounting = Accounting { accepted: 1, pending: 1, ..Accounting::default() };
    assert_eq!(world.accounting(message.group()), accounting);
    assert_eq!(release(&mut world, message, claim(1, 1)), 0);
    assert!(world.claim(message, "b", claim(2, 1)));
    assert_eq!(world.settle(message, ("b", 1), delivered()), 1);
}

#[test]
fn while_the_plan_names_nobody_it_waits_where_it_was() {
    let (mut world, message) = taken_over();
    let mut plan = world.current_plan();
    (plan.epoch, plan.parent) = (Epoch(9), Epoch(2));
    plan.weights.clear();
    world.partitions(&Command::AdoptPlan { plan: Box::new(plan) });
    assert_eq!(release(&mut world, message, claim(1, 1)), 1);
    assert_eq!((world.status(message), world.progress(message).region), (Status::Waiting, region("a")));
}

#[test]
fn what_expired_and_had_not_begun_expires_after_all() {
    let (mut world, message) = expired();
    assert_eq!(release(&mut world, message, claim(1, 1)), 1);
    let progress = world.progress(message);
    assert_eq!((progress.status, progress.attempts), (Status::Expired, 0));
    assert_eq!(claims(&world, message), 0);
}

#[test]
fn a_result_that_comes_while_a_message_is_held_counts() {
    let later = START + 1_000;
    for (result, status) in [
        (delivered(), Status::Delivered),
        (SendResult::Failed { detail: "no".into() }, Status::Failed),
        (SendResult::Forbidden, Status::OptedOut),
        (retry(later), Status::Waiting),
        (retry(START + 30 * DAY), Status::Expired),
        (unknown(later), Status::Held),
    ] {
        let (mut world, message) = taken_over();
        assert_eq!(world.settle(message, ("b", 1), SendResult::Forbidden), 0);
        assert_eq!(world.settle(message, ("a", 2), SendResult::Forbidden), 0);
        assert_eq!(world.settle(message, ("a", 1), result.clone()), 1, "{result:?}");
        let progress = world.progress(message);
        assert_eq!((progress.status, progress.claim), (status, None), "{result:?}");
        assert_eq!(claims(&world, message), 0);
        // The claim ended with its result: nobody gives it back any more.
        assert_eq!(release(&mut world, message, claim(1, 1)), 0);
        if status == Status::Waiting {
            assert_eq!((progress.region, progress.attempts, progress.due), (region("b"), 1, Timestamp(later)));
        }
    }
}

#[test]
fn what_an_earlier_incarnation_did_not_give_back_is_held_for_good() {
    let (mut world, message) = taken_over();
    let waiting = world.accepted(2, &near(), Class::AtMostOnce);
    world.claim(waiting, "b", claim(1, 1));
    let chunk = |touched, more| Outcome::Chunk { touched, next: None, more };
    assert_eq!(begin(&mut world, message, 0), chunk(0, true));
    let third = world.accepted(3, &near(), Class::AtMostOnce);
    assert!(!world.claim(third, "b", claim(1, 1)));
    assert_eq!(release(&mut world, waiting, claim(1, 1)), 1);
    assert_eq!(begin(&mut world, message, 10), chunk(1, false));
    assert_eq!((world.status(message), world.status(waiting)), (Status::Held, Status::Waiting));
    assert_eq!((release(&mut world, message, claim(1, 1)), claims(&world, message)), (0, 0));
}

#[test]
fn what_somebody_decided_is_not_given_back() {
    for resolution in [Resolution::Resend, Resolution::GiveUp, Resolution::Delivered] {
        let (mut world, message) = taken_over();
        let resolve = Command::ResolveHeld { messages: vec![message], resolution };
        assert_eq!(changed(&world.apply(message.group(), resolve)), 1);
        let decided = world.progress(message);
        assert_eq!((release(&mut world, message, claim(1, 1)), claims(&world, message)), (0, 0));
        assert_eq!(world.progress(message), decided);
    }
}
