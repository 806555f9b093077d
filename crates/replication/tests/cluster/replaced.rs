//! Members that are replaced: while they are lost for good, while they are away, and by an operator who never heard them.

use std::time::Duration;

use model::id::{GroupId, NodeId};
use service::ports::{ClusterControl, Leases, Reads};

use crate::membership::{has, three_and_one};
use crate::support::{PARTITIONS, SOON, eventually};

/// Its configuration names the lost node still, on which a part of the groups would be placed.
#[tokio::test(start_paused = true)]
async fn a_new_node_takes_the_place_of_one_that_is_lost_for_good() {
    let (mut cluster, first, newcomer) = three_and_one().await;
    cluster.kill(first[0]).await;
    cluster.run_among(newcomer, cluster.ids(), false).await;
    let operator = cluster.node(first[1]).clone();
    let replace = async {
        operator.add_node(cluster.info(newcomer)).await.unwrap();
        operator.promote_node(newcomer).await.unwrap();
        operator.remove_node(first[0]).await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(60), replace).await.expect("the new node catches up in every group");
    for group in operator.groups() {
        let status = operator.status().groups.into_iter().find(|status| status.group == group).unwrap();
        assert_eq!(status.voters, vec![first[1], first[2], newcomer], "of group {group}");
    }
    has(&cluster, newcomer, 1).await;
}

/// The change that replaces a voter isn't sent to it.
#[tokio::test(start_paused = true)]
async fn a_replica_that_was_replaced_while_it_was_away_is_told() {
    let (mut cluster, first, newcomer) = three_and_one().await;
    cluster.run_among(newcomer, cluster.ids(), false).await;
    cluster.links.isolate(first[0]);
    let operator = cluster.node(first[1]);
    operator.add_node(cluster.info(newcomer)).await.unwrap();
    operator.promote_node(newcomer).await.unwrap();
    cluster.links.heal();
    eventually("one replica of each group in the region", || async {
        let (replaced, newcomer) = (cluster.node(first[0]).groups(), cluster.node(newcomer).groups());
        replaced.iter().all(|group| !newcomer.contains(group)).then_some(())
    })
    .await;
    for group in GroupId::all(PARTITIONS) {
        cluster.node(first[0]).linearize(group, SOON).await.unwrap();
    }
}

/// The one that was lost was never heard since, and the configuration doesn't name it.
#[tokio::test(start_paused = true)]
async fn a_node_that_started_again_removes_a_member_that_it_never_heard() {
    let (mut cluster, first, newcomer) = three_and_one().await;
    let operator = first[1];
    cluster.run_among(newcomer, cluster.ids(), false).await;
    cluster.node(operator).add_node(cluster.info(newcomer)).await.unwrap();
    cluster.node(operator).promote_node(newcomer).await.unwrap();
    cluster.kill(newcomer).await;
    cluster.kill(operator).await;
    cluster.run_among(operator, first.clone(), false).await;
    eventually("what its log has", || async {
        let groups = cluster.node(operator).status().groups;
        groups.iter().any(|status| status.voters.contains(&newcomer)).then_some(())
    })
    .await;
    let removal = tokio::time::timeout(Duration::from_secs(60), cluster.node(operator).remove_node(newcomer));
    removal.await.expect("its neighbour takes its place").unwrap();
    for status in cluster.node(operator).status().groups {
        assert_eq!(status.voters, first, "of group {}", status.group);
    }
}

/// It stays a follower, so that nothing but its own log names the member that it must ask for leases.
#[tokio::test(start_paused = true)]
async fn a_node_that_started_again_reaches_a_member_that_its_configuration_does_not_name() {
    let (mut cluster, first, newcomer) = three_and_one().await;
    cluster.run_among(newcomer, cluster.ids(), false).await;
    let operator = cluster.node(first[1]);
    operator.add_node(cluster.info(newcomer)).await.unwrap();
    operator.promote_node(newcomer).await.unwrap();
    cluster.kill(first[2]).await;
    cluster.run_among(first[2], first.clone(), false).await;
    eventually("the newcomer among the nodes that it knows", || async {
        cluster.node(first[2]).nodes().contains_key(&newcomer).then_some(())
    })
    .await;
}

/// What it had claimed must not wait for it, whatever the configuration of those who started again says.
#[tokio::test(start_paused = true)]
async fn a_removed_node_is_gone_also_for_a_leader_whose_configuration_names_it() {
    let (mut cluster, first, newcomer) = three_and_one().await;
    cluster.kill(first[0]).await;
    cluster.run_among(newcomer, cluster.ids(), false).await;
    let operator = cluster.node(first[1]).clone();
    operator.add_node(cluster.info(newcomer)).await.unwrap();
    operator.promote_node(newcomer).await.unwrap();
    operator.remove_node(first[0]).await.unwrap();
    for id in [first[1], first[2]] {
        cluster.kill(id).await;
        cluster.run_among(id, first.clone(), false).await;
    }
    let living = [first[1], first[2], newcomer];
    let gone = |who: NodeId| {
        GroupId::partitions(PARTITIONS).all(|group| {
            let leader = living.iter().find(|id| cluster.node(**id).leads(group).is_some());
            leader.is_some_and(|leader| cluster.node(*leader).is_gone(group, who))
        })
    };
    let since = tokio::time::Instant::now();
    while !gone(first[0]) {
        assert!(since.elapsed() < Duration::from_secs(120), "it is still taken for a node of the cluster");
        assert!(!gone(first[1]) && !gone(newcomer), "a member is");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
