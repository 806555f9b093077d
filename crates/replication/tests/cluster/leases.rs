//! The send lease over real leaders and holders: permits, fences, lapses, takeovers' grounds, transfers.

use std::time::Duration;

use crate::support::{Cluster, GROUP, SOON, adopt_plan, eventually, propose};
use model::id::Epoch;
use registry::tables::{AdoptedPlan, ReadRows};
use service::ports::{ClusterControl, Leases, NoPermit, ReplicatedLog, SendPermits};
use tokio::time::Instant;

/// W of the test cluster.
const LAPSE: Duration = Duration::from_millis(1_100);

async fn all_hold(cluster: &Cluster) {
    eventually("all nodes to hold the lease", || async {
        cluster.running.values().all(|running| running.replication.enter(GROUP).is_ok()).then_some(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_node_gets_a_permit_and_sees_what_is_acknowledged() {
    let cluster = Cluster::start().await;
    all_hold(&cluster).await;
    let writer = cluster.followers(GROUP).await[0];
    let started = Instant::now();
    cluster.node(writer).propose_fenced(GROUP, vec![adopt_plan(1)], SOON).await.unwrap();
    assert!(started.elapsed() < LAPSE, "{:?}: fences are pushed, not waited out", started.elapsed());
    for id in cluster.ids() {
        let permit = cluster.node(id).enter(GROUP).unwrap();
        let plan = ReadRows::<AdoptedPlan>::get(permit.view(), &()).unwrap().unwrap();
        assert_eq!(plan.epoch, Epoch(1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_waits_for_a_check_that_has_not_begun() {
    let cluster = Cluster::start().await;
    all_hold(&cluster).await;
    let followers = cluster.followers(GROUP).await;
    let permit = cluster.node(followers[0]).enter(GROUP).unwrap();
    let writer = cluster.node(followers[1]).clone();
    let fenced = tokio::spawn(async move { writer.propose_fenced(GROUP, vec![adopt_plan(1)], SOON).await });
    // Applied everywhere, and still not acknowledged.
    eventually("the entry to be applied", || async {
        use service::ports::Reads;
        let view = cluster.node(followers[0]).view(GROUP).unwrap();
        ReadRows::<AdoptedPlan>::get(&*view, &()).unwrap()
    })
    .await;
    assert!(!fenced.is_finished());
    drop(permit);
    fenced.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_cut_off_is_waited_out_and_can_not_send_then() {
    let cluster = Cluster::start().await;
    all_hold(&cluster).await;
    let followers = cluster.followers(GROUP).await;
    cluster.links.isolate(followers[0]);
    let started = Instant::now();
    cluster.node(followers[1]).propose_fenced(GROUP, vec![adopt_plan(1)], SOON).await.unwrap();
    let refused = cluster.node(followers[0]).enter(GROUP).map(|_| ()).unwrap_err();
    assert!(matches!(refused, NoPermit::Lapsed { .. }), "{refused:?}");
    assert!(started.elapsed() > LAPSE / 4, "{:?}: its lease was not waited for", started.elapsed());

    cluster.links.heal();
    all_hold(&cluster).await;
    let permit = cluster.node(followers[0]).enter(GROUP).unwrap();
    let plan = ReadRows::<AdoptedPlan>::get(permit.view(), &()).unwrap().unwrap();
    assert_eq!(plan.epoch, Epoch(1), "a lease after a gap is usable only with what was acknowledged meanwhile");
}

/// Its listeners may still have callers to answer; nobody waits for them.
#[tokio::test(start_paused = true)]
async fn a_node_that_must_stop_sends_nothing_from_that_moment_on() {
    let cluster = Cluster::start().await;
    all_hold(&cluster).await;
    let leader = cluster.leader(GROUP).await;
    cluster.fail_disk(leader);
    let _ = tokio::time::timeout(LAPSE, propose(cluster.node(leader), GROUP, adopt_plan(1))).await;
    cluster.node(leader).failed().await;
    assert!(cluster.node(leader).enter(GROUP).is_err(), "it still sends");
    let stopped = Instant::now();
    cluster.node(leader).stop().await;
    let others: Vec<_> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
    eventually("another leader", || async { others.iter().find(|id| cluster.node(**id).leads(GROUP).is_some()) }).await;
    assert!(stopped.elapsed() < LAPSE * 2, "{:?}", stopped.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_grounds_of_a_takeover_are_a_lapse_or_a_report() {
    let mut cluster = Cluster::start().await;
    all_hold(&cluster).await;
    let leader = cluster.leader(GROUP).await;
    let followers = cluster.followers(GROUP).await;
    let (drained, lost) = (followers[0], followers[1]);
    let region = |id| cluster.region(id);
    assert!(!cluster.node(leader).may_move(GROUP, &region(drained), Epoch(7)));
    cluster.node(drained).report_drained(GROUP, Epoch(7));
    eventually("the report", || async {
        cluster.node(leader).may_move(GROUP, &region(drained), Epoch(7)).then_some(())
    })
    .await;
    assert!(!cluster.node(leader).may_move(GROUP, &region(drained), Epoch(8)), "drained for another plan");
    let lost_region = region(lost);
    cluster.kill(lost).await;
    eventually("the lapse", || async { cluster.node(leader).may_move(GROUP, &lost_region, Epoch(8)).then_some(()) })
        .await;
}

#[tokio::test(start_paused = true)]
async fn after_the_loss_of_the_leader_fenced_writes_go_on() {
    let mut cluster = Cluster::start().await;
    all_hold(&cluster).await;
    let leader = cluster.leader(GROUP).await;
    cluster.kill(leader).await;
    let survivor = *cluster.running.keys().next().unwrap();
    cluster.node(survivor).propose_fenced(GROUP, vec![adopt_plan(1)], SOON).await.unwrap();
    all_hold(&cluster).await;
}

#[tokio::test(start_paused = true)]
async fn leadership_is_handed_over_and_leases_go_on() {
    let cluster = Cluster::start().await;
    all_hold(&cluster).await;
    let to = cluster.followers(GROUP).await[0];
    // Asked at a node that doesn't lead.
    let asked = cluster.followers(GROUP).await[1];
    cluster.node(asked).transfer_leader(GROUP, to).await.unwrap();
    eventually("the new leader", || async { (cluster.agreed_leader(GROUP) == Some(to)).then_some(()) }).await;
    propose(cluster.node(asked), GROUP, adopt_plan(1)).await.unwrap();
    cluster.node(asked).propose_fenced(GROUP, vec![adopt_plan(2)], SOON).await.unwrap();
    all_hold(&cluster).await;
}
