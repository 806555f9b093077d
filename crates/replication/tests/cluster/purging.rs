//! Logs are purged while a follower is away, and it comes back all the same.

use std::sync::atomic::Ordering;
use std::time::Duration;

use model::Proposal;
use model::cluster::{placement, preferred_leader_region};
use model::command::Command;
use model::id::{GroupId, NodeId};
use model::version::Versions;
use registry::tables::{Apps, ReadRows};
use replication::Housekeeping;
use service::ports::{ClusterControl, Reads};

use crate::support::{Cluster, create_app, eventually, propose};

const GROUP: GroupId = GroupId::CONTROL;
/// How long entries are kept.
const KEPT: Duration = Duration::from_secs(60);

/// Three nodes that look after their logs all the time, the one that should lead leads, so that none takes its place:
/// a new leader has nothing under way to the others. Returns it and a follower.
pub async fn cluster() -> (Cluster, NodeId, NodeId) {
    let mut cluster = Cluster::stopped(3).await;
    cluster.housekeeping =
        Housekeeping { flush_interval: Duration::from_millis(20), kept_age: KEPT, ..Housekeeping::default() };
    for id in cluster.ids() {
        cluster.run(id, true).await;
    }
    let nodes = cluster.ids().into_iter().map(|id| (id, cluster.info(id))).collect();
    let region = preferred_leader_region(&nodes, GROUP).unwrap();
    let should_lead = placement(&nodes, GROUP)[&region];
    eventually("the node that should lead to lead", || async {
        if cluster.leader(GROUP).await == should_lead {
            return Some(());
        }
        let _ = cluster.node(should_lead).transfer_leader(GROUP, should_lead).await;
        None
    })
    .await;
    let away = cluster.followers(GROUP).await[0];
    propose(cluster.node(should_lead), GROUP, create_app(1)).await.unwrap();
    cluster.converge(GROUP).await;
    (cluster, should_lead, away)
}

/// Writes, while time passes, until nodes have purged what is written now.
pub async fn purged(cluster: &Cluster, at: NodeId, nodes: &[NodeId]) {
    let now = propose(cluster.node(at), GROUP, create_app(2)).await.unwrap().index.0;
    eventually(&format!("nodes {nodes:?} to purge entry {now}"), || async {
        cluster.passed.fetch_add(10_000, Ordering::Relaxed);
        propose(cluster.node(at), GROUP, create_app(3)).await.unwrap();
        let gone = |id: &NodeId| cluster.running[id].log.first_index(GROUP).is_none_or(|first| first > now);
        nodes.iter().all(gone).then_some(())
    })
    .await;
}

async fn has(cluster: &Cluster, node: NodeId, number: u128) {
    eventually("a row", || async {
        let view = cluster.node(node).view(GROUP).unwrap();
        ReadRows::<Apps>::get(&*view, &model::AppId(number)).unwrap()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_follower_keeps_no_log_from_being_purged() {
    let (mut cluster, leader, away) = cluster().await;
    cluster.kill(away).await;
    purged(&cluster, leader, &cluster.running.keys().copied().collect::<Vec<_>>()).await;
    cluster.run(away, false).await;
    // What it lacks is in no log any more: it can only come by a snapshot.
    has(&cluster, away, 3).await;
    cluster.converge(GROUP).await;
    assert_eq!(cluster.leader(GROUP).await, leader);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_a_later_version_stops_an_older_build() {
    let (mut cluster, leader, away) = cluster().await;
    cluster.kill(away).await;
    let raise = Proposal { request: None, command: Command::SetApplyVersion { version: registry::APPLY_VERSION } };
    propose(cluster.node(leader), GROUP, raise).await.unwrap();
    purged(&cluster, leader, &cluster.running.keys().copied().collect::<Vec<_>>()).await;
    cluster.versions.insert(away, Versions::UNSAID);
    cluster.run(away, false).await;
    let said = cluster.node(away).failed().await.to_string();
    assert!(said.contains("snapshot of group 0") && said.contains("start a newer build on this node"), "{said}");
    cluster.kill(away).await;
    // A newer build goes on with what was put in place.
    cluster.versions.remove(&away);
    cluster.run(away, false).await;
    has(&cluster, away, 3).await;
    cluster.converge(GROUP).await;
}

/// What is sent to it is taken by the network, and nothing comes back: the process is paused, or its machine is gone.
#[tokio::test(start_paused = true)]
async fn a_silent_follower_keeps_no_log_from_being_purged() {
    let (cluster, leader, away) = cluster().await;
    cluster.links.hold(leader, away);
    let others: Vec<NodeId> = cluster.ids().into_iter().filter(|id| *id != away).collect();
    purged(&cluster, leader, &others).await;
    cluster.links.lose_held();
    has(&cluster, away, 3).await;
    cluster.converge(GROUP).await;
    assert_eq!(cluster.leader(GROUP).await, leader);
}
