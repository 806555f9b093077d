//! Three nodes in one process: electing, committing, forwarding, losing and regaining nodes.

use std::time::Duration;

use crate::support::{Cluster, GROUP, SOON, adopt_plan, create_app, created, eventually, propose};
use model::alarm::{Alarm, AlarmName};
use model::id::{GroupId, NodeId};
use model::outcome::Outcome;
use registry::tables::{Apps, ReadRows};
use service::ports::{ClusterControl, LogError, Reads, ReplicatedLog};

#[tokio::test(start_paused = true)]
async fn a_proposal_at_any_node_is_applied_at_all() {
    let cluster = Cluster::start().await;
    for (number, id) in (1..).zip(cluster.ids()) {
        let applied = propose(cluster.node(id), GroupId::CONTROL, create_app(number)).await.unwrap();
        assert_eq!(created(&applied.outcomes[0]), Some(model::AppId(number)));
        let view = cluster.node(id).view(GroupId::CONTROL).unwrap();
        assert!(ReadRows::<Apps>::get(&*view, &model::AppId(number)).unwrap().is_some(), "reads what it wrote");
    }
    cluster.converge(GroupId::CONTROL).await;
}

#[tokio::test(start_paused = true)]
async fn many_proposals_at_once_get_their_own_answers() {
    let cluster = Cluster::start().await;
    let ids = cluster.ids();
    let proposals = (1..=600u128).map(|number| {
        let node = cluster.node(ids[number as usize % 3]).clone();
        async move { (number, propose(&node, GroupId::CONTROL, create_app(number)).await) }
    });
    for (number, answer) in futures::future::join_all(proposals).await {
        let answer = answer.unwrap();
        assert_eq!(answer.outcomes.len(), 1);
        let refused = matches!(answer.outcomes[0], Outcome::Refused(_));
        assert!(refused || created(&answer.outcomes[0]) == Some(model::AppId(number)));
    }
    cluster.converge(GroupId::CONTROL).await;
}

#[tokio::test(start_paused = true)]
async fn the_loss_of_a_leader_costs_no_acknowledged_write() {
    let mut cluster = Cluster::start().await;
    let group = GroupId::CONTROL;
    let leader = cluster.leader(group).await;
    propose(cluster.node(leader), group, create_app(1)).await.unwrap();
    cluster.kill(leader).await;

    let survivor = *cluster.running.keys().next().unwrap();
    propose(cluster.node(survivor), group, create_app(2)).await.unwrap();
    let view = cluster.node(survivor).view(group).unwrap();
    assert!(ReadRows::<Apps>::get(&*view, &model::AppId(1)).unwrap().is_some());

    cluster.run(leader, false).await;
    eventually("the restarted node to catch up", || async {
        let view = cluster.node(leader).view(group).unwrap();
        ReadRows::<Apps>::get(&*view, &model::AppId(2)).unwrap()
    })
    .await;
    cluster.converge(group).await;
}

