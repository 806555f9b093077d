//! Whether a node is ready to take requests, and if not, why.

use model::id::GroupId;
use registry::tables::{AdoptedPlan, ReadRows};
use replication::Replication;
use service::ports::Reads;

/// Says whether every group here has a leader and every partition here a plan.
///
/// # Errors
/// What is missing, in words.
pub fn ready(replication: &Replication) -> Result<(), String> {
    for group in replication.groups() {
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
