//! A node that lives on and loses messages that it had claimed: it says what it did not begin, and that is not held.

use std::sync::Arc;
use std::time::Duration;

use model::message::{Class, Status};
use model::{Command, Epoch, MessageId};
use sender::DriverResult;

use crate::provider::{Provider, accepted};
use crate::world::{Fault, World, config, pass, region};

/// A sender that claimed messages and lost its lease before they began.
async fn claimed() -> (Arc<World>, Arc<Provider>, sender::Sender, Vec<MessageId>) {
    let (world, provider) = (World::new().await, Provider::accepting());
    let sender = world.start(&provider, 1);
    pass(Duration::from_secs(1)).await;
    world.set_latency(Duration::from_millis(100));
    let messages = world.accept_sms("hello", Class::AtMostOnce, (0..20, Duration::from_secs(60)));
    pass(Duration::from_millis(50)).await;
    world.set_lease(false);
    world.until(|world| messages.iter().all(|message| world.progress(*message).claim.is_some())).await;
    (world, provider, sender, messages)
}

fn take_over(world: &World) {
    world.adopt(2, &[("here", 0), ("there", 1)]);
    world.apply(Command::Takeover { region: region("here"), epoch: Epoch(2), cursor: None, limit: 1_000 });
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_over_while_it_was_cut_off_goes_on_elsewhere() {
    for answered in [false, true] {
        let (world, provider, _sender, messages) = claimed().await;
        if answered {
            pass(Duration::from_secs(1)).await;
        }
        take_over(&world);
        assert!(world.all_at(&messages, Status::Held));
        world.until_all(&messages, Status::Waiting).await;
        let there = |message: &MessageId| world.progress(*message).region == region("there");
        assert!(messages.iter().all(there));
        world.set_lease(true);
        pass(Duration::from_secs(120)).await;
        assert!(provider.messages().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_over_before_its_claim_is_answered_goes_on_elsewhere() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start(&provider, 1);
    pass(Duration::from_secs(1)).await;
    world.fail_next("claim", Fault::AnswerLost);
    let messages = world.accept(Class::AtMostOnce, 0..5);
    world.until(|world| messages.iter().all(|message| world.progress(*message).claim.is_some())).await;
    take_over(&world);
    assert!(world.all_at(&messages, Status::Held));
    world.until_all(&messages, Status::Waiting).await;
    assert!(provider.messages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_over_while_its_driver_connects_goes_on_elsewhere() {
    for leased in [false, true] {
        let (world, provider) = (World::new().await, Provider::accepting());
        provider.connect(false);
        let _sender = world.start(&provider, 1);
        let messages = world.accept(Class::AtMostOnce, 0..5);
        world.until(|_| provider.came() == 1).await;
        world.set_lease(leased);
        take_over(&world);
        pass(Duration::from_secs(1)).await;
        assert!(world.all_at(&messages, Status::Held));
        provider.connect(true);
        world.until_all(&messages, Status::Waiting).await;
        assert!(provider.messages().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_expires_before_it_began_is_not_held() {
    let (world, provider, _sender, messages) = claimed().await;
    pass(Duration::from_secs(61)).await;
    world.apply(Command::Expire { limit: 1_000 });
    world.until_all(&messages, Status::Expired).await;
    world.set_lease(true);
    pass(Duration::from_secs(60)).await;
    assert!(provider.messages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_expires_under_a_lease_is_not_held() {
    let (world, provider, _sender, messages) = claimed().await;
    pass(Duration::from_secs(61)).await;
    world.set_lease(true);
    pass(Duration::from_secs(5)).await;
    world.apply(Command::Expire { limit: 1_000 });
    world.until_all(&messages, Status::Expired).await;
    assert!(provider.messages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_began_and_was_taken_over_is_as_its_result_says() {
    let unknown = || DriverResult::Unknown { retry_after: None, detail: "cut off".to_owned() };
    let temporary = || DriverResult::Temporary { detail: "busy".to_owned() };
    let results = [(accepted(), Status::Delivered), (unknown(), Status::Held), (temporary(), Status::Waiting)];
    for (result, status) in results {
        let world = World::new().await;
        let provider = Provider::with(move |_| result.clone());
        provider.hang(true);
        let sender = world.start(&provider, 1);
        let messages = world.accept(Class::AtMostOnce, 0..5);
        world.until(|_| provider.messages().len() == 5).await;
        take_over(&world);
        provider.hang(false);
        pass(Duration::from_secs(5)).await;
        assert!(world.all_at(&messages, status), "{status}");
        // Its result is recorded: a later start says nothing more of it.
        drop(sender);
        let _sender = world.start_with(&provider, config(2));
        pass(Duration::from_secs(5)).await;
        assert!(world.all_at(&messages, status), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_gives_up_before_it_began_leaves_nothing_unknown() {
    let (world, provider) = (World::new().await, Provider::accepting());
    provider.connect(false);
    let _sender = world.start(&provider, 1);
    let messages = world.accept(Class::AtMostOnce, 0..5);
    pass(config(1).limits.dispatch_timeout + Duration::from_secs(1)).await;
    assert!(world.all_at(&messages, Status::Waiting));
    provider.connect(true);
    world.until_all(&messages, Status::Delivered).await;
}