#[tokio::test(start_paused = true)]
async fn all_nodes_restart_and_go_on() {
    let mut cluster = Cluster::start().await;
    propose(cluster.node(cluster.ids()[0]), GroupId::CONTROL, create_app(1)).await.unwrap();
    for id in cluster.ids() {
        cluster.kill(id).await;
    }
    for id in cluster.ids() {
        cluster.run(id, false).await;
    }
    propose(cluster.node(cluster.ids()[1]), GroupId::CONTROL, create_app(2)).await.unwrap();
    let view = cluster.node(cluster.ids()[1]).view(GroupId::CONTROL).unwrap();
    assert!(ReadRows::<Apps>::get(&*view, &model::AppId(1)).unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_cut_off_node_says_that_nothing_was_done_or_that_it_does_not_know() {
    let cluster = Cluster::start().await;
    let follower = cluster.followers(GROUP).await[0];
    cluster.links.isolate(follower);
    let answer = cluster.node(follower).propose(GROUP, vec![adopt_plan(1)], Duration::from_millis(700)).await;
    assert!(matches!(answer, Err(LogError::NoLeader { .. } | LogError::Unknown { .. })), "{answer:?}");
    cluster.links.heal();
    propose(cluster.node(follower), GROUP, adopt_plan(1)).await.unwrap();
}

/// The leader's disk fails when the others have an entry that it was asked for.
#[tokio::test(start_paused = true)]
async fn an_entry_that_outlives_its_leader_is_not_called_undone() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader(GroupId::CONTROL).await;
    let others = cluster.followers(GroupId::CONTROL).await;
    let last = |id| cluster.node(id).status().groups[0].last;
    let before = last(leader);
    cluster.syncs_take(Duration::from_millis(200));
    let node = cluster.node(leader).clone();
    let asked = tokio::spawn(async move { propose(&node, GroupId::CONTROL, create_app(1)).await });
    eventually("the others to have it", || async { others.iter().all(|id| last(*id) > before).then_some(()) }).await;
    cluster.fail_disk(leader);
    cluster.syncs_take(Duration::ZERO);
    let answer = asked.await.unwrap();
    assert!(matches!(answer, Err(LogError::Unknown { .. })), "{answer:?}");
    eventually("it to be done", || async {
        let view = cluster.node(others[0]).view(GroupId::CONTROL).unwrap();
        ReadRows::<Apps>::get(&*view, &model::AppId(1)).unwrap()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_linearized_read_sees_what_was_written_elsewhere() {
    let cluster = Cluster::start().await;
    let ids = cluster.ids();
    for number in 1..=10 {
        let (writer, reader) = (ids[number as usize % 3], ids[(number as usize + 1) % 3]);
        propose(cluster.node(writer), GroupId::CONTROL, create_app(number)).await.unwrap();
        cluster.node(reader).linearize(GroupId::CONTROL, SOON).await.unwrap();
        let view = cluster.node(reader).view(GroupId::CONTROL).unwrap();
        assert!(ReadRows::<Apps>::get(&*view, &model::AppId(number)).unwrap().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_too_large_is_refused() {
    let cluster = Cluster::start().await;
    let proposals = (0..50_000).map(create_app).collect();
    let refused = cluster.node(cluster.ids()[0]).propose(GroupId::CONTROL, proposals, SOON).await;
    assert!(matches!(refused, Err(LogError::TooLarge { .. })));
}

/// Two replicas with different truths, one of which has a change that no entry made.
async fn differing() -> (Cluster, NodeId) {
    let mut cluster = Cluster::start().await;
    let corrupt = cluster.followers(GroupId::CONTROL).await[0];
    propose(cluster.node(corrupt), GroupId::CONTROL, create_app(1)).await.unwrap();
    cluster.node(corrupt).compact().await.unwrap();
    cluster.kill(corrupt).await;
    cluster.corrupt(corrupt, GroupId::CONTROL);
    (cluster, corrupt)
}

/// Nobody writes: what the replicas differ in is older.
#[tokio::test(start_paused = true)]
async fn a_replica_that_differs_from_all_others_stops_its_node() {
    let (mut cluster, corrupt) = differing().await;
    cluster.run(corrupt, false).await;
    let reason = tokio::time::timeout(SOON, cluster.node(corrupt).failed()).await.unwrap();
    assert!(reason.to_string().contains("signalbox cluster rejoin"), "{reason}");
    for id in cluster.ids().into_iter().filter(|id| *id != corrupt) {
        let differs = |alarm: &Alarm| alarm.name == AlarmName::ReplicaDiffers;
        let alarms = || cluster.node(id).status().alarms.into_iter().filter(differs).count();
        eventually("an alarm for the replica that differs", || async { (alarms() == 1).then_some(()) }).await;
        assert!(!cluster.node(id).is_doubtful(GroupId::CONTROL), "two agree");
        assert!(cluster.node(id).is_confirmed(GroupId::CONTROL));
    }
}

/// Which of two is right can't be known: neither is trusted, until a third one says.
#[tokio::test(start_paused = true)]
async fn two_replicas_that_differ_are_both_in_doubt() {
    let (mut cluster, corrupt) = differing().await;
    let third = cluster.ids().into_iter().find(|id| *id != corrupt).unwrap();
    cluster.kill(third).await;
    cluster.run(corrupt, false).await;
    let running: Vec<NodeId> = cluster.running.keys().copied().collect();
    for id in &running {
        eventually("doubt", || async { cluster.node(*id).is_doubtful(GroupId::CONTROL).then_some(()) }).await;
        // The one that has run all the time was confirmed by the third before.
        assert!(*id != corrupt || !cluster.node(*id).is_confirmed(GroupId::CONTROL));
    }
    cluster.run(third, false).await;
    tokio::time::timeout(SOON, cluster.node(corrupt).failed()).await.unwrap();
    let right = running.into_iter().find(|id| *id != corrupt).unwrap();
    eventually("trust", || async { (!cluster.node(right).is_doubtful(GroupId::CONTROL)).then_some(()) }).await;
}
