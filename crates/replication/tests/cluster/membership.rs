//! Members that come, go, and come back without their disks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{Cluster, PARTITIONS, SOON, adopt_plan, create_app, eventually, propose};
use futures::FutureExt as _;
use model::cluster::placement;
use model::command::{Command, Proposal};
use model::id::{GroupId, Incarnation, NodeId, RegionId};
use registry::tables::{Apps, ReadRows, View};
use replication::{NodeFault, Replication};
use service::ports::{ClusterControl, ClusterError, Reads, SendPermits};

/// More operations than it takes from a sealed snapshot to a purged log.
const KILLS: usize = 10;

/// Three nodes that run and have an app, and a fourth that none of them knows.
pub(crate) async fn three_and_one() -> (Cluster, Vec<NodeId>, NodeId) {
    let mut cluster = Cluster::stopped(4).await;
    let ids = cluster.ids();
    let first = ids[..3].to_vec();
    for id in &first {
        cluster.run_among(*id, first.clone(), true).await;
    }
    propose(cluster.node(first[1]), GroupId::CONTROL, create_app(1)).await.unwrap();
    (cluster, first, ids[3])
}

pub(crate) async fn has(cluster: &Cluster, node: NodeId, number: u128) {
    eventually("a row", || async {
        let view = cluster.node(node).view(GroupId::CONTROL).unwrap();
        ReadRows::<Apps>::get(&*view, &model::AppId(number)).unwrap()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_node_without_its_disk_gets_everything_again() {
    let mut cluster = Cluster::start().await;
    let lost = cluster.followers(GroupId::CONTROL).await[0];
    let other = cluster.followers(GroupId::CONTROL).await[1];
    for number in 1..=50 {
        propose(cluster.node(other), GroupId::CONTROL, create_app(number)).await.unwrap();
    }
    cluster.kill(lost).await;
    cluster.wipe(lost);
    for running in cluster.running.values() {
        running.replication.compact().await.unwrap();
    }
    for number in 51..=60 {
        propose(cluster.node(other), GroupId::CONTROL, create_app(number)).await.unwrap();
    }
    cluster.run(lost, true).await;
    has(&cluster, lost, 60).await;
    cluster.converge(GroupId::CONTROL).await;
    // It takes part again: with another node gone, it is needed for a majority.
    cluster.kill(other).await;
    propose(cluster.node(lost), GroupId::CONTROL, create_app(61)).await.unwrap();
}

/// The configuration of the one that lost its disk names a node that was removed and is gone, and not the one that came
/// in its place.
#[tokio::test(start_paused = true)]
async fn a_node_without_its_disk_asks_those_who_are_members_now() {
    let (mut cluster, first, newcomer) = three_and_one().await;
    let (ids, lost) = (cluster.ids(), first[2]);
    cluster.run_among(newcomer, ids, false).await;
    let operator = cluster.node(first[1]).clone();
    operator.add_node(cluster.info(newcomer)).await.unwrap();
    operator.promote_node(newcomer).await.unwrap();
    operator.remove_node(first[0]).await.unwrap();
    cluster.kill(first[0]).await;
    cluster.kill(lost).await;
    cluster.wipe(lost);
    cluster.run_among(lost, first.clone(), false).await;
    let fault = tokio::time::timeout(Duration::from_secs(3), cluster.node(lost).failed()).await;
    if let Ok(NodeFault::Outdated(known)) = fault {
        cluster.count_on(lost, known).await;
        cluster.run_among(lost, first, false).await;
    }
    has(&cluster, lost, 1).await;
}

/// What was acknowledged while a node was away, or before it lost its disk, is there in its first answer.
#[tokio::test(start_paused = true)]
async fn a_replica_that_has_not_caught_up_answers_nothing() {
    let mut cluster = Cluster::start().await;
    cluster.balanced().await;
    let late = cluster.followers(GroupId::CONTROL).await[0];
    let other = cluster.followers(GroupId::CONTROL).await[1];
    for (number, wiped) in [(1, false), (2, true), (3, false)] {
        cluster.kill(late).await;
        if wiped {
            cluster.wipe(late);
        }
        propose(cluster.node(other), GroupId::CONTROL, create_app(number)).await.unwrap();
        match wiped {
            true => cluster.run_empty(late, cluster.ids()).await,
            false => cluster.run(late, true).await,
        }
        let mut found = None;
        let mut look = |view: &dyn View| found = ReadRows::<Apps>::get(view, &model::AppId(number)).unwrap();
        cluster.node(late).look(GroupId::CONTROL, SOON, &mut look).await.unwrap();
        assert!(found.is_some(), "app {number} was acknowledged");
    }
}

/// How often it was started is gone with the disk; the same number again would make claims of an earlier life its own.
#[tokio::test(start_paused = true)]
async fn a_node_without_its_disk_is_told_the_number_of_its_start() {
    let mut cluster = Cluster::start().await;
    let partition = GroupId(1);
    let lost = cluster.followers(partition).await[0];
    for known in [1, 9] {
        let incarnation = Incarnation(known);
        let begin = Command::BeginIncarnation { node: lost, incarnation, limit: 1 };
        let leader = cluster.leader(partition).await;
        propose(cluster.node(leader), partition, Proposal { request: None, command: begin }).await.unwrap();
        cluster.kill(lost).await;
        cluster.wipe(lost);
        cluster.run(lost, true).await;
        let fault = tokio::time::timeout(SOON, cluster.node(lost).failed()).await.unwrap();
        // Another group may say first what it knows.
        assert!(matches!(fault, NodeFault::Outdated(told) if told <= incarnation), "{fault}");
        let proposed = propose(cluster.node(lost), partition, adopt_plan(1)).await;
        assert!(proposed.is_err(), "it said something under a number that is not its own");
        cluster.count_on(lost, incarnation).await;
        cluster.run(lost, true).await;
        cluster.converge(partition).await;
        propose(cluster.node(lost), partition, adopt_plan(1)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_joins_takes_its_place_and_another_leaves() {
    let mut cluster = Cluster::stopped(4).await;
    let ids = cluster.ids();
    let (first, newcomer) = (ids[..3].to_vec(), ids[3]);
    for id in &first {
        cluster.run_among(*id, first.clone(), true).await;
    }
    propose(cluster.node(first[1]), GroupId::CONTROL, create_app(1)).await.unwrap();
    cluster.run_among(newcomer, ids.clone(), false).await;

    // Node 4 is in the region of node 1.
    let operator = cluster.node(first[1]).clone();
    operator.add_node(cluster.info(newcomer)).await.unwrap();
    operator.promote_node(newcomer).await.unwrap();
    operator.remove_node(first[0]).await.unwrap();
    cluster.kill(first[0]).await;

    for group in operator.groups() {
        eventually("the members", || async {
            let status = operator.status().groups.into_iter().find(|status| status.group == group).unwrap();
            (status.voters == vec![first[1], first[2], newcomer]).then_some(())
        })
        .await;
    }
    propose(cluster.node(newcomer), GroupId::CONTROL, create_app(2)).await.unwrap();
    cluster.converge(GroupId::CONTROL).await;
    has(&cluster, newcomer, 1).await;
    for id in [first[1], first[2], newcomer] {
        let status = || cluster.node(id).status();
        let knows =
            || status().nodes.iter().any(|info| info.id == first[0]) || status().last_seen.contains_key(&first[0]);
        eventually("the removed node to be forgotten", || async { (!knows()).then_some(()) }).await;
    }
}

/// Fails as soon as two nodes of one region may send for one partition. Runs until it is dropped.
async fn one_holder_a_region(nodes: Vec<(RegionId, Replication)>, seen: Arc<AtomicUsize>) {
    loop {
        for partition in GroupId::partitions(PARTITIONS) {
            let mut holding: BTreeSet<&RegionId> = BTreeSet::new();
            for (region, node) in &nodes {
                if node.enter(partition).is_ok() {
                    assert!(holding.insert(region), "two nodes of {region} send for partition {partition}");
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// Node 4 is in the region of node 1: while it is a learner it holds nothing, and takes over when node 1's lease is
/// over. Leaders change meanwhile.
#[tokio::test(start_paused = true)]
async fn a_region_has_one_holder_while_its_nodes_come_and_go() {
    let mut cluster = Cluster::stopped(4).await;
    let ids = cluster.ids();
    let (first, newcomer) = (ids[..3].to_vec(), ids[3]);
    for id in &first {
        cluster.run_among(*id, first.clone(), true).await;
    }
    propose(cluster.node(first[1]), GroupId::CONTROL, create_app(1)).await.unwrap();
    cluster.run_among(newcomer, ids.clone(), false).await;
    let nodes = ids.iter().map(|id| (cluster.region(*id), cluster.node(*id).clone())).collect();
    let seen = Arc::new(AtomicUsize::new(0));
    let watch = tokio::spawn(one_holder_a_region(nodes, seen.clone()));
    let operator = cluster.node(first[1]).clone();
    operator.add_node(cluster.info(newcomer)).await.unwrap();
    for to in [first[2], first[1], first[0], first[1]] {
        for partition in GroupId::partitions(PARTITIONS) {
            let _ = cluster.node(to).transfer_leader(partition, to).await;
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    assert!(GroupId::partitions(PARTITIONS).all(|partition| cluster.node(newcomer).enter(partition).is_err()));
    operator.promote_node(newcomer).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    operator.remove_node(first[0]).await.unwrap();
    eventually("the newcomer to hold every partition", || async {
        let mut partitions = GroupId::partitions(PARTITIONS);
        partitions.all(|partition| cluster.node(newcomer).enter(partition).is_ok()).then_some(())
    })
    .await;
    assert!(seen.load(Ordering::Relaxed) > 1_000, "nobody held anything");
    assert!(!watch.is_finished(), "{:?}", watch.await);
}

/// Removing a learner removes it, and once more changes nothing.
#[tokio::test(start_paused = true)]
async fn a_learner_is_removed() {
    let mut cluster = Cluster::stopped(4).await;
    let ids = cluster.ids();
    let (first, newcomer) = (ids[..3].to_vec(), ids[3]);
    for id in &first {
        cluster.run_among(*id, first.clone(), true).await;
    }
    cluster.run_among(newcomer, ids.clone(), false).await;
    let operator = cluster.node(first[1]).clone();
    operator.add_node(cluster.info(newcomer)).await.unwrap();
    let learners = || operator.status().groups.into_iter().filter(|group| group.learners == vec![newcomer]).count();
    assert!(learners() > 0);
    operator.remove_node(newcomer).await.unwrap();
    assert_eq!(learners(), 0);
    assert_eq!(operator.remove_node(newcomer).await, Err(ClusterError::UnknownNode(newcomer)));
    for group in operator.status().groups {
        assert_eq!(group.voters, first, "group {}", group.group);
    }
    for id in first {
        let known = || cluster.node(id).nodes().contains_key(&newcomer);
        eventually("the learner to be forgotten", || async { (!known()).then_some(()) }).await;
    }
}

/// However long somebody was away, it forgets the node that was removed meanwhile.
#[tokio::test(start_paused = true)]
async fn a_removed_node_is_forgotten_by_who_was_cut_off() {
    let mut cluster = Cluster::stopped(4).await;
    let ids = cluster.ids();
    let (first, newcomer) = (ids[..3].to_vec(), ids[3]);
    for id in &first {
        cluster.run_among(*id, first.clone(), true).await;
    }
    propose(cluster.node(first[1]), GroupId::CONTROL, create_app(1)).await.unwrap();
    cluster.run_among(newcomer, ids.clone(), false).await;
    let operator = cluster.node(first[1]).clone();
    operator.add_node(cluster.info(newcomer)).await.unwrap();
    let away = first[2];
    let known = || cluster.node(away).status().last_seen.contains_key(&newcomer);
    eventually("the newcomer to be known", || async { known().then_some(()) }).await;
    cluster.links.isolate(away);
    eventually("the newcomer to be removed", || async { operator.remove_node(newcomer).await.ok() }).await;
    tokio::time::sleep(Duration::from_secs(900)).await;
    assert!(known(), "it was told though it was cut off");
    cluster.links.heal();
    eventually("the removed node to be forgotten", || async { (!known()).then_some(()) }).await;
}

/// Who removed it still tells the others of that when it is added again by way of another node.
#[tokio::test(start_paused = true)]
async fn a_node_that_was_removed_and_added_again_is_heard() {
    let mut cluster = Cluster::stopped(4).await;
    let ids = cluster.ids();
    let (first, newcomer) = (ids[..3].to_vec(), ids[3]);
    for id in &first {
        cluster.run_among(*id, first.clone(), true).await;
    }
    propose(cluster.node(first[1]), GroupId::CONTROL, create_app(1)).await.unwrap();
    cluster.run_among(newcomer, ids.clone(), false).await;
    let (one, other) = (cluster.node(first[1]).clone(), cluster.node(first[2]).clone());
    one.add_node(cluster.info(newcomer)).await.unwrap();
    one.remove_node(newcomer).await.unwrap();
    cluster.kill(newcomer).await;
    cluster.wipe(newcomer);
    cluster.run_among(newcomer, ids, false).await;
    eventually("the node to be added", || async { other.add_node(cluster.info(newcomer)).await.ok() }).await;
    let late =
        |node: &Replication| node.status().last_seen.get(&newcomer).is_none_or(|age| *age > Duration::from_secs(1));
    eventually("the node to be heard", || async { (!late(&one) && !late(&other)).then_some(()) }).await;
    assert!(one.status().nodes.iter().any(|info| info.id == newcomer));
}

/// A node is to take the place of another one, and can't, because it is no member yet.
#[tokio::test(start_paused = true)]
async fn a_failed_exchange_leaves_the_present_voter_its_lease() {
    let mut cluster = Cluster::stopped(4).await;
    let ids = cluster.ids();
    let (first, present, newcomer) = (ids[..3].to_vec(), ids[0], ids[3]);
    for id in &first {
        cluster.run_among(*id, first.clone(), true).await;
    }
    let nodes = ids.iter().map(|id| (*id, cluster.info(*id))).collect();
    let placed = |group: &GroupId| placement(&nodes, *group).values().any(|id| *id == newcomer);
    let group = GroupId::all(PARTITIONS).find(placed).unwrap();
    let leader = cluster.leader(group).await;
    let operator = *first.iter().find(|id| **id != leader && **id != present).unwrap();
    cluster.run_among(newcomer, ids.clone(), false).await;
    cluster.links.cut(operator, leader);
    let operator = cluster.node(operator).clone();
    // The operator's node hears of the newcomer, and no more, because it doesn't get the leadership.
    tokio::select! {
        added = operator.add_node(cluster.info(newcomer)) => panic!("added, {added:?}"),
        () = eventually("the newcomer to be known", || async { operator.nodes().contains_key(&newcomer).then_some(()) }) => {}
    }
    cluster.links.heal();
    operator.promote_node(newcomer).await.unwrap_err();
    let led = operator.leads(group);
    assert!(led.is_some(), "the exchange was tried");
    eventually("the present voter to hold the lease", || async { cluster.node(present).enter(group).ok() }).await;
    assert_eq!(operator.leads(group), led, "the leadership did not change, which would have cured it");
}

/// A node that needs a snapshot is killed before each operation on its disks from the moment at which the snapshot is
/// there: it starts again each time, and catches up.
#[tokio::test(start_paused = true)]
async fn a_node_killed_while_it_takes_in_a_snapshot_starts_again() {
    let mut cluster = Cluster::start().await;
    let lagging = cluster.followers(GroupId::CONTROL).await[0];
    let mut number = 0;
    for cut in 0..KILLS {
        cluster.kill(lagging).await;
        let other = cluster.followers(GroupId::CONTROL).await[0];
        for _ in 0..3 {
            number += 1;
            propose(cluster.node(other), GroupId::CONTROL, create_app(number)).await.unwrap();
        }
        for running in cluster.running.values() {
            running.replication.compact().await.unwrap();
        }
        // A leader keeps what it was about to send; another one has it no more.
        cluster.node(other).transfer_leader(GroupId::CONTROL, other).await.unwrap();
        cluster.cut_off_after_seal(lagging, cut);
        cluster.run(lagging, false).await;
        eventually(&format!("kill {cut}"), || async {
            // What comes after the snapshot reaches the disks too.
            let _ = propose(cluster.node(other), GroupId::CONTROL, create_app(1)).await;
            cluster.node(lagging).failed().now_or_never()
        })
        .await;
    }
    cluster.kill(lagging).await;
    cluster.run(lagging, false).await;
    has(&cluster, lagging, number).await;
    cluster.converge(GroupId::CONTROL).await;
}
