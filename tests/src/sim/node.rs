//! The life of one simulated node. It is the product's node ([`node::assemble()`]) with the simulator's parts; clients
//! take the place of the listeners.

use std::sync::Arc;

use model::cluster::RegionKind;
use model::id::NodeId;
use node::{Outdated, RunningNode};
use store::{LogStore, StateStore};
use tokio::task::JoinSet;

use super::clients;
use super::cluster::Cluster;
use super::kernel::Calls;
use super::layout::name;
use super::start::{self, Start};
use super::storage::Disk;

/// Runs a node from one start of its process until its crash, or until it was asked to stop and did, or until it must stop
/// by itself, which is recorded.
///
/// # Errors
/// When the node can't be started.
pub async fn run(cluster: Arc<Cluster>, id: NodeId, calls: Calls) -> anyhow::Result<()> {
    let disk = cluster.disk(id);
    let ended = lives(&cluster, id, &disk, &calls).await;
    if disk.has_lost_power() {
        // Whatever the node noticed of that: it is gone in this moment.
        return std::future::pending().await;
    }
    match ended? {
        Ended::AsAsked => {
            cluster.history.note(format!("{} stopped", name(id)));
            cluster.ends(id);
            std::future::pending().await
        }
        Ended::ByItself(reason) => {
            cluster.history.stopped(id, reason);
            cluster.forget(id);
            Ok(())
        }
    }
}

/// How a node's life ends.
enum Ended {
    AsAsked,
    ByItself(String),
}

/// Lives on under a higher number when the cluster says so, as `node::serve` does; and as a newer build, when an older one
/// is turned away.
async fn lives(cluster: &Arc<Cluster>, id: NodeId, disk: &Arc<Disk>, calls: &Calls) -> anyhow::Result<Ended> {
    loop {
        let ended = live(cluster, id, disk, calls).await;
        let reason = match &ended {
            Ok(Ended::ByItself(reason)) => reason.clone(),
            Ok(Ended::AsAsked) => return ended,
            Err(fault) => match fault.downcast_ref() {
                Some(Outdated(known)) => {
                    disk.raise_incarnation(*known);
                    continue;
                }
                None => format!("{fault:#}"),
            },
        };
        if !cluster.builds.was_turned_away(id, &reason) {
            // A node that finds no room at its start ends as one that finds none later.
            return if disk.is_full() { Ok(Ended::ByItself(reason)) } else { ended };
        }
        cluster.history.note(format!("{} is turned away: {reason}", name(id)));
        cluster.forget(id);
    }
}

async fn live(cluster: &Arc<Cluster>, id: NodeId, disk: &Arc<Disk>, calls: &Calls) -> anyhow::Result<Ended> {
    let incarnation = disk.begin_incarnation();
    cluster.history.note(format!("{} starts as incarnation {incarnation}", name(id)));
    let log = LogStore::open(disk.log())?;
    let state = StateStore::open(disk.state())?;
    let mut beside = JoinSet::new();
    let (synced_disk, synced_log, random) = (disk.clone(), log.clone(), cluster.random());
    beside.spawn(async move { synced_disk.sync(synced_log, random).await.to_string() });
    let lying = disk.clone();
    beside.spawn(async move {
        lying.catch_up().await;
        String::new()
    });
    let start =
        Start { cluster: cluster.clone(), id, incarnation, random: Arc::new(cluster.random()), calls: calls.clone() };
    let mut node = start.node(log.clone(), state.clone()).await?;
    cluster.runs(id, node.replication.clone(), node.alarms.clone());
    beside.spawn(start::compact(cluster.settings.seed, node.replication.clone()));
    let mut clients = JoinSet::new();
    if cluster.settings.layout.kind(id) == RegionKind::Serving {
        clients::spawn(cluster, &node, &mut clients);
    }
    let reason = tokio::select! {
        () = cluster.asked_to_stop(id) => {
            stop(node, clients).await;
            log.sync_all()?;
            state.flush()?;
            return Ok(Ended::AsAsked);
        }
        fault = node.fault() => match fault.is::<Outdated>() {
            true => {
                node.stop().await;
                return Err(fault);
            }
            false => format!("{fault:#}"),
        },
        Some(ended) = clients.join_next() => format!("a client ended: {ended:?}"),
    };
    node.stop().await;
    Ok(Ended::ByItself(reason))
}

/// Stops a node as `node::serve` does when it is asked to. The clients' requests break off where listeners would close.
async fn stop(node: RunningNode, mut clients: JoinSet<String>) {
    node.leave().await;
    clients.shutdown().await;
    node.stop().await;
}
