//! Wall clocks that are off: who leads then, and what the time does.

use std::time::Duration;

use model::alarm::AlarmName;
use model::id::NodeId;
use replication::LEADERLESS_MAX;
use service::ports::ClusterControl as _;

use crate::support::{Cluster, GROUP, SOON, adopt_plan, eventually, propose};

const HOUR_MS: i64 = 3_600_000;

#[tokio::test(start_paused = true)]
async fn a_leap_of_most_clocks_waits_for_an_operator_and_one_node_tells_the_others() {
    let cluster = Cluster::start().await;
    let ids = cluster.ids();
    cluster.leader(GROUP).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(cluster.node(ids[2]).accept_time().is_err());
    cluster.set_wall(ids[0], 24 * HOUR_MS);
    cluster.set_wall(ids[1], 24 * HOUR_MS);
    for id in &ids {
        eventually("the leap to be noticed", || async { cluster.node(*id).time_leap() }).await;
        assert!(cluster.time_ahead(*id, GROUP).abs() < 1_000);
    }
    let leap = cluster.node(ids[2]).accept_time().unwrap();
    assert!((leap.ahead_ms - 24 * HOUR_MS).abs() < 1_000);
    for id in &ids {
        let near = || async { ((cluster.time_ahead(*id, GROUP) - 24 * HOUR_MS).abs() < 1_000).then_some(()) };
        eventually("the accepted time", near).await;
        assert_eq!(cluster.node(*id).time_leap(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_starts_again_goes_on_by_its_line() {
    let mut cluster = Cluster::start().await;
    let leader = cluster.leader(GROUP).await;
    propose(cluster.node(leader), GROUP, adopt_plan(1)).await.unwrap();
    let [first, second] = cluster.followers(GROUP).await[..] else { panic!("two followers") };
    tokio::time::sleep(Duration::from_secs(2)).await;
    for id in [leader, first, second] {
        cluster.kill(id).await;
    }
    // Two contradict each other: without what they stored they would have to wait, and could be wrong.
    cluster.set_wall(first, -HOUR_MS / 2);
    for id in [first, second] {
        cluster.run(id, false).await;
    }
    cluster.leader(GROUP).await;
    for _look in 0..20 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(cluster.time_ahead(first, GROUP).abs() < 1_000 && cluster.time_ahead(second, GROUP).abs() < 1_000);
    }
}

/// Waits until another node leads.
async fn heir(cluster: &Cluster, leader: NodeId) -> NodeId {
    eventually("another leader", || async { cluster.agreed_leader(GROUP).filter(|id| *id != leader) }).await
}

fn alarmed(cluster: &Cluster, id: NodeId) -> bool {
    cluster.node(id).status().alarms.iter().any(|alarm| alarm.name == AlarmName::ClockOff)
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_clock_is_off_says_so_and_hands_leadership_on() {
    for ahead_ms in [3 * HOUR_MS, -3 * HOUR_MS] {
        let cluster = Cluster::start().await;
        // Whoever leads then would keep the leadership.
        tokio::time::sleep(replication::STABLE * 2).await;
        let leader = cluster.leader(GROUP).await;
        cluster.set_wall(leader, ahead_ms);
        let heir = heir(&cluster, leader).await;
        assert!(alarmed(&cluster, leader) && !alarmed(&cluster, heir));
        propose(cluster.node(leader), GROUP, adopt_plan(1)).await.unwrap();
        tokio::time::sleep(replication::STABLE * 3).await;
        assert_ne!(cluster.leader(GROUP).await, leader, "leadership doesn't go back to it");
        for id in cluster.ids() {
            assert!(cluster.time_ahead(id, GROUP).abs() < 1_000);
        }
        cluster.set_wall(leader, 0);
        eventually("the alarm to end", || async { (!alarmed(&cluster, leader)).then_some(()) }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_clock_is_off_stands_for_election_when_no_other_does() {
    let mut cluster = Cluster::start().await;
    let leader = cluster.leader(GROUP).await;
    let followers = cluster.followers(GROUP).await;
    let (off, leaving) = (followers[0], followers[1]);
    cluster.set_wall(off, HOUR_MS);
    eventually("the alarm", || async { alarmed(&cluster, off).then_some(()) }).await;
    // It votes, and its clock is right; but it takes no leadership.
    cluster.node(leaving).transfer_leaderships(Duration::ZERO).await;
    cluster.kill(leader).await;
    let began = tokio::time::Instant::now();
    assert_eq!(cluster.leader(GROUP).await, off);
    assert!(began.elapsed() >= LEADERLESS_MAX && began.elapsed() < SOON);
    propose(cluster.node(leaving), GROUP, adopt_plan(1)).await.unwrap();
    assert!(cluster.time_ahead(off, GROUP).abs() < 1_000);
}
