//! What a crash leaves behind of `at_most_once` messages: what certainly did not begin goes on, the rest is held.

use std::time::Duration;

use model::message::{Claim, Class, Status};
use model::{Command, Epoch, Incarnation, MessageId, NodeId};
use sender::SenderFault;
use service::ports::LogError;

use crate::provider::Provider;
use crate::world::{Fault, GROUP, World, pass, region};

/// Five messages that began without an answer, and five that wait for a connection, when the process is killed.
async fn killed() -> (std::sync::Arc<World>, std::sync::Arc<Provider>, Vec<MessageId>, Vec<MessageId>) {
    let (world, provider) = (World::new().await, Provider::accepting());
    let sender = world.start(&provider, 1);
    provider.hang(true);
    let begun = world.accept(Class::AtMostOnce, 0..5);
    world.until(|_| provider.messages().len() == 5).await;
    provider.connect(false);
    let unbegun = world.accept(Class::AtMostOnce, 5..10);
    world.until(|_| provider.came() == 2).await;
    drop(sender);
    provider.hang(false);
    provider.connect(true);
    (world, provider, begun, unbegun)
}

fn claim(incarnation: u64) -> Claim {
    Claim { node: NodeId(1), incarnation: Incarnation(incarnation) }
}

#[tokio::test(start_paused = true)]
async fn what_began_is_held_and_the_rest_goes_on() {
    let (world, provider, begun, unbegun) = killed().await;
    let _sender = world.start(&provider, 2);
    world.until_all(&unbegun, Status::Delivered).await;
    world.until_all(&begun, Status::Held).await;
    assert_eq!(provider.messages().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_a_takeover_held_meanwhile_goes_on_where_the_plan_says() {
    let (world, provider, begun, unbegun) = killed().await;
    world.adopt(2, &[("here", 0), ("there", 1)]);
    world.apply(Command::Takeover { region: region("here"), epoch: Epoch(2), cursor: None, limit: 1_000 });
    assert!(world.all_at(&begun, Status::Held) && world.all_at(&unbegun, Status::Held));
    let _sender = world.start(&provider, 2);
    world.until_all(&unbegun, Status::Waiting).await;
    assert!(unbegun.iter().all(|message| world.progress(*message).region == region("there")));
    pass(Duration::from_secs(60)).await;
    assert!(world.all_at(&begun, Status::Held));
    assert!(begun.iter().all(|message| world.progress(*message).claim.is_none()));
}

#[tokio::test(start_paused = true)]
async fn of_a_machine_that_lost_power_nobody_knows() {
    let (world, provider, begun, unbegun) = killed().await;
    world.reboot();
    let _sender = world.start(&provider, 2);
    world.until_all(&begun, Status::Held).await;
    world.until_all(&unbegun, Status::Held).await;
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_is_lost_or_damaged_says_nothing() {
    let damages: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes.clear(),
        |bytes| bytes[0] ^= 1,
        |bytes| bytes.truncate(bytes.len() / 8),
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
        |bytes| bytes.extend([7; 64]),
    ];
    for damage in damages {
        let (world, provider, begun, unbegun) = killed().await;
        world.journal.damage(damage);
        let _sender = world.start(&provider, 2);
        world.until_all(&begun, Status::Held).await;
        world.until_all(&unbegun, Status::Held).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_without_its_end_had_not_begun() {
    let (world, provider, begun, unbegun) = killed().await;
    world.journal.damage(|bytes| bytes.truncate(bytes.len() - 1));
    let _sender = world.start(&provider, 2);
    // The process was killed while it wrote that; the test's provider got them nevertheless.
    world.until_all(&begun, Status::Delivered).await;
    world.until_all(&unbegun, Status::Delivered).await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_is_committed_after_the_kill_did_not_begin() {
    let (world, provider, ..) = killed().await;
    let late = world.accept(Class::AtMostOnce, 20..25);
    let command = Command::Claim { claim: claim(1), region: region("here"), messages: late.clone() };
    world.apply(command);
    assert!(late.iter().all(|message| world.progress(*message).claim == Some(claim(1))));
    let _sender = world.start(&provider, 2);
    world.until_all(&late, Status::Delivered).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_announced_nothing_changes_nothing() {
    let (world, provider, begun, unbegun) = killed().await;
    for incarnation in 2..5 {
        // One is killed before it said anything, the next ones after the fence.
        for _ in 0..3 {
            let no_leader = LogError::NoLeader { group: GROUP, waited: Duration::ZERO };
            let name = if incarnation == 2 { "begin_incarnation" } else { "release_claims" };
            world.fail_next(name, Fault::Refused(no_leader));
        }
        let sender = world.start(&provider, incarnation);
        pass(Duration::from_millis(50)).await;
        drop(sender);
    }
    pass(Duration::from_secs(1)).await;
    let _sender = world.start(&provider, 9);
    world.until_all(&unbegun, Status::Delivered).await;
    world.until_all(&begun, Status::Held).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_is_not_taken_for_one_of_an_earlier_data_folder() {
    let (world, provider, begun, unbegun) = killed().await;
    // The folder is lost, and the count begins anew; the numbers that are taken are not announced.
    world.journal.damage(Vec::clear);
    let fault = LogError::NoLeader { group: GROUP, waited: Duration::ZERO };
    world.fail_next("begin_incarnation", Fault::Refused(fault));
    let sender = world.start(&provider, 1);
    pass(Duration::from_millis(1)).await;
    drop(sender);
    let _sender = world.start(&provider, 2);
    world.until_all(&begun, Status::Held).await;
    world.until_all(&unbegun, Status::Held).await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_did_not_begin_is_told_from_the_dispatch_that_did() {
    let world = World::new().await;
    let provider = Provider::with(|_| sender::DriverResult::Temporary { detail: "busy".to_owned() });
    let sender = world.start(&provider, 1);
    let messages = world.accept(Class::AtMostOnce, 0..5);
    world.until(|world| messages.iter().all(|message| world.progress(*message).attempts == 1)).await;
    provider.connect(false);
    world.until(|world| messages.iter().all(|message| world.progress(*message).claim.is_some())).await;
    pass(Duration::from_secs(1)).await;
    drop(sender);
    let provider = Provider::accepting();
    let _sender = world.start(&provider, 2);
    world.until_all(&messages, Status::Delivered).await;
    assert!(provider.handed().iter().all(|(_, delivery)| delivery.attempt == 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_withdrawn_did_not_begin() {
    let (world, provider) = (World::new().await, Provider::accepting());
    provider.connect(false);
    let sender = world.start(&provider, 1);
    let messages = world.accept(Class::AtMostOnce, 0..5);
    world.until(|_| provider.came() == 1).await;
    world.set_lease(false);
    provider.connect(true);
    pass(Duration::from_secs(1)).await;
    assert!(messages.iter().all(|message| world.progress(*message).claim.is_some()));
    drop(sender);
    world.set_lease(true);
    let _sender = world.start(&provider, 2);
    world.until_all(&messages, Status::Delivered).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_that_can_not_be_noted_and_the_node_stops() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let mut sender = world.start(&provider, 1);
    pass(Duration::from_secs(1)).await;
    world.journal.set_broken(true);
    let messages = world.accept(Class::AtMostOnce, 0..5);
    let fault = sender.fault().await;
    assert!(matches!(&fault, SenderFault::Journal(error) if error.detail.contains("no space")), "{fault:?}");
    assert!(provider.messages().is_empty());
    world.journal.set_broken(false);
    let _sender = world.start(&provider, 2);
    world.until_all(&messages, Status::Delivered).await;
}

#[tokio::test(start_paused = true)]
async fn the_journal_does_not_grow_with_what_was_sent() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start(&provider, 1);
    let mut longest = 0;
    for from in (0..120_000).step_by(1_000) {
        let messages = world.accept(Class::AtMostOnce, from..from + 1_000);
        world.until_all(&messages, Status::Delivered).await;
        longest = longest.max(world.journal.len());
    }
    assert!((500_000..1_100_000).contains(&longest), "{longest}");
    assert!(world.journal.len() < longest);
}

#[tokio::test(start_paused = true)]
async fn class_at_least_once_is_not_noted() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start(&provider, 1);
    pass(Duration::from_secs(1)).await;
    let len = world.journal.len();
    let messages = world.accept(Class::AtLeastOnce, 0..50);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(world.journal.len(), len);
}
