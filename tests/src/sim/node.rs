//! One simulated node: the real replication, duties, watch, sender and use cases, wired as `node::serve` does it; only
//! clock, network, storage, randomness and provider are the simulator's, and clients take the place of the listeners.

use std::sync::Arc;
use std::time::Duration;

use model::id::NodeId;
use monitor::Restart;
use node::leaving;
use replication::Replication;
use sender::Sender;
use store::{LogStore, StateStore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use traffic::LeaseTiming;

use super::cluster::{Cluster, name, region};
use super::start::{ROUND_TRIP, Start};
use super::storage::Disk;

/// How long the sender may take to record what it began when the node stops.
const SENDER_STOP_MAX: Duration = Duration::from_secs(10);

/// Runs a node from one start of its host until its crash, or until it was asked to stop and did, or until it must stop
/// by itself, which is recorded.
///
/// # Errors
/// When the node can't be started.
pub async fn run(cluster: Arc<Cluster>, id: NodeId) -> turmoil::Result {
    let disk = cluster.disk(id);
    let ended = live(&cluster, id, &disk).await;
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
            cluster.history.stopped(&region(id), reason);
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

async fn live(cluster: &Arc<Cluster>, id: NodeId, disk: &Arc<Disk>) -> anyhow::Result<Ended> {
    let incarnation = disk.begin_incarnation();
    cluster.history.note(format!("{} starts as incarnation {incarnation}", name(id)));
    let log = LogStore::open(disk.log())?;
    let state = StateStore::open(disk.state())?;
    let mut syncing = JoinSet::new();
    let (synced_disk, synced_log, random) = (disk.clone(), log.clone(), cluster.random());
    syncing.spawn(async move { synced_disk.sync(synced_log, random).await.to_string() });
    let lying = disk.clone();
    syncing.spawn(async move {
        lying.catch_up().await;
        String::new()
    });
    let timing = LeaseTiming::for_round_trip(ROUND_TRIP)?;
    let start = Start { cluster: cluster.clone(), id, incarnation, timing, random: Arc::new(cluster.random()) };
    let mut node = start.node(log, state).await?;
    let reason = tokio::select! {
        () = cluster.asked_to_stop(id) => {
            node.stop().await?;
            return Ok(Ended::AsAsked);
        }
        reason = node.fault() => reason,
        Some(ended) = syncing.join_next() => format!("syncing ended: {ended:?}"),
    };
    Ok(Ended::ByItself(reason))
}

/// A node that runs.
pub(super) struct Node {
    pub(super) replication: Replication,
    pub(super) sender: Sender,
    pub(super) restart: Restart,
    pub(super) leaving: CancellationToken,
    pub(super) background: JoinSet<String>,
    pub(super) log: LogStore,
    pub(super) state: StateStore,
}

impl Node {
    async fn fault(&mut self) -> String {
        tokio::select! {
            reason = self.replication.failed() => reason.to_string(),
            fault = self.sender.fault() => fault.to_string(),
            Some(ended) = self.background.join_next() => format!("a task ended: {ended:?}"),
        }
    }

    /// Stops as `node::serve` does when it is asked to. The clients' requests break off.
    async fn stop(mut self) -> anyhow::Result<()> {
        self.leaving.cancel();
        leaving::leave(&self.replication, Some(&self.restart)).await;
        self.sender.stop(SENDER_STOP_MAX).await;
        self.background.shutdown().await;
        self.replication.stop().await;
        self.log.sync_all()?;
        Ok(self.state.flush()?)
    }
}
