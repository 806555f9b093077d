//! What every message goes through: sent once, tried again when due, expired, forbidden, paced.

use std::collections::BTreeSet;
use std::time::Duration;

use delivery::retry::RetryPolicy;
use model::message::{Class, Status};
use model::opt_out::OptOutSource;
use model::{Channel, Command, Epoch};
use sender::{DriverResult, Fault, SenderConfig};
use tokio::time::Instant;

use crate::provider::{Provider, accepted};
use crate::world::{APP, World, config, paced, pass, phone};

const AT_LEAST_ONCE: Class = Class::AtLeastOnce;

fn temporary() -> DriverResult {
    DriverResult::Temporary { detail: "later".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn what_waits_at_the_start_and_what_comes_later_is_sent_once() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let mut messages = world.accept(AT_LEAST_ONCE, 0..30);
    let sender = world.start(&provider, 1);
    world.until_all(&messages, Status::Delivered).await;
    messages.extend(world.accept(AT_LEAST_ONCE, 30..60));
    world.until_all(&messages, Status::Delivered).await;
    pass(Duration::from_secs(600)).await;
    let handed = provider.messages();
    assert_eq!(handed.len(), 60);
    assert_eq!(handed.iter().collect::<BTreeSet<_>>().len(), 60);
    assert_eq!(world.observed(), 60);
    assert_eq!(world.progress(messages[0]).provider_id.as_deref(), Some("p"));
    assert_eq!(sender.stop(Duration::from_secs(5)).await.unsettled, 0);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_says_all_that_a_provider_needs() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let messages = world.accept_sms("{{missing}}Hi", AT_LEAST_ONCE, (5..6, Duration::from_secs(60)));
    let _sender = world.start(&provider, 1);
    world.until_all(&messages, Status::Delivered).await;
    let (_, delivery) = provider.handed().remove(0);
    assert_eq!((delivery.message, delivery.app, delivery.channel), (messages[0], APP, Channel::Sms));
    assert_eq!((delivery.attempt, delivery.epoch, delivery.class), (1, Epoch(1), AT_LEAST_ONCE));
    assert_eq!((delivery.address, delivery.origination.as_deref()), (phone(5).0, Some("Sender")));
    assert!(format!("{:?}", delivery.content).contains("\"Hi\""));
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_answers_inside_its_first_poll_is_served_as_well() {
    let (world, provider) = (World::new().await, Provider::immediate());
    let _sender = world.start(&provider, 1);
    let messages = world.accept(AT_LEAST_ONCE, 0..3);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_when_due_and_not_before() {
    let world = World::new().await;
    let provider = Provider::with(|delivery| if delivery.attempt < 4 { temporary() } else { accepted() });
    let _sender = world.start(&provider, 1);
    let messages = world.accept(AT_LEAST_ONCE, 0..1);
    world.until_all(&messages, Status::Delivered).await;
    let handed = provider.handed();
    let attempts: Vec<u32> = handed.iter().map(|(_, delivery)| delivery.attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4]);
    let policy = RetryPolicy::for_channel(Channel::Sms);
    for (pair, longest) in handed.windows(2).zip([1, 2, 4]) {
        let wait = pair[1].0 - pair[0].0;
        assert!(wait <= policy.first * longest + Duration::from_millis(20), "{wait:?}");
    }
    assert_eq!(world.progress(messages[0]).attempts, 4);
}

#[tokio::test(start_paused = true)]
async fn waits_and_expiry_go_by_the_groups_time_whatever_the_wall_clock_shows() {
    for wall in [0, u64::MAX] {
        let world = World::new().await;
        world.set_wall(wall);
        let provider = Provider::with(|delivery| if delivery.attempt < 3 { temporary() } else { accepted() });
        let _sender = world.start(&provider, 1);
        let begun = Instant::now();
        let messages = world.accept(AT_LEAST_ONCE, 0..1);
        world.until_all(&messages, Status::Delivered).await;
        let policy = RetryPolicy::for_channel(Channel::Sms);
        assert!(begun.elapsed() <= policy.first * 3 + Duration::from_millis(50));
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_goes_on_soon_after_the_time_becomes_known() {
    let (world, provider) = (World::new().await, Provider::with(|_| temporary()));
    let _sender = world.start(&provider, 1);
    world.accept(AT_LEAST_ONCE, 0..1);
    world.until(|_| provider.messages().len() == 1).await;
    pass(Duration::from_millis(50)).await;
    world.know_time(false);
    pass(Duration::from_secs(60)).await;
    assert_eq!(provider.messages().len(), 1);
    world.know_time(true);
    pass(Duration::from_millis(150)).await;
    assert_eq!(provider.messages().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_to_wait_is_waited_for() {
    let world = World::new().await;
    let asked = Duration::from_secs(30);
    let provider = Provider::with(move |delivery| match delivery.attempt {
        1 => DriverResult::Throttled { retry_after: Some(asked), detail: "slow".to_owned() },
        _ => accepted(),
    });
    let _sender = world.start(&provider, 1);
    let messages = world.accept(AT_LEAST_ONCE, 0..1);
    world.until_all(&messages, Status::Delivered).await;
    let handed = provider.handed();
    assert!(handed[1].0 - handed[0].0 >= asked);
}

#[tokio::test(start_paused = true)]
async fn a_message_fails_when_it_is_refused_for_good_and_is_tried_until_it_expires_otherwise() {
    let world = World::new().await;
    let provider = Provider::with(|delivery| match delivery.address.as_str() {
        "+12060000001" => DriverResult::Permanent { fault: Fault::Recipient, detail: "no such number".to_owned() },
        _ => temporary(),
    });
    let _sender = world.start(&provider, 1);
    let messages = world.accept(AT_LEAST_ONCE, 0..2);
    world.until_all(&messages[1..], Status::Failed).await;
    assert_eq!(world.progress(messages[1]).detail.as_deref(), Some("no such number"));
    pass(Channel::Sms.default_time_to_live() - Duration::from_secs(3_600)).await;
    let hours_before = provider.messages().len();
    assert_eq!(world.progress(messages[0]).status, Status::Waiting);
    pass(Duration::from_secs(3_600)).await;
    // Its last due time would have been too late.
    assert_eq!(world.progress(messages[0]).status, Status::Expired);
    assert!(provider.messages().len() > hours_before, "it was tried in its last hour");
}

#[tokio::test(start_paused = true)]
async fn an_expired_message_is_not_sent() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.set_lease(false);
    let _sender = world.start(&provider, 1);
    let messages = world.accept_sms("late", AT_LEAST_ONCE, (0..1, Duration::from_secs(5)));
    pass(Duration::from_secs(6)).await;
    world.set_lease(true);
    pass(Duration::from_secs(60)).await;
    assert!(provider.messages().is_empty());
    world.apply(Command::Expire { limit: 10 });
    assert!(world.all_at(&messages, Status::Expired));
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_would_come_too_late_expires() {
    let (world, provider) = (World::new().await, Provider::with(|_| temporary()));
    let _sender = world.start(&provider, 1);
    let messages = world.accept_sms("late", AT_LEAST_ONCE, (0..1, Duration::from_secs(5)));
    world.until_all(&messages, Status::Expired).await;
}

#[tokio::test(start_paused = true)]
async fn a_recipient_who_opted_out_after_the_acceptance_gets_nothing() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.set_lease(false);
    let _sender = world.start(&provider, 1);
    let messages = world.accept(AT_LEAST_ONCE, 0..2);
    let (_, key) = phone(0);
    world.apply(Command::PutOptOut { app: APP, key, channel: Channel::Sms, source: OptOutSource::Request });
    world.set_lease(true);
    world.until_all(&messages[1..], Status::Delivered).await;
    world.until_all(&messages[..1], Status::OptedOut).await;
    assert_eq!(provider.messages(), messages[1..]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_can_not_be_rendered_fails() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start(&provider, 1);
    let messages = world.accept_sms("{{#each x}}", AT_LEAST_ONCE, (0..2, Duration::from_secs(60)));
    world.until_all(&messages, Status::Failed).await;
    assert!(provider.messages().is_empty());
    assert!(world.progress(messages[0]).detail.unwrap().contains("{{#each x}}"));
}

#[tokio::test(start_paused = true)]
async fn a_paced_identity_sends_no_faster() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start_with(&provider, paced(10, 5));
    let messages = world.accept(AT_LEAST_ONCE, 0..45);
    world.until_all(&messages, Status::Delivered).await;
    let handed = provider.handed();
    let first = handed[0].0;
    for (place, (at, _)) in handed.iter().enumerate() {
        let allowed = 5 + ((*at - first).as_millis() / 100) as usize;
        assert!(place < allowed, "message {place} after {:?}", *at - first);
    }
    let took = handed[44].0 - first;
    assert!(took < Duration::from_millis(4_200), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_sent_uses_no_pace() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.set_lease(false);
    let _sender = world.start_with(&provider, paced(1, 2));
    let unsendable = world.accept_sms("{{#each x}}", AT_LEAST_ONCE, (0..10, Duration::from_secs(60)));
    let forbidden = world.accept(AT_LEAST_ONCE, 10..20);
    for number in 10..20 {
        let (_, key) = phone(number);
        world.apply(Command::PutOptOut { app: APP, key, channel: Channel::Sms, source: OptOutSource::Request });
    }
    let messages = world.accept(AT_LEAST_ONCE, 20..22);
    world.set_lease(true);
    let begun = tokio::time::Instant::now();
    world.until_all(&messages, Status::Delivered).await;
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
    assert!(world.all_at(&unsendable, Status::Failed) && world.all_at(&forbidden, Status::OptedOut));
}

#[tokio::test(start_paused = true)]
async fn the_rate_of_a_region_is_divided_among_its_nodes() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start_with(&provider, SenderConfig { region_nodes: 2, ..paced(20, 2) });
    let messages = world.accept(AT_LEAST_ONCE, 0..21);
    world.until_all(&messages, Status::Delivered).await;
    let handed = provider.handed();
    assert!(handed[20].0 - handed[0].0 >= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn many_messages_go_in_few_batches_and_their_results_in_few_proposals() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.set_latency(Duration::from_millis(40));
    let mut config = config(1);
    config.limits.settle_len = 100;
    let _sender = world.start_with(&provider, config);
    let mut messages = Vec::new();
    for part in 0..40 {
        messages.extend(world.accept(AT_LEAST_ONCE, part * 25..(part + 1) * 25));
    }
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 1_000);
    assert!(provider.batches().len() <= 6, "{:?}", provider.batches());
    assert!(provider.batches().iter().all(|len| *len <= 500));
    let settles = world.proposed("settle");
    assert!(settles.len() <= 14, "{}", settles.len());
    assert!(settles.iter().all(|settle| matches!(settle, Command::Settle { results, .. } if results.len() <= 100)));
}
