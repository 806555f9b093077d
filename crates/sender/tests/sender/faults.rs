//! What goes wrong around the sender: no lease, missed news, a log that doesn't answer, drivers that fail, stops.

use std::collections::BTreeSet;
use std::time::Duration;

use model::Command;
use model::message::{Class, Status};
use sender::DriverResult;
use service::ports::LogError;

use crate::provider::{Provider, accepted};
use crate::world::{Fault, GROUP, World, config, pass};

const AT_LEAST_ONCE: Class = Class::AtLeastOnce;

#[tokio::test(start_paused = true)]
async fn without_a_lease_nothing_begins() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.set_lease(false);
    let _sender = world.start(&provider, 1);
    let mut messages = world.accept(AT_LEAST_ONCE, 0..5);
    messages.extend(world.accept(Class::AtMostOnce, 5..10));
    pass(Duration::from_secs(120)).await;
    assert!(provider.messages().is_empty());
    world.set_lease(true);
    let given = tokio::time::Instant::now();
    world.until_all(&messages, Status::Delivered).await;
    assert!(given.elapsed() < Duration::from_millis(200));
    assert_eq!(provider.messages().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn more_messages_than_the_schedule_holds_are_all_found() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.set_lease(false);
    let mut config = config(1);
    config.limits.schedule_len = 10;
    let mut messages = world.accept(AT_LEAST_ONCE, 0..100);
    let _sender = world.start_with(&provider, config);
    messages.extend(world.accept(AT_LEAST_ONCE, 100..200));
    world.set_lease(true);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 200);
}

#[tokio::test(start_paused = true)]
async fn missed_news_are_found_in_the_outbox() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start(&provider, 1);
    pass(Duration::from_secs(1)).await;
    world.mute(true);
    let messages = world.accept(AT_LEAST_ONCE, 0..50);
    pass(Duration::from_secs(30)).await;
    assert!(provider.messages().is_empty());
    world.mute(false);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 50);
}

#[tokio::test(start_paused = true)]
async fn reading_the_outbox_again_sends_nothing_twice() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start(&provider, 1);
    provider.hang(true);
    let messages = world.accept(AT_LEAST_ONCE, 0..20);
    world.until(|_| provider.messages().len() == 20).await;
    for _ in 0..10 {
        world.mute(false);
        pass(Duration::from_millis(10)).await;
    }
    provider.hang(false);
    world.until_all(&messages, Status::Delivered).await;
    pass(Duration::from_secs(60)).await;
    assert_eq!(provider.messages().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn results_are_proposed_until_there_is_an_answer() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start(&provider, 1);
    world.fail_next("settle", Fault::AnswerLost);
    world.fail_next("settle", Fault::Refused(LogError::Overloaded { retry_after: Duration::from_secs(1) }));
    for _ in 0..20 {
        world.fail_next("settle", Fault::Refused(LogError::NoLeader { group: GROUP, waited: Duration::ZERO }));
    }
    let messages = world.accept(AT_LEAST_ONCE, 0..10);
    world.until(|world| world.proposed("settle").len() >= 23).await;
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_due_before_its_result_is_answered_is_not_lost() {
    let world = World::new().await;
    let provider = Provider::with(|delivery| match delivery.attempt {
        1 => DriverResult::Temporary { detail: "later".to_owned() },
        _ => accepted(),
    });
    let _sender = world.start(&provider, 1);
    world.set_latency(Duration::from_secs(20));
    let messages = world.accept(AT_LEAST_ONCE, 0..1);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn results_too_large_for_an_entry_are_cut() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start(&provider, 1);
    let too_large = || LogError::TooLarge { size: 2, limit: 1 };
    world.fail_next("settle", Fault::Refused(too_large()));
    world.fail_next("settle", Fault::Refused(too_large()));
    let messages = world.accept(AT_LEAST_ONCE, 0..40);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 40);
}

