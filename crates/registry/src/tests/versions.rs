//! Apply versions: what stops an older build, what is refused before its time, and what the group's row says.

use model::channel::Channel;
use model::command::{Command, Proposal};
use model::id::GroupId;
use model::opt_out::{OptOutList, OptOutSource};
use model::outcome::Outcome;
use model::rows::GroupMeta;
use model::time::Timestamp;
use model::version::Versions;

use super::world::*;
use crate::tables::{Meta, RowAccess};
use crate::{APPLY_VERSION, ApplyContext, ApplyError, Effect, VERSIONS, apply};

fn meta(world: &World) -> GroupMeta {
    world.groups[0].row::<Meta>(&()).unwrap().unwrap()
}

/// What a build that knows these versions says of a command for the control group.
fn stopped(world: &mut World, known: Versions, command: Command) -> ApplyError {
    let context = ApplyContext { group: GroupId::CONTROL, partitions: PARTITIONS, known, stamp: Timestamp(START) };
    let proposal = Proposal { request: None, command };
    apply(&mut world.groups[0], context, &proposal, &mut Vec::new()).unwrap_err()
}

#[test]
fn a_version_is_raised_once_and_never_lowered() {
    let mut world = World::empty();
    world.control(Command::SetApplyVersion { version: 0 });
    assert_eq!((meta(&world).version(), meta(&world).version_since), (1, Timestamp(0)));
    world.now += 7;
    assert_eq!(world.control(Command::SetApplyVersion { version: APPLY_VERSION }), Outcome::Done);
    assert_eq!(world.effects, [Effect::VersionRaised(APPLY_VERSION), Effect::Forbids]);
    world.now += 7;
    for version in [0, 1, APPLY_VERSION] {
        assert_eq!(world.control(Command::SetApplyVersion { version }), Outcome::Done);
        assert_eq!(world.effects, [Effect::Forbids], "who waits for a fence is answered");
    }
    assert_eq!((meta(&world).version(), meta(&world).version_since), (APPLY_VERSION, Timestamp(START + 7)));
}

#[test]
fn what_a_build_does_not_know_stops_it() {
    let mut world = World::empty();
    let newer = APPLY_VERSION + 1;
    let unknown = |known| ApplyError::UnsupportedVersion { found: newer, known };
    assert_eq!(stopped(&mut world, VERSIONS, Command::SetApplyVersion { version: newer }), unknown(VERSIONS));
    let older = Versions::UNSAID;
    let fence = ApplyError::UnsupportedVersion { found: 2, known: older };
    assert_eq!(stopped(&mut world, older, Command::Fence), fence, "a command that came later");
    world.control(Command::SetApplyVersion { version: 2 });
    assert_eq!(stopped(&mut world, older, Command::Retire { limit: 1 }), fence, "anything in a group that was raised");
    let future = Versions::new(newer, newer);
    let too_old = stopped(&mut world, future, Command::Retire { limit: 1 });
    assert!(too_old.to_string().contains("an older build"), "{too_old}");
    assert!(fence.to_string().contains("a newer build"), "{fence}");
}

#[test]
fn a_command_waits_for_its_version() {
    let mut world = World::empty();
    let early = ApplyError::VersionNotReached { command: "fence", needed: 2, group: 1 };
    assert_eq!(stopped(&mut world, VERSIONS, Command::Fence), early);
    world.control(Command::SetApplyVersion { version: 2 });
    assert_eq!(world.control(Command::Fence), Outcome::Done);
    assert_eq!(world.effects, [Effect::Forbids]);
}

#[test]
fn what_an_older_build_can_not_read_is_not_answered() {
    for version in [1, 2] {
        let mut world = World::at(version);
        let group = group_of(&near());
        let (key, source) = (key(&near()), OptOutSource::Request);
        let listed = Command::PutListedOptOut { list: OptOutList::DEFAULT, key: key.clone(), source };
        for put in [Command::PutOptOut { app: APP, key, channel: Channel::Sms, source }, listed] {
            let outcome = world.apply(group, put);
            assert_eq!(outcome == Outcome::Done, version == 1, "{outcome:?}");
        }
    }
}
