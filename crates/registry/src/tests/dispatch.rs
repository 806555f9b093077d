//! The last look before a dispatch.

use model::app::ChannelDetail;
use model::channel::Channel;
use model::command::Command;
use model::id::MessageId;
use model::message::{Class, SendResult};
use model::opt_out::OptOutSource;
use model::time::Timestamp;

use super::world::*;
use crate::tables::{Messages, RowAccess};
use crate::{Candidate, DispatchChecks, Dispatcher, Verdict};

fn look(world: &World, message: MessageId, from: &str, holder: Option<model::message::Claim>) -> Verdict {
    let tables = world.tables(message.group());
    let known = |message| tables.row::<Messages>(&message).unwrap();
    // Of a message that is unknown by now, its sender still has what it once read.
    let read = known(message).or_else(|| known(id(1, &near()))).unwrap();
    let candidate = Candidate { message, ..Candidate::of(&read) };
    let dispatcher = Dispatcher { region: &region(from), now: Timestamp(world.now), claim: holder };
    DispatchChecks::new(tables, dispatcher).verdict(&candidate).unwrap()
}

#[test]
fn a_due_message_goes_as_it_was_accepted() {
    let mut world = World::new();
    let sent = world.accepted(1, &near(), Class::AtLeastOnce);
    let epoch = world.progress(sent).epoch;
    assert_eq!(look(&world, sent, "a", None), Verdict::Go { attempt: 1, epoch });
}

#[test]
fn a_message_goes_only_from_where_it_waits_when_it_is_due() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtLeastOnce);
    assert_eq!(look(&world, message, "b", None), Verdict::NotHere);
    assert_eq!(look(&world, id(9, &near()), "a", None), Verdict::NotHere);
    world.settle(message, ("a", 1), retry(START + 5));
    assert_eq!(look(&world, message, "a", None), Verdict::NotDue(Timestamp(START + 5)));
    world.now += 5;
    assert!(matches!(look(&world, message, "a", None), Verdict::Go { .. }));
    world.now = START + DAY;
    assert_eq!(look(&world, message, "a", None), Verdict::Expired);
    world.settle(message, ("a", 2), SendResult::Forbidden);
    assert_eq!(look(&world, message, "a", None), Verdict::NotHere);
}

#[test]
fn at_most_once_needs_ones_own_claim() {
    let mut world = World::new();
    let message = world.accepted(1, &near(), Class::AtMostOnce);
    assert_eq!(look(&world, message, "a", None), Verdict::Unclaimed);
    assert_eq!(look(&world, message, "a", Some(claim(1, 1))), Verdict::Unclaimed);
    world.claim(message, "a", claim(1, 1));
    assert_eq!(look(&world, message, "a", Some(claim(1, 2))), Verdict::Unclaimed);
    assert!(matches!(look(&world, message, "a", Some(claim(1, 1))), Verdict::Go { .. }));
}

#[test]
fn nothing_goes_that_anything_forbids() {
    let mut world = World::new();
    world.endpoint("e", at(&near()));
    world.accept_to(1, (&near(), Some("e")), None);
    let message = id(1, &near());
    assert!(matches!(look(&world, message, "a", None), Verdict::Go { .. }));
    let detail = ChannelDetail::Sms { sender_id: None, short_code: None, default_country: None };
    let disable = Command::PutChannel { app: APP, channel: Channel::Sms, enabled: Some(false), class: None, detail };
    let opt_out =
        Command::PutOptOut { app: APP, key: key(&near()), channel: Channel::Sms, source: OptOutSource::Request };
    let remove = Command::DeleteEndpoint { app: APP, endpoint: endpoint_id("e") };
    let control = model::GroupId::CONTROL;
    for (group, command) in [
        (control, disable),
        (control, Command::DeleteChannel { app: APP, channel: Channel::Sms }),
        (control, Command::DeleteApp { app: APP }),
        (group_of(&near()), opt_out),
        (home(), remove),
    ] {
        let mut world = world.clone();
        world.apply(group, command.clone());
        world.carry();
        assert_eq!(look(&world, message, "a", None), Verdict::Forbidden, "{command:?}");
    }
}
