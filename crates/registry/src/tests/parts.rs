//! Plans with weights of apps and destinations, and with what is diverted of what goes to a destination.

use std::collections::BTreeMap;

use model::command::Command;
use model::destination::Destination;
use model::id::GroupId;
use model::message::{Class, Status};
use model::outcome::Outcome;
use model::plan::{PlanChange, Scope};

use super::world::*;
use crate::versions::PLANS_WITH_PARTS;
use crate::{ApplyContext, ApplyError, VERSIONS, apply};

/// A change by which what goes where `near` is leaves region `a`, and the other parts of the app too.
fn diverting(world: &World) -> PlanChange {
    let to = Destination::of(near().channel, &near().address);
    let mut change = plan_change(world.meta_epoch(GroupId::CONTROL), &[("a", 1), ("b", 1)]);
    change.diverted.insert((near().channel, to), BTreeMap::from([(region("a"), 0)]));
    change
}

fn committed(world: &mut World, change: PlanChange) -> model::TrafficPlan {
    let outcome = world.control(Command::CommitPlan { change });
    let Outcome::Plan(plan) = outcome else { panic!("{outcome:?}") };
    world.partitions(&Command::AdoptPlan { plan: plan.clone() });
    *plan
}

#[test]
fn they_wait_for_their_version() {
    for version in 1..PLANS_WITH_PARTS {
        let mut world = World::at(version);
        let change = diverting(&world);
        let plan = Box::new(change.clone().into_plan(model::Timestamp(0)));
        let partition = group_of(&near());
        for (group, command) in
            [(GroupId::CONTROL, Command::CommitPlan { change }), (partition, Command::AdoptPlan { plan })]
        {
            let early =
                ApplyError::VersionNotReached { command: command.name(), needed: PLANS_WITH_PARTS, group: version };
            let context =
                ApplyContext { group, partitions: PARTITIONS, known: VERSIONS, stamp: model::Timestamp(START) };
            let proposal = model::Proposal { request: None, command };
            let tables = &mut world.groups[usize::from(group.0)];
            assert_eq!(apply(tables, context, &proposal, &mut Vec::new()).unwrap_err(), early);
        }
    }
}

#[test]
fn what_waits_moves_with_what_is_diverted_and_what_is_new_goes_elsewhere() {
    let mut world = World::new();
    world.plan(&[("a", 1)]);
    let waiting = world.accepted(1, &near(), Class::AtLeastOnce);
    assert_eq!(world.progress(waiting).region, region("a"));
    let change = diverting(&world);
    let plan = committed(&mut world, change);
    let takeover = Command::Takeover { region: region("a"), epoch: plan.epoch, cursor: None, limit: 10 };
    world.apply(waiting.group(), takeover);
    assert_eq!((world.status(waiting), world.progress(waiting).region), (Status::Waiting, region("b")));
    let new = world.accepted(2, &near(), Class::AtLeastOnce);
    assert_eq!(world.progress(new).region, region("b"));
}

#[test]
fn an_app_s_own_weights_route_its_messages() {
    let mut world = World::new();
    let mut change = plan_change(world.meta_epoch(GroupId::CONTROL), &[("a", 1), ("b", 1), ("c", 1)]);
    change.scopes.insert(Scope::App(APP), BTreeMap::from([(region("c"), 1)]));
    committed(&mut world, change);
    for number in 1..9 {
        let message = world.accepted(number, &near(), Class::AtLeastOnce);
        assert_eq!(world.progress(message).region, region("c"));
    }
}
