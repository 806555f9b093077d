//! `at_most_once` messages: claimed before they go, held when nobody knows, given back when they don't go.

use std::time::Duration;

use model::message::{Class, Status};
use model::{Command, MessageId};
use sender::{DriverResult, Limits, SenderConfig};
use service::ports::LogError;

use crate::provider::{Provider, accepted};
use crate::world::{Fault, GROUP, World, config, paced, pass};

const AT_MOST_ONCE: Class = Class::AtMostOnce;

fn unknown_log() -> LogError {
    LogError::Unknown { group: GROUP, waited: Duration::from_secs(5) }
}

fn claimed(world: &World, messages: &[MessageId]) -> usize {
    messages.iter().filter(|message| world.progress(**message).claim.is_some()).count()
}

/// Lets messages be claimed, and takes the lease away while the claim is on its way: they can't begin.
async fn claimed_and_unbegun(world: &World) -> Vec<MessageId> {
    pass(Duration::from_secs(1)).await;
    world.set_latency(Duration::from_millis(100));
    let messages = world.accept(AT_MOST_ONCE, 0..20);
    pass(Duration::from_millis(50)).await;
    world.set_lease(false);
    world.until(|world| claimed(world, &messages) == 20).await;
    pass(Duration::from_millis(200)).await;
    messages
}

/// Lets a sender work in small batches, crashes it after a while, and returns how many messages the next incarnation
/// finds claimed that never left.
async fn held_in_vain(
    name: &str,
    (paced, crash_after): (SenderConfig, Duration),
    set: impl Fn(&World, &Provider),
) -> usize {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.set_latency(LATENCY);
    set(&world, &provider);
    let small = |config: SenderConfig| SenderConfig { limits: Limits { batch_len: BATCH, ..config.limits }, ..config };
    let sender = world.start_with(&provider, small(paced));
    let messages = world.accept(AT_MOST_ONCE, 0..400);
    pass(crash_after).await;
    drop(sender);
    world.set_lease(true);
    provider.hang(false);
    provider.connect(true);
    let sent = provider.messages();
    let _sender = world.start_with(&provider, small(config(2)));
    let ended = |world: &World, message| world.progress(message).status != Status::Waiting;
    world.until(|world| messages.iter().all(|message| ended(world, *message))).await;
    let held = messages.iter().filter(|message| world.progress(**message).status == Status::Held);
    let in_vain = held.filter(|message| !sent.contains(message)).count();
    println!("{name}: {} sent, {in_vain} held although they never left", sent.len());
    in_vain
}

/// How many messages go in a batch, how long the log takes one way, and when the crash comes.
const BATCH: usize = 10;
const LATENCY: Duration = Duration::from_millis(20);
const CRASH_AFTER: Duration = Duration::from_millis(1_013);

