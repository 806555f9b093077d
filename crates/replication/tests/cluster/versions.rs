//! Apply versions while nodes are upgraded: builds that know different ones side by side, in either order and back, and
//! what stops a build that doesn't know the version that its group was raised to.

use model::Proposal;
use model::command::Command;
use model::id::{GroupId, NodeId};
use model::version::Versions;
use registry::tables::{Meta, ReadRows};
use replication::{Replication, StartError};
use service::ports::{ClusterControl as _, LogError, Reads as _};
use wire::peer::group_grant::Decision;
use wire::peer::peer_client::PeerClient;
use wire::peer::{self, GroupReport};

use crate::support::said::Said;
use crate::support::{Cluster, GROUP, create_app, eventually, propose};

const OLDER: Versions = Versions::UNSAID;

fn set(version: u32) -> Proposal {
    Proposal { request: None, command: Command::SetApplyVersion { version } }
}

fn fence() -> Proposal {
    Proposal { request: None, command: Command::Fence }
}

fn version(node: &Replication, group: GroupId) -> u32 {
    let groups = node.status().groups;
    groups.iter().find(|status| status.group == group).unwrap().version
}

/// Starts three nodes, these of them as older builds.
async fn start(older: &[u64]) -> Cluster {
    let mut cluster = Cluster::stopped(3).await;
    for id in cluster.ids() {
        if older.contains(&id.0) {
            cluster.versions.insert(id, OLDER);
        }
        cluster.run(id, true).await;
    }
    cluster
}

#[tokio::test(start_paused = true)]
async fn builds_side_by_side_store_the_same_in_either_order_and_back() {
    let mut cluster = start(&[1, 2, 3]).await;
    cluster.leader(GroupId::CONTROL).await;
    let mut number = 0;
    // One node after the other runs the newer build, then the older one again, then the newer one.
    for known in [registry::VERSIONS, OLDER, registry::VERSIONS] {
        for id in cluster.ids() {
            cluster.kill(id).await;
            cluster.versions.insert(id, known);
            cluster.run(id, false).await;
            for from in cluster.ids() {
                number += 1;
                propose(cluster.node(from), GroupId::CONTROL, create_app(number)).await.unwrap();
            }
            cluster.converge(GroupId::CONTROL).await;
        }
    }
    propose(cluster.node(NodeId(1)), GroupId::CONTROL, set(2)).await.unwrap();
    for id in cluster.ids() {
        propose(cluster.node(id), GroupId::CONTROL, fence()).await.unwrap();
    }
    cluster.converge(GroupId::CONTROL).await;
    assert!(cluster.ids().iter().all(|id| version(cluster.node(*id), GroupId::CONTROL) == 2));
}

#[tokio::test(start_paused = true)]
async fn a_build_that_does_not_know_the_version_stops_and_takes_nothing_with_it() {
    let mut cluster = start(&[3]).await;
    cluster.leader(GROUP).await;
    let known = eventually("all builds to be known", || async {
        let builds = cluster.node(NodeId(1)).builds();
        (builds.len() == 3).then_some(builds)
    });
    let known = known.await;
    assert_eq!(known[&NodeId(3)].0.versions, OLDER);
    assert_eq!(known[&NodeId(2)].0.versions, registry::VERSIONS);
    // Nobody asked whether all know it.
    propose(cluster.node(NodeId(1)), GROUP, set(2)).await.unwrap();
    let said = cluster.node(NodeId(3)).failed().await;
    assert!(said.to_string().contains("start a newer build on this node"), "{said}");
    propose(cluster.node(NodeId(2)), GROUP, fence()).await.unwrap();
    cluster.kill(NodeId(3)).await;
    cluster.versions.remove(&NodeId(3));
    cluster.run(NodeId(3), false).await;
    cluster.converge(GROUP).await;
    assert_eq!(version(cluster.node(NodeId(3)), GROUP), 2);
}

#[tokio::test(start_paused = true)]
async fn an_older_build_does_not_open_what_was_raised() {
    let mut cluster = start(&[]).await;
    propose(cluster.node(NodeId(1)), GROUP, set(2)).await.unwrap();
    cluster.converge(GROUP).await;
    cluster.node(NodeId(2)).compact().await.unwrap();
    let before = cluster.node(NodeId(2)).chain(GROUP);
    cluster.kill(NodeId(2)).await;
    cluster.versions.insert(NodeId(2), OLDER);
    let refused = cluster.try_run(NodeId(2)).await.err().unwrap();
    assert!(matches!(refused, StartError::Version { group: GROUP, .. }), "{refused}");
    let text = refused.to_string();
    assert!(text.contains("apply version 2") && text.contains("knows 1:") && text.contains("untouched"), "{text}");
    cluster.versions.remove(&NodeId(2));
    cluster.run(NodeId(2), false).await;
    assert_eq!(cluster.node(NodeId(2)).chain(GROUP), before);
    cluster.converge(GROUP).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_newer_than_the_group_enters_no_log() {
    let cluster = start(&[]).await;
    let leader = cluster.leader(GROUP).await;
    for id in cluster.ids() {
        let refused = propose(cluster.node(id), GROUP, fence()).await.unwrap_err();
        assert!(matches!(refused, LogError::NoLeader { .. }), "{refused}");
    }
    assert_eq!(version(cluster.node(leader), GROUP), 1);
    let meta = ReadRows::<Meta>::get(&*cluster.node(leader).view(GROUP).unwrap(), &()).unwrap().unwrap_or_default();
    assert_eq!(meta.apply_version, 0);
}

/// Asks a leader for the lease, in the name of a holder whose build knows versions up to this one.
async fn granted(cluster: &Cluster, leader: NodeId, holder: NodeId, newest: u32) -> bool {
    let report = GroupReport { group: u32::from(GROUP.0), fenced: u64::MAX, ..Default::default() };
    let region = cluster.region(holder).to_string();
    let groups = vec![report];
    let ask = peer::LeaseRequest {
        node: holder.0,
        incarnation: 1,
        region,
        groups,
        newest_version: newest,
        ..Default::default()
    };
    let reply = PeerClient::new(cluster.calls(holder, leader)).lease(Said::of(cluster, holder, leader).on(ask)).await;
    let groups = reply.unwrap().into_inner().groups;
    groups.into_iter().any(|group| matches!(group.decision, Some(Decision::Grant(_))))
}

#[tokio::test(start_paused = true)]
async fn a_build_that_can_not_read_the_group_gets_no_lease_of_it() {
    let cluster = start(&[]).await;
    cluster.balanced().await;
    let leader = cluster.leader(GROUP).await;
    let holder = cluster.followers(GROUP).await[0];
    // 0 is what builds say that don't speak of versions yet.
    for (raised, newest, may) in [(1, 0, true), (1, 2, true), (2, 0, false), (2, 1, false), (2, 2, true)] {
        propose(cluster.node(leader), GROUP, set(raised)).await.unwrap();
        let asked = || async { granted(&cluster, leader, holder, newest).await.then_some(()) };
        match may {
            true => eventually("a lease", asked).await,
            false => assert_eq!(asked().await, None, "at version {raised} for one that knows {newest}"),
        }
    }
}
