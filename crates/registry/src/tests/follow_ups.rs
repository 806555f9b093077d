//! What may wait for a group that takes no follow-ups is bounded.

use std::collections::BTreeMap;

use model::app::ChannelDetail;
use model::channel::Channel;
use model::command::{Command, FOLLOW_UPS_MAX, Proposal};
use model::endpoint::{ENDPOINTS_PER_USER_MAX, EndpointOptOut, EndpointPatch, EndpointStatus, UserLink};
use model::id::{AppId, GroupId, RequestId, UserId};
use model::opt_out::OptOutSource;
use model::outcome::{Outcome, Refusal};
use proptest::prelude::*;

use super::world::*;
use crate::tables::{FollowUpCounts, FollowUps, RowAccess};

fn full(target: GroupId) -> Outcome {
    refused(Refusal::TooManyFollowUps { target, limit: FOLLOW_UPS_MAX })
}

fn opted_out(patch: EndpointPatch) -> EndpointPatch {
    EndpointPatch { opt_out: Some(EndpointOptOut::All), ..patch }
}

fn delete(endpoint: &str) -> Command {
    Command::DeleteEndpoint { app: APP, endpoint: endpoint_id(endpoint) }
}

/// Lets `left` more follow-ups wait in the group of the endpoints for that of [`far`] addresses.
fn nearly_full(left: u64) -> World {
    let mut world = World::new();
    world.owe(home(), group_of(&far()), FOLLOW_UPS_MAX - left);
    world
}

/// Says that nothing of a command was done.
fn untouched(world: &mut World, group: GroupId, command: Command, expected: Outcome) {
    let before = world.timeless(group);
    world.now += 1;
    assert_eq!(world.apply(group, command.clone()), expected, "{command:?}");
    assert!(world.timeless(group) == before, "{command:?} changed something");
}

#[test]
fn an_endpoint_that_would_queue_too_much_is_refused_untouched() {
    let mut world = nearly_full(0);
    let target = group_of(&far());
    world.endpoint("active", at(&far()));
    untouched(&mut world, home(), upsert(APP, "active", opted_out(EndpointPatch::default())), full(target));
    untouched(&mut world, home(), upsert(APP, "new", opted_out(at(&far()))), full(target));
    untouched(&mut world, home(), upsert(APP, "takes its place", at(&far())), full(target));
    untouched(&mut world, home(), delete("active"), full(target));

    let done = Command::FollowUpsDone { target, through: 1 };
    assert_eq!(world.apply(home(), done), Outcome::Done);
    assert!(matches!(world.apply(home(), delete("active")), Outcome::EndpointDeleted { .. }));
    untouched(&mut world, home(), upsert(APP, "new", opted_out(at(&far()))), full(target));
}

#[test]
fn what_queues_nothing_for_that_group_goes_on() {
    let mut world = nearly_full(0);
    world.endpoint("active", at(&far()));
    world.endpoint("active", EndpointPatch { effective: Some("2026".into()), ..EndpointPatch::default() });
    world.endpoint("near", opted_out(at(&near())));
    assert!(matches!(world.apply(home(), delete("near")), Outcome::EndpointDeleted { .. }));
    let put = Command::PutOptOut { app: APP, key: key(&near()), channel: Channel::Sms, source: OptOutSource::Reply };
    assert!(matches!(world.apply(home(), put), Outcome::OptOut(_)));
    world.plan(&[("b", 100)]);
}

#[test]
fn all_that_a_change_queues_must_have_room() {
    let mut world = nearly_full(1);
    world.endpoint("first", at(&far()));
    // Its own block, and that of the one whose place it takes.
    let inactive = EndpointPatch { status: Some(EndpointStatus::Active), ..opted_out(at(&far())) };
    untouched(&mut world, home(), upsert(APP, "second", inactive), full(group_of(&far())));
    world.endpoint("second", at(&far()));
}

#[test]
fn the_oldest_endpoint_of_a_user_yields_only_with_room() {
    let token = |number: usize| target(Channel::Gcm, &format!("token-{number}"));
    let away = |number: &usize| group_of(&token(*number)) != home();
    let of_user = |number: usize| EndpointPatch {
        user: Some(UserLink::To(UserId::new("u").unwrap())),
        effective: Some(format!("2026-01-{number:04}")),
        ..at(&token(number))
    };
    let mut world = nearly_full(0);
    let numbers: Vec<usize> = (0..).filter(away).take(ENDPOINTS_PER_USER_MAX + 1).collect();
    let (last, first) = numbers.split_last().unwrap();
    for number in first {
        world.endpoint(&format!("e{number}"), of_user(*number));
    }
    untouched(&mut world, home(), upsert(APP, "last", of_user(*last)), full(group_of(&far())));
}

