//! Whether a node is ready to take requests, and if not, why.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::cluster::placement;
use model::id::{GroupId, NodeId};
use registry::tables::{AdoptedPlan, ReadRows};
use replication::Replication;
use service::ports::Reads;

/// How long one try to become current may take.
const CURRENT_MAX: Duration = Duration::from_secs(2);

/// Whether every replica here has caught up with its leader since the start: before that, reads could miss writes that
/// this node itself acknowledged before it stopped.
#[derive(Clone, Default)]
pub struct Current(Arc<AtomicBool>);

impl Current {
    /// Makes each group of this node current once, and notes when all are.
    pub async fn reach(self, replication: Replication, partitions: u16) {
        for group in GroupId::all(partitions) {
            while replication.linearize(group, CURRENT_MAX).await.is_err() {
                tracing::debug!(%group, "replica has not caught up since the start");
                tokio::time::sleep(LOOK).await;
            }
        }
        self.0.store(true, Ordering::Release);
    }
}

/// How long to rest between two tries.
const LOOK: Duration = Duration::from_millis(50);

/// Says whether this node is a member of every group that is placed on it, each with a leader, each current once since
/// the start, and each partition with a plan.
///
/// # Errors
/// What is missing, in words.
pub fn ready(replication: &Replication, (node, partitions): (NodeId, u16), current: &Current) -> Result<(), String> {
    if !current.0.load(Ordering::Acquire) {
        return Err("not every group has caught up since the start".to_owned());
    }
    let nodes = replication.nodes();
    let members: BTreeSet<GroupId> = replication.groups().into_iter().collect();
    for group in GroupId::all(partitions) {
        let placed = placement(&nodes, group).values().any(|holder| *holder == node);
        if placed && !members.contains(&group) {
            return Err(format!("this node is no member of group {group} yet"));
        }
    }
    for group in members {
        if replication.leader(group).is_none() {
            return Err(format!("group {group} has no leader"));
        }
        if group == GroupId::CONTROL {
            continue;
        }
        let view = replication.view(group).map_err(|error| error.to_string())?;
        let plan = ReadRows::<AdoptedPlan>::get(&*view, &()).map_err(|error| error.to_string())?;
        if plan.is_none() {
            return Err(format!("group {group} has no traffic plan"));
        }
    }
    Ok(())
}
