//! A node that is about to stop dispatches what it leads.

use crate::support::{Cluster, GROUP, SOON, adopt_plan, eventually, propose};
use model::id::GroupId;

#[tokio::test(start_paused = true)]
async fn a_leaving_node_leads_nothing_any_more_and_takes_nothing_back() {
    let cluster = Cluster::start().await;
    for group in [GroupId::CONTROL, GroupId(1), GroupId(2)] {
        cluster.leader(group).await;
    }
    let leaver = cluster.leader(GROUP).await;
    assert_eq!(cluster.node(leaver).transfer_leaderships(SOON).await, 0);
    let heir = eventually("another leader", || async { cluster.agreed_leader(GROUP).filter(|id| *id != leaver) }).await;
    for group in [GroupId::CONTROL, GroupId(1), GroupId(2)] {
        assert_ne!(cluster.leader(group).await, leaver);
    }
    use service::ports::ClusterControl as _;
    let refused = cluster.node(heir).transfer_leader(GROUP, leaver).await;
    assert!(refused.is_err(), "{refused:?}");
    // It still forwards what its listeners take.
    propose(cluster.node(leaver), GROUP, adopt_plan(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_last_node_does_not_wait_for_others_that_are_gone() {
    let mut cluster = Cluster::start().await;
    let leaver = cluster.leader(GROUP).await;
    for id in cluster.followers(GROUP).await {
        cluster.kill(id).await;
    }
    let began = tokio::time::Instant::now();
    cluster.node(leaver).transfer_leaderships(SOON).await;
    assert!(began.elapsed() < SOON, "took {:?}", began.elapsed());
}