#[tokio::test(start_paused = true)]
async fn what_did_not_begin_is_not_held() {
    // The pace, the lease, the provider's answers, the connection to it stand against it.
    assert_eq!(held_in_vain("paced", (paced(5, 5), CRASH_AFTER), |_, _| ()).await, 0);
    assert_eq!(held_in_vain("no lease", (config(1), CRASH_AFTER), |world, _| world.set_lease(false)).await, 0);
    assert_eq!(held_in_vain("no answers", (config(1), CRASH_AFTER), |_, provider| provider.hang(true)).await, 0);
    assert_eq!(held_in_vain("no connection", (config(1), CRASH_AFTER), |_, provider| provider.connect(false)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_did_not_begin_of_a_burst_is_not_held() {
    for crash_after in (100..1_500).step_by(47) {
        let crash_after = Duration::from_millis(crash_after);
        let set = |world: &World, _: &Provider| world.set_latency(Duration::from_millis(160));
        let in_vain = held_in_vain("burst", (config(1), crash_after), set).await;
        assert_eq!(in_vain, 0, "after {crash_after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_is_claimed_than_two_batches_ahead() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.set_latency(Duration::from_millis(160));
    let limits = Limits { batch_len: BATCH, ..config(1).limits };
    let _sender = world.start_with(&provider, SenderConfig { limits, ..config(1) });
    let messages = world.accept(AT_MOST_ONCE, 0..400);
    while !world.all_at(&messages, Status::Delivered) {
        let sent = provider.messages();
        let ahead = messages.iter().filter(|message| !sent.contains(message));
        let ahead = ahead.filter(|message| world.progress(**message).claim.is_some()).count();
        assert!(ahead <= 2 * BATCH, "{ahead}");
        pass(Duration::from_millis(7)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn they_are_claimed_before_they_go_and_go_once() {
    let world = World::new().await;
    let provider = {
        let world = world.clone();
        Provider::with(move |delivery| {
            assert!(world.progress(delivery.message).claim.is_some());
            accepted()
        })
    };
    let messages = world.accept(AT_MOST_ONCE, 0..20);
    let _sender = world.start(&provider, 1);
    world.until_all(&messages, Status::Delivered).await;
    pass(Duration::from_secs(600)).await;
    assert_eq!(provider.messages().len(), 20);
    assert!(world.proposed("claim").len() <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_certain_is_tried_again_with_a_new_claim() {
    let world = World::new().await;
    let provider = Provider::with(|delivery| match delivery.attempt {
        1 => DriverResult::Temporary { detail: "no connection".to_owned() },
        _ => accepted(),
    });
    let _sender = world.start(&provider, 1);
    let messages = world.accept(AT_MOST_ONCE, 0..1);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 2);
    assert_eq!(world.proposed("claim").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_held_and_not_tried_again() {
    let world = World::new().await;
    let provider = Provider::with(|_| DriverResult::Unknown { retry_after: None, detail: "cut off".to_owned() });
    let _sender = world.start(&provider, 1);
    let messages = world.accept(AT_MOST_ONCE, 0..1);
    world.until_all(&messages, Status::Held).await;
    pass(Duration::from_secs(3_600)).await;
    assert_eq!(provider.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_dispatch_and_recording_leaves_them_held() {
    let (world, provider) = (World::new().await, Provider::accepting());
    provider.hang(true);
    let messages = world.accept(AT_MOST_ONCE, 0..5);
    let sender = world.start(&provider, 1);
    world.until(|_| provider.messages().len() == 5).await;
    drop(sender);
    pass(Duration::from_secs(1)).await;
    provider.hang(false);
    let _sender = world.start(&provider, 2);
    world.until_all(&messages, Status::Held).await;
    pass(Duration::from_secs(600)).await;
    assert_eq!(provider.messages().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_claimed_before_the_claims_of_earlier_incarnations_are_dealt_with() {
    let (world, provider) = (World::new().await, Provider::accepting());
    for _ in 0..3 {
        world.fail_next(
            "begin_incarnation",
            Fault::Refused(LogError::NoLeader { group: GROUP, waited: Duration::ZERO }),
        );
    }
    let messages = world.accept(AT_MOST_ONCE, 0..5);
    let _sender = world.start(&provider, 1);
    world.until_all(&messages, Status::Delivered).await;
    let proposed: Vec<&str> =
        ["begin_incarnation", "claim"].into_iter().filter(|name| !world.proposed(name).is_empty()).collect();
    assert_eq!(proposed, ["begin_incarnation", "claim"]);
    assert_eq!(world.proposed("begin_incarnation").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_claim_without_an_answer_is_asked_for_again() {
    let (world, provider) = (World::new().await, Provider::accepting());
    world.fail_next("claim", Fault::AnswerLost);
    world.fail_next("claim", Fault::Refused(unknown_log()));
    let messages = world.accept(AT_MOST_ONCE, 0..5);
    let _sender = world.start(&provider, 1);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_evacuated_region_gives_back_what_it_has_not_begun_before_it_is_drained() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let sender = world.start(&provider, 1);
    let messages = claimed_and_unbegun(&world).await;
    world.adopt(2, &[("here", 0), ("there", 1)]);
    world.until(|world| world.drained().last() == Some(&model::Epoch(2))).await;
    assert_eq!(claimed(&world, &messages), 0);
    let sent = provider.messages().len();
    pass(Duration::from_secs(60)).await;
    assert_eq!(provider.messages().len(), sent);
    let region = crate::world::region("here");
    world.apply(Command::Takeover { region, epoch: model::Epoch(2), cursor: None, limit: 1_000 });
    let moved = messages.iter().filter(|message| world.progress(**message).region.as_str() == "there").count();
    assert_eq!(moved, 20 - sent);
    drop(sender);
}

#[tokio::test(start_paused = true)]
async fn claims_answered_after_a_plan_moved_them_away_are_given_back_before_drained() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start(&provider, 1);
    pass(Duration::from_secs(1)).await;
    world.set_latency(Duration::from_millis(100));
    let messages = world.accept(AT_MOST_ONCE, 0..20);
    world.until(|world| claimed(world, &messages) == 20).await;
    world.adopt(2, &[("here", 0), ("there", 1)]);
    world.until(|world| world.drained().last() == Some(&model::Epoch(2))).await;
    assert_eq!(claimed(&world, &messages), 0);
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_while_its_claim_is_refused_is_claimed_after_all() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start(&provider, 1);
    pass(Duration::from_secs(1)).await;
    let latency = Duration::from_millis(100);
    world.set_latency(latency);
    let messages = world.accept(AT_MOST_ONCE, 0..5);
    pass(latency / 2).await;
    move_all(&world, 2, ("here", "there"));
    pass(latency).await;
    assert_eq!((world.proposed("claim").len(), claimed(&world, &messages)), (1, 0));
    move_all(&world, 3, ("there", "here"));
    world.until_all(&messages, Status::Delivered).await;
}

fn move_all(world: &World, epoch: u64, (from, to): (&str, &str)) {
    world.adopt(epoch, &[(from, 0), (to, 1)]);
    let region = crate::world::region(from);
    world.apply(Command::Takeover { region, epoch: model::Epoch(epoch), cursor: None, limit: 1_000 });
}

#[tokio::test(start_paused = true)]
async fn a_claim_given_back_in_doubt_is_not_taken_again_at_once() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start(&provider, 1);
    let messages = claimed_and_unbegun(&world).await;
    world.fail_next("release_claims", Fault::Refused(unknown_log()));
    world.adopt(2, &[("here", 0), ("there", 1)]);
    world.until(|world| world.drained().last() == Some(&model::Epoch(2))).await;
    world.adopt(3, &[("here", 1)]);
    world.set_lease(true);
    pass(Duration::from_secs(50)).await;
    assert_eq!(provider.messages().len(), 0);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_gets_no_lease_any_more_gives_back_what_it_has_not_begun() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let _sender = world.start(&provider, 1);
    let messages = claimed_and_unbegun(&world).await;
    pass(Duration::from_secs(3)).await;
    assert_eq!(claimed(&world, &messages), 20, "a leadership that moves takes as long");
    world.until(|world| claimed(world, &messages) == 0).await;
    assert_eq!(provider.messages().len(), 0);
    world.set_lease(true);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_back_what_was_not_begun() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let sender = world.start(&provider, 1);
    let messages = claimed_and_unbegun(&world).await;
    assert_eq!(sender.stop(Duration::from_secs(5)).await.unsettled, 0);
    assert_eq!(claimed(&world, &messages), 0);
    world.set_lease(true);
    let _sender = world.start(&provider, 2);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 20);
}
