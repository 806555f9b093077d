//! What the regions' replicas hold, read for the checks. Where a region has several nodes, each group lies on one of
//! them.

use std::collections::BTreeMap;
use std::time::Duration;

use model::TrafficPlan;
use model::accounting::Accounting;
use model::body::OPEN_BODY_KEPT;
use model::endpoint::FORMER_KEPT;
use model::id::{AppId, BodyId, EndpointId, Epoch, GroupId, LogIndex, MessageId, NodeId, RegionId, RequestId};
use model::message::{Class, Progress};
use model::request::REQUEST_KEPT;
use model::time::Timestamp;
use registry::invariants::check_all;
use registry::tables::{
    AccountingOf, AdoptedPlan, DeletedEndpointAges, Deletions, Endpoints, Messages, OpenBodyAges, Plans, ProgressOf,
    ReadRows, RequestAges, Retirements, TableError, TraceAges, View,
};
use registry::{SETTLED_KEPT, TRACES_KEPT};
use replication::Replication;
use service::ports::Reads;

use super::clients::number_of;
use super::cluster::PARTITIONS;
use super::layout::region;
use super::world::true_time;

/// How long something may be there after it was kept long enough, where nothing is wrong.
const REMOVED_WITHIN: Duration = Duration::from_secs(5);

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
    /// What is older than it is kept, of each kind the oldest.
    pub overdue: Vec<String>,
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

/// Returns the messages that any region knows, as far as they got anywhere.
pub fn furthest(replicas: &Replicas) -> BTreeMap<MessageId, (Class, Progress)> {
    let mut messages: BTreeMap<MessageId, (Class, Progress)> = BTreeMap::new();
    // Replicas differ in nothing but how far they are, so the later change is the newer row.
    for (message, state) in replicas.values().flat_map(|replica| &replica.messages) {
        let known = messages.entry(*message).or_insert_with(|| state.clone());
        if known.1.changed < state.1.changed {
            *known = state.clone();
        }
    }
    messages
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
    replica.overdue.extend(overdue(view)?.into_iter().map(|kind| format!("group {group} still has {kind}")));
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

/// Returns what a partition has that is older than it is kept.
fn overdue(view: &(dyn View + Send + Sync)) -> Result<Vec<&'static str>, TableError> {
    let (none, app) = (Timestamp(0), AppId(0));
    let messages = ReadRows::<Retirements>::scan(view, &(none, MessageId(0)), 1)?;
    let traces = ReadRows::<TraceAges>::scan(view, &(none, MessageId(0)), 1)?;
    let bodies = ReadRows::<OpenBodyAges>::scan(view, &(none, app, BodyId(0)), 1)?;
    let answers = ReadRows::<RequestAges>::scan(view, &(none, RequestId(0)), 1)?;
    let endpoints = ReadRows::<DeletedEndpointAges>::scan(view, &(none, app, EndpointId::from_stored("")), 1)?;
    let oldest = [
        ("a settled message", messages.first().map(|((since, _), ())| *since), SETTLED_KEPT),
        ("a trace of a message", traces.first().map(|((since, _), ())| *since), TRACES_KEPT),
        ("a body that nobody accepted", bodies.first().map(|((since, ..), ())| *since), OPEN_BODY_KEPT),
        ("an answer to a request", answers.first().map(|((since, _), ())| *since), REQUEST_KEPT),
        ("where a deleted endpoint was", endpoints.first().map(|((since, ..), ())| *since), FORMER_KEPT),
    ];
    let now = true_time();
    let old = oldest
        .into_iter()
        .filter(|(_, since, kept)| since.is_some_and(|since| since.plus(*kept).plus(REMOVED_WITHIN) < now));
    Ok(old.map(|(kind, ..)| kind).collect())
}
