//! What the regions' replicas hold, read for the checks. Where a region has several nodes, each group lies on one of
//! them.

use std::collections::BTreeMap;

use model::TrafficPlan;
use model::accounting::Accounting;
use model::id::{AppId, EndpointId, Epoch, GroupId, LogIndex, MessageId, NodeId, RegionId};
use model::message::{Class, Progress};
use registry::invariants::check_all;
use registry::tables::{
    AccountingOf, AdoptedPlan, Deletions, Endpoints, Messages, Plans, ProgressOf, ReadRows, TableError, View,
};
use replication::Replication;
use service::ports::Reads;

use super::clients::number_of;
use super::cluster::PARTITIONS;
use super::layout::region;

/// What the nodes of one region hold.
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

/// The replicas of all groups by region.
pub type Replicas = BTreeMap<RegionId, Replica>;

/// Reads the replicas of all regions from the nodes that run.
pub fn read_all(running: &BTreeMap<NodeId, Replication>, app: Option<AppId>) -> Replicas {
    let mut replicas = Replicas::new();
    for (node, replication) in running {
        let replica = replicas.entry(region(*node)).or_default();
        replication.groups().into_iter().for_each(|group| read(replica, replication, group, app));
        replica.broken.extend(broken_rules(replication));
    }
    for replica in replicas.values_mut() {
        let missing = GroupId::all(PARTITIONS).filter(|group| !replica.groups.contains_key(group));
        let missing: Vec<String> = missing.map(|group| format!("there is no replica of group {group}")).collect();
        replica.broken.extend(missing);
    }
    replicas
}

fn read(replica: &mut Replica, replication: &Replication, group: GroupId, app: Option<AppId>) {
    let state = (replication.applied(group), replication.chain(group));
    if replica.groups.insert(group, state).is_some() {
        replica.broken.push(format!("two nodes have a replica of group {group}"));
    }
    let read = match replication.view(group) {
        Ok(view) => read_group(replica, group, &*view, app).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = read {
        replica.broken.push(format!("group {group}: {error}"));
    }
}

/// Says which rules the tables of a node break.
pub fn broken_rules(replication: &Replication) -> Vec<String> {
    let checked = replication.groups().into_iter().map(|group| match replication.view(group) {
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
