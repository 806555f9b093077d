//! What one node's replicas hold, read for the checks.

use std::collections::BTreeMap;

use model::TrafficPlan;
use model::accounting::Accounting;
use model::id::{AppId, EndpointId, Epoch, GroupId, LogIndex, MessageId, RegionId};
use model::message::{Class, Progress};
use registry::invariants::check_all;
use registry::tables::{
    AccountingOf, AdoptedPlan, Deletions, Endpoints, Messages, Plans, ProgressOf, ReadRows, TableError, View,
};
use replication::Replication;
use service::ports::Reads;

use super::clients::number_of;
use super::cluster::PARTITIONS;

/// What one node holds.
#[derive(Debug, Clone, Default)]
pub struct Replica {
    /// By group: the last applied entry and the hash over all changes up to it.
    pub groups: BTreeMap<GroupId, (LogIndex, u64)>,
    /// All plans, in the order of their epochs.
    pub plans: Vec<TrafficPlan>,
    /// The epoch that each partition adopted.
    pub adopted: BTreeMap<GroupId, Epoch>,
    /// Apps of which a partition has something left that is deleted with them.
    pub deletions: Vec<(GroupId, AppId)>,
    /// The accounting of all apps, summed over the partitions.
    pub accounting: Accounting,
    /// The numbers in endpoints.
    pub endpoints: BTreeMap<String, Option<u64>>,
    /// Messages with their classes and how far they got.
    pub messages: BTreeMap<MessageId, (Class, Progress)>,
    /// Rules that the tables break, or why they can't be read.
    pub broken: Vec<String>,
}

/// The replicas of all nodes by region.
pub type Replicas = BTreeMap<RegionId, Replica>;

/// Reads a node's replicas.
pub fn read(replication: &Replication, app: Option<AppId>) -> Replica {
    let mut replica = Replica::default();
    for group in GroupId::all(PARTITIONS) {
        replica.groups.insert(group, (replication.applied(group), replication.chain(group)));
        let read = match replication.view(group) {
            Ok(view) => read_group(&mut replica, group, &*view, app).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = read {
            replica.broken.push(format!("group {group}: {error}"));
        }
    }
    replica
}

/// Says which rules the tables of a node break.
pub fn broken_rules(replication: &Replication) -> Vec<String> {
    let checked = GroupId::all(PARTITIONS).map(|group| match replication.view(group) {
        Ok(view) => check_all(&*view).map_err(|error| format!("group {group}: {error}")),
        Err(error) => Err(error.to_string()),
    });
    checked.filter_map(Result::err).collect()
}

fn read_group(
    replica: &mut Replica,
    group: GroupId,
    view: &(dyn View + Send + Sync),
    app: Option<AppId>,
) -> Result<(), TableError> {
    if group == GroupId::CONTROL {
        let plans = ReadRows::<Plans>::scan(view, &Epoch(0), usize::MAX)?;
        replica.plans = plans.into_iter().map(|(_, plan)| plan).collect();
        return Ok(());
    }
    if let Some(plan) = ReadRows::<AdoptedPlan>::get(view, &())? {
        replica.adopted.insert(group, plan.epoch);
    }
    for (_, accounting) in ReadRows::<AccountingOf>::scan(view, &AppId(0), usize::MAX)? {
        replica.accounting += accounting;
    }
    let deletions = ReadRows::<Deletions>::scan(view, &AppId(0), usize::MAX)?;
    replica.deletions.extend(deletions.into_iter().map(|(app, _)| (group, app)));
    let Some(app) = app else { return Ok(()) };
    let first = (app, EndpointId::from_stored(""));
    for ((_, id), endpoint) in ReadRows::<Endpoints>::scan(view, &first, usize::MAX)? {
        replica.endpoints.insert(id.as_str().to_owned(), number_of(&endpoint));
    }
    for (id, message) in ReadRows::<Messages>::scan(view, &MessageId(0), usize::MAX)? {
        if let Some(progress) = ReadRows::<ProgressOf>::get(view, &id)? {
            replica.messages.insert(id, (message.class, progress));
        }
    }
    Ok(())
}
