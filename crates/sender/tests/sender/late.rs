//! Connections that are made late: what happens between a driver's first poll and the payload's first byte counts.

use std::time::Duration;

use model::command::Settlement;
use model::message::{Class, SendResult, Status};
use model::opt_out::OptOutSource;
use model::{Channel, Command, Epoch, Timestamp};
use sender::Withdrawn;

use crate::provider::Provider;
use crate::world::{APP, World, config, pass, phone, region};

const CLASSES: [Class; 2] = [Class::AtLeastOnce, Class::AtMostOnce];

fn opt_out(number: u64) -> Command {
    let (_, key) = phone(number);
    Command::PutOptOut { app: APP, key, channel: Channel::Sms, source: OptOutSource::Request }
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_fenced_while_the_driver_connects_is_obeyed() {
    for class in CLASSES {
        let (world, provider) = (World::new().await, Provider::accepting());
        provider.connect(false);
        let messages = world.accept(class, 0..3);
        let sender = world.start(&provider, 1);
        world.until(|_| provider.came() == 1).await;
        world.apply(opt_out(0));
        assert!(world.fenced());
        provider.connect(true);
        world.until_all(&messages[..1], Status::OptedOut).await;
        world.until_all(&messages[1..], Status::Delivered).await;
        pass(Duration::from_secs(600)).await;
        assert_eq!(provider.messages(), messages[1..]);
        assert!(provider.handed().iter().all(|(_, delivery)| delivery.attempt == 1));
        assert_eq!(world.observed(), 2);
        assert_eq!(sender.stop(Duration::from_secs(5)).await.unsettled, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_adopted_while_the_driver_connects_is_obeyed_before_drained() {
    for (class, leased) in CLASSES.into_iter().flat_map(|class| [(class, true), (class, false)]) {
        let (world, provider) = (World::new().await, Provider::accepting());
        provider.connect(false);
        let messages = world.accept(class, 0..5);
        let _sender = world.start(&provider, 1);
        world.until(|_| provider.came() == 1).await;
        world.set_lease(leased);
        world.adopt(2, &[("here", 0), ("there", 1)]);
        pass(Duration::from_secs(5)).await;
        assert_ne!(world.drained().last(), Some(&Epoch(2)));
        provider.connect(true);
        world.until(|world| world.drained().last() == Some(&Epoch(2))).await;
        assert!(messages.iter().all(|message| world.progress(*message).claim.is_none()));
        world.apply(Command::Takeover { region: region("here"), epoch: Epoch(2), cursor: None, limit: 1_000 });
        assert!(messages.iter().all(|message| world.progress(*message).region == region("there")));
        pass(Duration::from_secs(60)).await;
        assert!(provider.messages().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_lost_while_the_driver_connects_withdraws_until_there_is_one() {
    for class in CLASSES {
        let (world, provider) = (World::new().await, Provider::accepting());
        provider.connect(false);
        let messages = world.accept(class, 0..5);
        let _sender = world.start(&provider, 1);
        world.until(|_| provider.came() == 1).await;
        world.set_lease(false);
        provider.connect(true);
        pass(Duration::from_secs(60)).await;
        assert!(provider.messages().is_empty());
        assert_eq!(provider.came(), 1);
        world.set_lease(true);
        world.until_all(&messages, Status::Delivered).await;
        assert_eq!(provider.messages().len(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_forbidden_is_settled_by_the_number_that_its_row_expects() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.set_lease(false);
    let messages = world.accept(Class::AtLeastOnce, 0..1);
    let _sender = world.start(&provider, 1);
    pass(Duration::from_secs(1)).await;
    // The sender doesn't hear that a dispatch of an earlier incarnation was recorded late.
    world.mute(true);
    let result = SendResult::Retry { due: Timestamp(0), detail: "late".to_owned() };
    let results = vec![Settlement { message: messages[0], attempt: 1, result }];
    world.apply(Command::Settle { region: region("here"), results });
    world.apply(opt_out(0));
    world.set_lease(true);
    world.until_all(&messages, Status::OptedOut).await;
    assert!(provider.messages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dispatch_begins_once_and_never_after_its_end() {
    let (world, provider) = (World::new().await, Provider::accepting());
    provider.connect(false);
    let messages = world.accept(Class::AtLeastOnce, 0..1);
    let _sender = world.start(&provider, 1);
    pass(config(1).limits.dispatch_timeout + Duration::from_millis(1)).await;
    assert_eq!(provider.begin_again(0), Err(Withdrawn), "its time was up");
    provider.connect(true);
    provider.hang(true);
    world.until(|_| provider.messages().len() == 1).await;
    assert_eq!(provider.begin_again(1), Err(Withdrawn), "it has begun");
    provider.hang(false);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 1);
    assert!(world.fenced());
}

#[tokio::test(start_paused = true)]
async fn what_is_withdrawn_while_the_node_stops_leaves_nothing_behind() {
    for class in CLASSES {
        let (world, provider) = (World::new().await, Provider::accepting());
        provider.connect(false);
        let messages = world.accept(class, 0..5);
        let sender = world.start(&provider, 1);
        world.until(|_| provider.came() == 1).await;
        let stop = tokio::spawn(sender.stop(Duration::from_secs(10)));
        world.set_lease(false);
        provider.connect(true);
        assert_eq!(stop.await.unwrap().unsettled, 0);
        assert!(world.all_at(&messages, Status::Waiting) && provider.messages().is_empty());
        assert!(messages.iter().all(|message| world.progress(*message).claim.is_none()));
    }
}
