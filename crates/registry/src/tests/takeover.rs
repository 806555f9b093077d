//! Takeovers: what moves, what is held, what stays.

use model::command::{Command, OutboxCursor};
use model::id::{Epoch, MessageId};
use model::message::{Class, Status};
use model::outcome::{Outcome, Refusal};
use model::time::Timestamp;

use super::world::*;
use crate::Effect;

fn take_over(from: &str, epoch: u64, cursor: Option<OutboxCursor>, limit: u32) -> Command {
    Command::Takeover { region: region(from), epoch: Epoch(epoch), cursor, limit }
}

fn last(touched: u32) -> Outcome {
    Outcome::Chunk { touched, next: None, more: false }
}

#[test]
fn waiting_messages_go_where_the_plan_sends_them_and_claimed_ones_are_held() {
    let mut world = World::new();
    let group = group_of(&near());
    let often = world.accepted(1, &near(), Class::AtLeastOnce);
    let once = world.accepted(2, &near(), Class::AtMostOnce);
    let claimed = world.accepted(3, &near(), Class::AtMostOnce);
    world.claim(claimed, "a", claim(1, 1));
    world.plan(&[("b", 1)]);
    assert_eq!(world.apply(group, take_over("a", 2, None, 10)), last(3));
    for message in [often, once] {
        let progress = world.progress(message);
        assert_eq!((progress.region, progress.epoch, progress.attempts), (region("b"), Epoch(2), 0));
        assert!(world.effects.contains(&Effect::Gone { region: region("a"), message }));
    }
    assert_eq!(world.status(claimed), Status::Held);
    assert!(world.claim(once, "b", claim(2, 1)));
    assert!(!world.claim(once, "a", claim(1, 1)));
    assert_eq!(world.apply(group, take_over("a", 2, None, 10)), last(0));
}

#[test]
fn a_late_result_of_the_lost_region_counts_only_when_the_message_went_out() {
    let mut world = World::new();
    let group = group_of(&near());
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    world.plan(&[("b", 1)]);
    world.apply(group, take_over("a", 2, None, 10));
    assert_eq!(world.settle(message, ("a", 1), retry(START)), 0);
    assert_eq!(world.settle(message, ("a", 1), delivered()), 1);
    assert!(world.effects.contains(&Effect::Gone { region: region("b"), message }));
    assert_eq!(world.progress(message).region, region("a"));
}

#[test]
fn a_takeover_of_another_plan_is_refused() {
    let mut world = World::empty();
    let group = group_of(&near());
    assert_eq!(world.apply(group, take_over("a", 1, None, 10)), refused(Refusal::NoPlan));
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    world.plan(&[("b", 1)]);
    for parent in [1, 3] {
        let conflict = Refusal::PlanConflict { current: Epoch(2), parent: Epoch(parent) };
        assert_eq!(world.apply(group, take_over("a", parent, None, 10)), refused(conflict));
    }
    assert_eq!(world.progress(message).region, region("a"));
}

#[test]
fn chunks_go_on_after_messages_that_stay() {
    let mut world = World::new();
    let group = group_of(&near());
    let targets: Vec<_> = (0..).map(number).filter(|target| group_of(target) == group).take(40).collect();
    let messages: Vec<MessageId> = targets
        .iter()
        .zip(0..)
        .map(|(target, n)| {
            world.now += 1;
            world.accepted(n, target, Class::AtLeastOnce)
        })
        .collect();
    world.plan(&[("a", 1), ("b", 1)]);
    let (mut cursor, mut moved, mut chunks) = (None, 0, 0);
    loop {
        let Outcome::Chunk { touched, next, more } = world.apply(group, take_over("a", 2, cursor, 1)) else { panic!() };
        (cursor, moved, chunks) = (next, moved + touched, chunks + 1);
        assert!(chunks <= 40, "the walk does not end");
        if !more {
            break;
        }
    }
    let in_b = messages.iter().filter(|message| world.progress(**message).region == region("b")).count();
    assert!(chunks == 40 && (5..35).contains(&in_b));
    assert_eq!((moved as usize, cursor), (in_b, None));
}

#[test]
fn a_cursor_names_the_last_message_that_was_looked_at() {
    let mut world = World::new();
    let group = group_of(&near());
    let first = world.accepted(1, &near(), Class::AtLeastOnce);
    world.accepted(2, &near(), Class::AtLeastOnce);
    world.plan(&[("b", 1)]);
    let next = Some(OutboxCursor { due: Timestamp(START), message: first });
    assert_eq!(world.apply(group, take_over("a", 2, None, 1)), Outcome::Chunk { touched: 1, next, more: true });
    assert_eq!(world.apply(group, take_over("a", 2, next, 1)), last(1));
}
