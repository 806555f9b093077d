//! Plans: what is begun under which, and when the region is drained.

use std::time::Duration;

use model::message::{Class, Status};
use model::opt_out::OptOutSource;
use model::{Channel, Command, Epoch, MessageId};

use crate::provider::Provider;
use crate::world::{APP, World, adoption, pass, phone, region};

const AT_LEAST_ONCE: Class = Class::AtLeastOnce;

fn takeover(world: &World, epoch: u64) {
    let epoch = Epoch(epoch);
    world.apply(Command::Takeover { region: region("here"), epoch, cursor: None, limit: 1_000 });
}

fn moved(world: &World, messages: &[MessageId]) -> Vec<MessageId> {
    messages.iter().copied().filter(|message| world.progress(*message).region.as_str() == "there").collect()
}

#[tokio::test(start_paused = true)]
async fn drained_is_reported_when_everything_begun_before_is_settled() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start(&provider, 1);
    world.until(|world| world.drained() == [Epoch(1)]).await;
    provider.hang(true);
    let messages = world.accept(AT_LEAST_ONCE, 0..10);
    world.until(|_| provider.messages().len() == 10).await;
    world.adopt(2, &[("here", 0), ("there", 1)]);
    pass(Duration::from_secs(5)).await;
    assert_eq!(world.drained(), [Epoch(1)]);
    provider.hang(false);
    world.until(|world| world.drained() == [Epoch(1), Epoch(2)]).await;
    assert!(world.all_at(&messages, Status::Delivered));
}

#[tokio::test(start_paused = true)]
async fn an_evacuated_region_begins_nothing_more() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.set_lease(false);
    let _sender = world.start(&provider, 1);
    let messages = world.accept(AT_LEAST_ONCE, 0..10);
    pass(Duration::from_secs(1)).await;
    world.adopt(2, &[("here", 0), ("there", 1)]);
    world.set_lease(true);
    pass(Duration::from_secs(60)).await;
    assert!(provider.messages().is_empty());
    takeover(&world, 2);
    assert_eq!(moved(&world, &messages).len(), 10);
}

/// The first entry asks whether there is a lease, the second is the critical section.
const CRITICAL_SECTION: u32 = 2;

#[tokio::test(start_paused = true)]
async fn a_plan_adopted_just_before_the_critical_section_is_obeyed() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.apply_before_entry(CRITICAL_SECTION, adoption(2, &[("here", 0), ("there", 1)]));
    let messages = world.accept(AT_LEAST_ONCE, 0..10);
    let _sender = world.start(&provider, 1);
    world.until(|world| world.drained().last() == Some(&Epoch(2))).await;
    pass(Duration::from_secs(60)).await;
    assert!(provider.messages().is_empty());
    takeover(&world, 2);
    assert_eq!(moved(&world, &messages).len(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_applied_just_before_the_critical_section_is_obeyed() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let (_, key) = phone(0);
    let opt_out = Command::PutOptOut { app: APP, key, channel: Channel::Sms, source: OptOutSource::Request };
    world.apply_before_entry(CRITICAL_SECTION, opt_out);
    let messages = world.accept(AT_LEAST_ONCE, 0..2);
    let _sender = world.start(&provider, 1);
    world.until_all(&messages[1..], Status::Delivered).await;
    world.until_all(&messages[..1], Status::OptedOut).await;
    assert_eq!(provider.messages(), messages[1..]);
}

#[tokio::test(start_paused = true)]
async fn a_shift_moves_its_share_and_the_rest_goes_on() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.set_lease(false);
    let _sender = world.start(&provider, 1);
    let messages = world.accept(AT_LEAST_ONCE, 0..100);
    world.adopt(2, &[("here", 1), ("there", 1)]);
    world.set_lease(true);
    world.until(|world| world.drained().last() == Some(&Epoch(2))).await;
    pass(Duration::from_secs(1)).await;
    takeover(&world, 2);
    let moved = moved(&world, &messages);
    assert!((30..70).contains(&moved.len()), "{}", moved.len());
    assert_eq!(provider.messages().len(), 100 - moved.len());
    assert!(provider.messages().iter().all(|message| !moved.contains(message)));
}

#[tokio::test(start_paused = true)]
async fn what_one_plan_moves_away_and_the_next_keeps_is_sent() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.set_lease(false);
    let _sender = world.start(&provider, 1);
    let messages = world.accept(AT_LEAST_ONCE, 0..10);
    world.adopt(2, &[("here", 0), ("there", 1)]);
    world.set_lease(true);
    pass(Duration::from_secs(10)).await;
    assert!(provider.messages().is_empty());
    world.adopt(3, &[("here", 1), ("there", 0)]);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn messages_of_other_regions_are_left_alone_until_they_are_taken_over() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.adopt(2, &[("there", 1), ("here", 0)]);
    let _sender = world.start(&provider, 1);
    let messages = world.accept(AT_LEAST_ONCE, 0..10);
    pass(Duration::from_secs(60)).await;
    assert!(provider.messages().is_empty());
    world.adopt(3, &[("here", 1), ("there", 0)]);
    world.apply(Command::Takeover { region: region("there"), epoch: Epoch(3), cursor: None, limit: 1_000 });
    world.until_all(&messages, Status::Delivered).await;
}
