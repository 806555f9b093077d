//! Whether all came to rest after everything was healed.

use model::id::GroupId;

use super::cluster::PARTITIONS;
use super::replica::{Replica, Replicas};

/// Says what of the replicas has not.
pub(super) fn unsettled(replicas: &Replicas) -> Vec<String> {
    let mut unsettled = Vec::new();
    let Some(first) = replicas.values().next() else { return vec!["no node runs".to_owned()] };
    for (region, replica) in replicas {
        for group in GroupId::all(PARTITIONS) {
            let index = |of: &Replica| of.groups.get(&group).map(|(index, _)| *index);
            if index(replica) != index(first) {
                unsettled.push(format!("{region} is not as far in group {group} as the first region"));
            }
        }
        let newest = replica.plans.last().map(|plan| plan.epoch);
        for group in GroupId::partitions(PARTITIONS) {
            if replica.adopted.get(&group).copied() != newest {
                unsettled.push(format!("{region}: group {group} goes by another plan than {newest:?}"));
            }
        }
        unsettled.extend(replica.overdue.iter().map(|overdue| format!("{region}: {overdue} that is old enough to go")));
        for (group, app) in &replica.deletions {
            unsettled.push(format!("{region}: group {group} isn't done with app {app}, which was deleted"));
        }
        for (message, (class, progress)) in &replica.messages {
            if progress.status == model::Status::Waiting {
                unsettled.push(format!("{region}: {message} ({class}) waits: {progress:?}"));
            }
        }
    }
    unsettled
}