#[tokio::test(start_paused = true)]
async fn sending_pauses_while_results_can_not_be_recorded() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let mut config = config(1);
    config.limits.unsettled_len = 30;
    let _sender = world.start_with(&provider, config);
    for _ in 0..50 {
        world.fail_next("settle", Fault::Refused(LogError::NoLeader { group: GROUP, waited: Duration::ZERO }));
    }
    let messages = world.accept(AT_LEAST_ONCE, 0..100);
    pass(Duration::from_secs(5)).await;
    assert_eq!(provider.messages().len(), 30);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn results_of_messages_that_were_not_begun_are_bounded_as_well() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let mut config = config(1);
    config.limits.unsettled_len = 30;
    let _sender = world.start_with(&provider, config);
    for _ in 0..50 {
        world.fail_next("settle", Fault::Refused(LogError::NoLeader { group: GROUP, waited: Duration::ZERO }));
    }
    let forever = Duration::from_secs(86_400);
    let messages = world.accept_sms("{{#each x}}", AT_LEAST_ONCE, (0..100, forever));
    pass(Duration::from_secs(5)).await;
    let settled = |settle: &Command| match settle {
        Command::Settle { results, .. } => results.iter().map(|settlement| settlement.message).collect(),
        _ => Vec::new(),
    };
    let proposed: BTreeSet<_> = world.proposed("settle").iter().flat_map(settled).collect();
    assert_eq!(proposed.len(), 30);
    world.until_all(&messages, Status::Failed).await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_fails_or_never_answers_leaves_an_unknown_outcome() {
    let (world, provider) = (World::new().await, Provider::panicking());
    let sender = world.start(&provider, 1);
    let messages = world.accept(AT_LEAST_ONCE, 0..1);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 2);
    drop(sender);

    let provider = Provider::accepting();
    let _sender = world.start(&provider, 2);
    provider.hang(true);
    let messages = world.accept(AT_LEAST_ONCE, 1..2);
    world.until(|_| provider.messages().len() == 2).await;
    provider.hang(false);
    world.until_all(&messages, Status::Delivered).await;
    assert!(provider.handed()[1].0 - provider.handed()[0].0 >= config(1).limits.dispatch_timeout);
}

#[tokio::test(start_paused = true)]
async fn a_crash_sends_at_least_once_messages_again() {
    let (world, provider) = (World::new().await, Provider::accepting());
    provider.hang(true);
    let messages = world.accept(AT_LEAST_ONCE, 0..5);
    let sender = world.start(&provider, 1);
    world.until(|_| provider.messages().len() == 5).await;
    drop(sender);
    provider.hang(false);
    let _sender = world.start(&provider, 2);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().iter().collect::<BTreeSet<_>>().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_was_begun_and_begins_nothing_more() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let sender = world.start(&provider, 1);
    provider.hang(true);
    let begun = world.accept(AT_LEAST_ONCE, 0..5);
    world.until(|_| provider.messages().len() == 5).await;
    let stop = tokio::spawn(sender.stop(Duration::from_secs(10)));
    pass(Duration::from_secs(1)).await;
    let late = world.accept(AT_LEAST_ONCE, 5..10);
    pass(Duration::from_secs(1)).await;
    provider.hang(false);
    assert_eq!(stop.await.unwrap().unsettled, 0);
    assert!(world.all_at(&begun, Status::Delivered) && world.all_at(&late, Status::Waiting));
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_longer_than_told() {
    let world = World::new().await;
    let provider = Provider::with(|_| accepted());
    let sender = world.start(&provider, 1);
    provider.hang(true);
    world.accept(AT_LEAST_ONCE, 0..5);
    world.until(|_| provider.messages().len() == 5).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(sender.stop(Duration::from_secs(3)).await.unsettled, 5);
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_gets_a_bounded_number_of_batches() {
    let world = World::new().await;
    let provider = Provider::with(|_| DriverResult::Accepted { provider_id: None });
    let _sender = world.start(&provider, 1);
    provider.hang(true);
    for part in 0..20 {
        world.accept(AT_LEAST_ONCE, part * 10..(part + 1) * 10);
        pass(Duration::from_millis(100)).await;
    }
    assert_eq!(provider.batches().len(), config(1).limits.batches_in_flight);
}
