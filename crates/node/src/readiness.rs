//! Whether a node is ready to take requests, and if not, why.

use std::collections::BTreeSet;

use model::cluster::placement;
use model::id::{GroupId, NodeId};
use registry::tables::{AdoptedPlan, ReadRows};
use replication::Replication;
use service::ports::Reads;

/// Says whether this node is a member of every group that is placed on it, each with a leader, and each partition with a
/// plan.
///
/// # Errors
/// What is missing, in words.
pub fn ready(replication: &Replication, (node, partitions): (NodeId, u16)) -> Result<(), String> {
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
