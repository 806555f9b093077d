//! A line between two regions is cut, and the third one hears both.

use std::collections::BTreeMap;
use std::time::Duration;

use model::cluster::RegionKind;
use model::id::{GroupId, NodeId};
use service::ports::{ClusterControl, LogError, SendPermits};
use tokio::time::Instant;

use crate::fences::new_work;
use crate::support::{Cluster, PARTITIONS, adopt_plan, create_app, eventually, propose};

/// How long new messages may wait after a line was cut, and how long those that waited already.
const NEW_MAX: Duration = Duration::from_secs(3);
const WAITING_MAX: Duration = Duration::from_secs(5);

fn serving(cluster: &Cluster) -> Vec<NodeId> {
    cluster.ids().into_iter().filter(|id| cluster.info(*id).kind == RegionKind::Serving).collect()
}

fn all_hold(cluster: &Cluster) -> bool {
    serving(cluster)
        .into_iter()
        .all(|id| GroupId::partitions(PARTITIONS).all(|partition| cluster.node(id).enter(partition).is_ok()))
}

fn terms(cluster: &Cluster, id: NodeId) -> BTreeMap<GroupId, u64> {
    cluster.node(id).status().groups.into_iter().map(|status| (status.group, status.term.0)).collect()
}

async fn every_listener_writes(cluster: &Cluster, number: u64) {
    for id in serving(cluster) {
        propose(cluster.node(id), GroupId::CONTROL, create_app(u128::from(number * 10 + id.0))).await.unwrap();
        for partition in GroupId::partitions(PARTITIONS) {
            propose(cluster.node(id), partition, adopt_plan(number)).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_line_between_two_regions_stops_neither() {
    for (one, other) in [(1, 2), (2, 3), (1, 3)] {
        let cluster = Cluster::start().await;
        goes_around(&cluster, NodeId(one), NodeId(other)).await;
        cluster.links.heal();
        cluster.balanced().await;
        every_listener_writes(&cluster, 2).await;
    }
}

/// Between the two that send, only the witness is left to lead; else one of them.
#[tokio::test(start_paused = true)]
async fn a_cut_line_of_two_regions_with_a_witness_stops_neither() {
    for (one, other, hub) in [(1, 2, 3), (2, 3, 1), (1, 3, 2)] {
        let cluster = Cluster::with_witness().await;
        goes_around(&cluster, NodeId(one), NodeId(other)).await;
        let led = |(id, group)| cluster.node(NodeId(id)).leader(group) == Some(NodeId(hub));
        assert!(GroupId::all(PARTITIONS).all(|group| led((hub, group))), "node {hub} hears both {one} and {other}");
        cluster.links.heal();
        cluster.balanced().await;
    }
}

/// One end hears the other and isn't heard by it: whichever of them leads, its leases don't come or aren't asked for.
#[tokio::test(start_paused = true)]
async fn a_line_that_is_cut_one_way_stops_neither() {
    for (from, to) in [(1, 2), (2, 1), (1, 3), (3, 2)] {
        let cluster = Cluster::start().await;
        let (from, to) = (NodeId(from), NodeId(to));
        settled(&cluster).await;
        cluster.links.hold(from, to);
        still_goes(&cluster, from, to).await;
    }
}

/// Callers of a node that reaches no leader are not to wait for it: another listener may.
#[tokio::test(start_paused = true)]
async fn a_listener_that_is_cut_off_says_so_at_once() {
    let cluster = Cluster::start().await;
    settled(&cluster).await;
    let alone = NodeId(3);
    assert!(GroupId::all(PARTITIONS).all(|group| cluster.node(alone).in_contact(group)));
    cluster.links.isolate(alone);
    let cut = Instant::now();
    let margin = Duration::from_millis(500);
    for partition in GroupId::partitions(PARTITIONS) {
        // What was on its way may have been done.
        let first = propose(cluster.node(alone), partition, new_work()).await;
        assert!(matches!(first, Err(LogError::Unknown { .. } | LogError::NoLeader { .. })), "{first:?}");
        assert!(cut.elapsed() < replication::CONTACT_MAX + margin, "{:?}", cut.elapsed());
    }
    for partition in GroupId::partitions(PARTITIONS) {
        let begun = Instant::now();
        let later = propose(cluster.node(alone), partition, new_work()).await;
        assert!(matches!(later, Err(LogError::NoLeader { .. })), "{later:?}");
        assert!(begun.elapsed() < margin && !cluster.node(alone).in_contact(partition));
    }
    cluster.links.heal();
    let contact =
        || async { GroupId::all(PARTITIONS).all(|group| cluster.node(alone).in_contact(group)).then_some(()) };
    eventually("the node to be in contact again", contact).await;
    every_listener_writes(&cluster, 1).await;
}

async fn settled(cluster: &Cluster) {
    eventually("all nodes to hold everything", || async { all_hold(cluster).then_some(()) }).await;
    cluster.balanced().await;
}

/// Cuts the line of two nodes and requires that both go on in time, and that leadership stays where it went. The line
/// stays cut.
async fn goes_around(cluster: &Cluster, one: NodeId, other: NodeId) {
    settled(cluster).await;
    cluster.links.cut(one, other);
    still_goes(cluster, one, other).await;
}

async fn still_goes(cluster: &Cluster, one: NodeId, other: NodeId) {
    let cut = Instant::now();
    every_listener_writes(cluster, 1).await;
    assert!(cut.elapsed() < NEW_MAX, "{one} and {other}: {:?}", cut.elapsed());
    // The leases that were there when the line was cut are over by then.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    eventually("all nodes to hold everything again", || async { all_hold(cluster).then_some(()) }).await;
    assert!(cut.elapsed() < WAITING_MAX, "{one} and {other}: {:?}", cut.elapsed());
    let third = cluster.ids().into_iter().find(|id| *id != one && *id != other).unwrap();
    let settled = terms(cluster, third);
    for _ in 0..300 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(all_hold(cluster), "{one} and {other}: a lease lapsed");
    }
    assert_eq!(terms(cluster, third), settled, "{one} and {other}: leadership did not stay");
}