#[test]
fn an_app_that_could_not_be_carried_everywhere_is_refused_untouched() {
    let mut world = World::new();
    let (control, target, app) = (GroupId::CONTROL, GroupId(2), AppId(0xb));
    world.owe(control, target, FOLLOW_UPS_MAX);
    let create = |app| Command::CreateApp { app, name: "n".into(), tags: BTreeMap::new() };
    let detail = ChannelDetail::Custom;
    let put = Command::PutChannel { app: APP, channel: Channel::Custom, enabled: Some(false), class: None, detail };
    let remove = Command::DeleteChannel { app: APP, channel: Channel::Custom };
    for command in [create(app), put, remove, Command::DeleteApp { app: APP }] {
        untouched(&mut world, control, command, full(target));
    }
    assert!(matches!(world.control(create(APP)), Outcome::Carried { .. }), "it is there already");
    let through = world.owed(control).into_iter().find(|((owner, _), _)| *owner == target).unwrap().0.1;
    assert_eq!(world.control(Command::FollowUpsDone { target, through }), Outcome::Done);
    assert!(matches!(world.control(create(app)), Outcome::Carried { .. }));
}

#[test]
fn a_refusal_that_passes_is_not_remembered() {
    let mut world = nearly_full(0);
    let command = upsert(APP, "e", opted_out(at(&far())));
    let proposal = Proposal { request: Some(RequestId(1)), command };
    assert_eq!(world.propose(home(), proposal.clone()), full(group_of(&far())));
    world.apply(home(), Command::FollowUpsDone { target: group_of(&far()), through: 1 });
    assert!(matches!(world.propose(home(), proposal), Outcome::Endpoint { .. }));
}

/// Something that somebody does to one of a few endpoints, or that the target acknowledges.
#[derive(Debug, Clone)]
enum Action {
    Upsert(u32, Option<u32>, Option<EndpointOptOut>, Option<EndpointStatus>),
    Delete(u32),
    Acknowledge(u64),
}

fn action() -> impl Strategy<Value = Action> {
    let opt_out = prop::option::of(prop::sample::select(vec![EndpointOptOut::All, EndpointOptOut::None]));
    let status = prop::option::of(prop::sample::select(vec![EndpointStatus::Active, EndpointStatus::Inactive]));
    prop_oneof![
        8 => (0..4_u32, prop::option::of(0..4_u32), opt_out, status)
            .prop_map(|(endpoint, place, opt_out, status)| Action::Upsert(endpoint, place, opt_out, status)),
        2 => (0..4_u32).prop_map(Action::Delete),
        1 => (1..4_u64).prop_map(Action::Acknowledge),
    ]
}

fn command(action: &Action, acknowledged: &mut u64) -> Command {
    match action {
        Action::Upsert(endpoint, place, opt_out, status) => {
            let patch = EndpointPatch {
                opt_out: *opt_out,
                status: *status,
                ..place.map(|place| at(&number(place))).unwrap_or_default()
            };
            upsert(APP, &format!("e{endpoint}"), patch)
        }
        Action::Delete(endpoint) => delete(&format!("e{endpoint}")),
        Action::Acknowledge(more) => {
            *acknowledged += more;
            Command::FollowUpsDone { target: group_of(&far()), through: *acknowledged }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// What is refused would have queued too much, and nothing else is.
    #[test]
    fn exactly_what_would_queue_too_much_is_refused(left in 0..4_u64, actions in prop::collection::vec(action(), 1..30)) {
        let target = group_of(&far());
        let mut world = nearly_full(left);
        let mut acknowledged = 0;
        for action in actions {
            let command = command(&action, &mut acknowledged);
            let mut unbounded = world.clone();
            let tables = &mut unbounded.groups[usize::from(home().0)];
            let waiting = tables.row::<FollowUpCounts>(&target).unwrap().unwrap_or_default();
            for ((owner, number), _) in world.owed(home()).into_iter().filter(|((owner, _), _)| *owner == target) {
                tables.remove_row::<FollowUps>(&(owner, number));
            }
            tables.remove_row::<FollowUpCounts>(&target);
            let unbounded_outcome = unbounded.apply(home(), command.clone());
            let queued = unbounded.owed(home()).into_iter().filter(|((owner, _), _)| *owner == target).count() as u64;

            let before = world.timeless(home());
            let outcome = world.apply(home(), command);
            if waiting + queued > FOLLOW_UPS_MAX {
                prop_assert_eq!(outcome, full(target));
                prop_assert!(world.timeless(home()) == before);
            } else {
                prop_assert_eq!(outcome, unbounded_outcome);
            }
        }
    }
}
