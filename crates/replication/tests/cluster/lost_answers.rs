//! Proposals whose answer is lost after they were written: their node finds out what became of them, and no change is
//! made twice.

use model::Proposal;
use model::app::ChannelSettings;
use model::command::Command;
use model::id::{AppId, GroupId, NodeId};
use model::outcome::Outcome;
use registry::tables::{Apps, ReadRows};
use service::ports::{Applied, LogError, Reads as _};
use tokio::task::JoinHandle;

use crate::old_copies::{APP, enabled, put_channel};
use crate::purging;
use crate::remote_reads::two_in_a_region;
use crate::support::{Cluster, create_app, created, eventually, propose};

const GROUP: GroupId = GroupId::CONTROL;

type Proposed = JoinHandle<Result<Applied, LogError>>;

fn begin(cluster: &Cluster, at: NodeId, proposal: Proposal) -> Proposed {
    let node = cluster.node(at).clone();
    tokio::spawn(async move { propose(&node, GROUP, proposal).await })
}

fn app(cluster: &Cluster, at: NodeId, number: u128) -> Option<model::app::App> {
    ReadRows::<Apps>::get(&*cluster.node(at).view(GROUP).unwrap(), &AppId(number)).unwrap()
}

fn channel(applied: &Applied) -> &ChannelSettings {
    match &applied.outcomes[..] {
        [Outcome::Carried { outcome, .. }] => match outcome.as_ref() {
            Outcome::Channel(settings) => settings,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Has a node enable a channel by the leader, whose answer doesn't come.
async fn enable(cluster: &Cluster, asked: NodeId, leader: NodeId) -> Proposed {
    propose(cluster.node(leader), GROUP, create_app(APP)).await.unwrap();
    cluster.links.mute(asked, leader);
    let proposed = begin(cluster, asked, put_channel(true, "FIRST"));
    eventually("the change to be made", || async { enabled(cluster, leader) }).await;
    proposed
}

/// Requires that what was begun has the answer of its entry, which is before what was done since, and undid nothing.
async fn was_made_once(cluster: &Cluster, asked: NodeId, proposed: Proposed, since: &Applied) {
    let applied = proposed.await.unwrap().unwrap();
    assert!(channel(&applied).enabled && applied.index < since.index, "{applied:?}");
    assert_eq!(enabled(cluster, asked), Some(false), "the change was made a second time");
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_does_not_undo_what_was_acknowledged_since() {
    let cluster = Cluster::start().await;
    let (leader, asked) = (cluster.leader(GROUP).await, cluster.followers(GROUP).await[0]);
    let proposed = enable(&cluster, asked, leader).await;
    let since = propose(cluster.node(leader), GROUP, put_channel(false, "SINCE")).await.unwrap();
    cluster.links.lose_answers();
    was_made_once(&cluster, asked, proposed, &since).await;
}

#[tokio::test(start_paused = true)]
async fn nor_when_another_node_leads_by_then() {
    let cluster = Cluster::start().await;
    let (leader, followers) = (cluster.leader(GROUP).await, cluster.followers(GROUP).await);
    let (asked, heir) = (followers[0], followers[1]);
    let proposed = enable(&cluster, asked, leader).await;
    eventually("all to have it", || async { enabled(&cluster, heir).and(enabled(&cluster, asked)) }).await;
    cluster.links.isolate(leader);
    eventually("an heir", || async { cluster.node(heir).leader(GROUP).filter(|found| *found != leader) }).await;
    let since = propose(cluster.node(heir), GROUP, put_channel(false, "SINCE")).await.unwrap();
    was_made_once(&cluster, asked, proposed, &since).await;
}

#[tokio::test(start_paused = true)]
async fn each_of_many_whose_answers_were_lost_gets_its_own() {
    let cluster = Cluster::start().await;
    let (leader, asked) = (cluster.leader(GROUP).await, cluster.followers(GROUP).await[0]);
    for number in 1..=20 {
        propose(cluster.node(leader), GROUP, create_app(number)).await.unwrap();
    }
    cluster.links.mute(asked, leader);
    let delete = |number| Proposal { request: None, command: Command::DeleteApp { app: AppId(number) } };
    let proposed: Vec<Proposed> = (1..=20).map(|number| begin(&cluster, asked, delete(number))).collect();
    eventually("the apps to be gone", || async {
        (1..=20).all(|number| app(&cluster, leader, number).is_none()).then_some(())
    })
    .await;
    cluster.links.lose_answers();
    for (number, one) in (1..).zip(proposed) {
        let applied = one.await.unwrap().unwrap();
        // Deleted once more, it would not be found.
        assert_eq!(created(&applied.outcomes[0]), Some(AppId(number)), "{applied:?}");
    }
}

/// The leader is cut off with an entry that nobody else has: another one is written in its place.
#[tokio::test(start_paused = true)]
async fn what_was_never_committed_is_done_in_the_end() {
    let cluster = Cluster::start().await;
    let (leader, followers) = (cluster.leader(GROUP).await, cluster.followers(GROUP).await);
    propose(cluster.node(leader), GROUP, create_app(APP)).await.unwrap();
    cluster.converge(GROUP).await;
    cluster.links.isolate(leader);
    let proposed = begin(&cluster, leader, put_channel(true, "FIRST"));
    let heir = eventually("an heir", || async { cluster.node(followers[0]).leader(GROUP).filter(|id| *id != leader) });
    let heir = heir.await;
    let since = propose(cluster.node(heir), GROUP, put_channel(false, "SINCE")).await.unwrap();
    cluster.links.heal();
    let applied = proposed.await.unwrap().unwrap();
    assert!(channel(&applied).enabled && applied.index > since.index, "{applied:?}");
    cluster.converge(GROUP).await;
    assert_eq!(enabled(&cluster, heir), Some(true));
}

/// What came with a snapshot may have been applied before it, with an answer that nobody here saw.
#[tokio::test(start_paused = true)]
async fn without_the_entries_the_outcome_is_unknown_and_nothing_is_tried_again() {
    let (cluster, leader, away) = purging::cluster().await;
    cluster.links.hold(leader, away);
    let proposed = enable(&cluster, away, leader).await;
    let others: Vec<NodeId> = cluster.ids().into_iter().filter(|id| *id != away).collect();
    propose(cluster.node(leader), GROUP, put_channel(false, "SINCE")).await.unwrap();
    purging::purged(&cluster, leader, &others).await;
    cluster.links.lose_held();
    cluster.links.lose_answers();
    let outcome = proposed.await.unwrap();
    assert!(matches!(outcome, Err(LogError::Unknown { .. })), "{outcome:?}");
    cluster.converge(GROUP).await;
    assert_eq!(enabled(&cluster, away), Some(false), "the change was made a second time");
}

/// A node sees the answers in its own replica alone.
#[tokio::test(start_paused = true)]
async fn without_a_replica_the_outcome_is_unknown_and_nothing_is_tried_again() {
    let (cluster, with, without) = two_in_a_region().await;
    let leader = cluster.node(with).leader(GROUP).unwrap();
    let proposed = enable(&cluster, without, leader).await;
    propose(cluster.node(leader), GROUP, put_channel(false, "SINCE")).await.unwrap();
    cluster.links.lose_answers();
    let outcome = proposed.await.unwrap();
    assert!(matches!(outcome, Err(LogError::Unknown { .. })), "{outcome:?}");
    assert_eq!(enabled(&cluster, leader), Some(false), "the change was made a second time");
}
