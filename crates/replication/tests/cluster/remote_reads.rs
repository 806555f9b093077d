//! A region of two nodes: each reads what only the other has a replica of.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{Cluster, PARTITIONS, SOON, create_app, eventually, propose};
use model::AppId;
use model::cluster::preferred_leader_region;
use model::id::{GroupId, LogIndex, NodeId};
use registry::tables::{Apps, Meta, Plans, ReadRows, View};
use replication::Replication;
use service::ports::{ClusterControl, Reads, ReadsError};

/// Nodes 1 and 4 are in one region; one of them has the control group, the other reads it there.
pub async fn two_in_a_region() -> (Cluster, NodeId, NodeId) {
    let mut cluster = Cluster::stopped(4).await;
    for id in cluster.ids() {
        cluster.run(id, true).await;
    }
    let hosts = |id: &NodeId| cluster.node(*id).groups().contains(&GroupId::CONTROL);
    eventually("a leader", || async { cluster.node(NodeId(2)).leader(GroupId::CONTROL) }).await;
    let (with, without) = if hosts(&NodeId(1)) { (NodeId(1), NodeId(4)) } else { (NodeId(4), NodeId(1)) };
    assert!(hosts(&with) && !hosts(&without), "the placement spreads the groups");
    for group in GroupId::all(PARTITIONS) {
        eventually("every group to be made", || async { cluster.node(NodeId(2)).leader(group) }).await;
    }
    (cluster, with, without)
}

/// Reads apps by id, those around them, and the plan that the group's own row names: rows that lead to rows.
async fn apps(node: &Replication, ids: &[u128]) -> Result<(BTreeSet<u128>, LogIndex), ReadsError> {
    let mut found = BTreeSet::new();
    let mut look = |view: &dyn View| {
        found.clear();
        for id in ids {
            found.extend(ReadRows::<Apps>::get(view, &AppId(*id)).unwrap().map(|app| app.id.0));
        }
        let epoch = ReadRows::<Meta>::get(view, &()).unwrap().unwrap_or_default().epoch;
        assert_eq!(ReadRows::<Plans>::get(view, &epoch).unwrap(), None);
        let rows = ReadRows::<Apps>::scan(view, &AppId(0), 100).unwrap();
        found.extend(rows.into_iter().map(|(id, _)| 1_000 + id.0));
    };
    let applied = node.look(GroupId::CONTROL, SOON, &mut look).await?;
    Ok((found, applied))
}

#[tokio::test(start_paused = true)]
async fn a_node_reads_what_only_its_neighbour_has_and_sees_its_own_writes() {
    let (cluster, _, without) = two_in_a_region().await;
    let node = cluster.node(without);
    assert!(node.view(GroupId::CONTROL).is_err());
    for number in 1..=20 {
        let index = propose(node, GroupId::CONTROL, create_app(number)).await.unwrap().index;
        let (found, applied) = apps(node, &[number, 99]).await.unwrap();
        assert!(found.contains(&number) && found.contains(&(1_000 + number)) && !found.contains(&99), "{found:?}");
        assert_eq!(found.len() as u128, number + 1, "all of one moment");
        assert!(applied >= index);
    }
    node.linearize(GroupId::CONTROL, SOON).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_what_comes_and_not_for_what_does_not() {
    let (cluster, _, without) = two_in_a_region().await;
    let node = cluster.node(without);
    let (_, applied) = apps(node, &[]).await.unwrap();
    let (next, _) = tokio::join!(
        node.applied_after(GroupId::CONTROL, applied, SOON),
        propose(cluster.node(NodeId(2)), GroupId::CONTROL, create_app(7))
    );
    assert!(next.unwrap() > applied);
    let late = node.applied_after(GroupId::CONTROL, LogIndex(1_000_000), Duration::from_millis(50)).await;
    assert!(matches!(late, Err(ReadsError::TooLate { .. })), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn without_its_neighbour_it_asks_another_region() {
    let (mut cluster, with, without) = two_in_a_region().await;
    propose(cluster.node(without), GroupId::CONTROL, create_app(5)).await.unwrap();
    cluster.kill(with).await;
    let node = cluster.node(without);
    let (found, _) = apps(node, &[5]).await.unwrap();
    assert!(found.contains(&5));
}

#[tokio::test(start_paused = true)]
async fn a_neighbour_that_is_behind_hides_no_write_of_this_node() {
    let (cluster, with, without) = two_in_a_region().await;
    let node = cluster.node(without);
    propose(node, GroupId::CONTROL, create_app(1)).await.unwrap();
    let leads = || async { cluster.node(NodeId(2)).transfer_leader(GroupId::CONTROL, NodeId(2)).await.ok() };
    eventually("another region to lead", leads).await;
    for other in [NodeId(2), NodeId(3)] {
        cluster.links.cut(with, other);
    }
    propose(node, GroupId::CONTROL, create_app(2)).await.unwrap();
    let (found, _) = apps(node, &[2]).await.unwrap();
    assert!(found.contains(&2), "read from the neighbour, which can't have it: {found:?}");
}

#[tokio::test(start_paused = true)]
async fn without_the_node_that_should_lead_it_finds_the_one_that_does() {
    let (mut cluster, _, without) = two_in_a_region().await;
    let should_lead = NodeId(3);
    let nodes = cluster.ids().into_iter().map(|id| (id, cluster.info(id))).collect();
    assert_eq!(preferred_leader_region(&nodes, GroupId::CONTROL), Some(cluster.region(should_lead)));
    cluster.kill(should_lead).await;
    propose(cluster.node(without), GroupId::CONTROL, create_app(1)).await.unwrap();
}
