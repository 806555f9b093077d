//! After every few steps: who could dispatch now, and on what. A permit is what a dispatch begins under, so whatever
//! holds for every dispatch must hold for every permit, also in the milliseconds in which nothing happens to be sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::command::Proposal;
use model::id::{GroupId, LogIndex, MessageId, NodeId, RegionId};
use model::message::Status;
use model::time::Timestamp;
use registry::tables::{AdoptedPlan, Messages, Outbox, ProgressOf, RowAccess, TableError, View};
use replication::Replication;
use service::ports::{Applied, BoxFuture, ClusterControl as _, LogError, Reads as _, ReplicatedLog, SendPermits as _};

use traffic::route::{Flow, route};

use super::layout::{name, region};

/// How many waiting messages of a replica that is behind are looked at.
const WAITING_LOOKED_AT: usize = 8;

/// Up to which entry of each group what forbids sending was acknowledged, to anybody.
#[derive(Default)]
pub struct Fenced(Mutex<BTreeMap<GroupId, LogIndex>>);

impl Fenced {
    fn acknowledged(&self, group: GroupId, index: LogIndex) {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = groups.entry(group).or_default();
        *known = index.max(*known);
    }

    fn up_to(&self, group: GroupId) -> LogIndex {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&group).copied().unwrap_or_default()
    }
}

/// A log whose acknowledgements are heard.
pub(super) struct Heard {
    pub(super) log: Arc<dyn ReplicatedLog>,
    pub(super) fenced: Arc<Fenced>,
}

impl ReplicatedLog for Heard {
    fn propose(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>> {
        self.log.propose(group, proposals, deadline)
    }

    fn propose_fenced(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>> {
        Box::pin(async move {
            let applied = self.log.propose_fenced(group, proposals, deadline).await?;
            self.fenced.acknowledged(group, applied.index);
            Ok(applied)
        })
    }
}

/// Looks at every permit that could be had now, and says what is wrong with it.
pub fn look(running: &BTreeMap<NodeId, Replication>, fenced: &Fenced) -> Vec<String> {
    let mut found = Vec::new();
    let applied: BTreeMap<NodeId, BTreeMap<GroupId, LogIndex>> = running
        .iter()
        .map(|(node, replication)| {
            let groups = replication.status().groups;
            (*node, groups.into_iter().map(|status| (status.group, status.applied)).collect())
        })
        .collect();
    let mut senders = Senders::default();
    for (node, replication) in running {
        for (group, at) in &applied[node] {
            let Ok(permit) = replication.enter(*group) else { continue };
            if let Some(other) = senders.another(*node, *group) {
                found.push(format!("{} and {} could both dispatch in group {group}", name(other), name(*node)));
            }
            let who = || format!("{} could dispatch in group {group} with entry {at} applied", name(*node));
            if *at < fenced.up_to(*group) {
                found.push(format!("{}, and entry {} forbids something", who(), fenced.up_to(*group)));
            }
            let further = running.iter().filter(|(other, _)| applied[*other].get(group) > Some(at));
            for (other, ahead) in further {
                let Ok(view) = ahead.view(*group) else { continue };
                match moved(permit.view(), &*view, &region(*node)) {
                    Ok(None) => {}
                    Ok(Some(message)) => {
                        found.push(format!("{}, message {message}, which {} knows elsewhere", who(), name(*other)));
                    }
                    Err(error) => found.push(format!("{}: {error}", who())),
                }
            }
        }
    }
    found
}

/// Who could dispatch for each group, by region.
#[derive(Default)]
struct Senders(BTreeMap<(RegionId, GroupId), NodeId>);

impl Senders {
    /// Takes note of one, and returns another of its region for the same group: there must be none.
    fn another(&mut self, node: NodeId, group: GroupId) -> Option<NodeId> {
        self.0.insert((region(node), group), node)
    }
}

/// Finds a message that waits in a region by one view, where it may begin by the plan of that view, and was moved away
/// under a later plan by a view that is ahead.
fn moved(behind: &dyn View, ahead: &dyn View, region: &RegionId) -> Result<Option<MessageId>, TableError> {
    let plan = behind.row::<AdoptedPlan>(&())?;
    let adopted = plan.as_ref().map(|plan| plan.epoch);
    let from = (region.clone(), Timestamp(0), MessageId(0));
    for ((_, _, message), _) in behind.rows_while::<Outbox>(&from, WAITING_LOOKED_AT, |key| key.0 == *region)? {
        let Some(progress) = ahead.row::<ProgressOf>(&message)? else { continue };
        let elsewhere = match progress.status {
            Status::Waiting => progress.region != *region,
            Status::Held => true,
            _ => false,
        };
        if !elsewhere || Some(progress.epoch) <= adopted {
            continue;
        }
        let Some(known) = behind.row::<Messages>(&message)? else { continue };
        let named = plan.as_ref().and_then(|plan| route(plan, Flow::from(&known)));
        if named.is_none_or(|named| named == *region) {
            return Ok(Some(message));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_nodes_of_a_region_that_could_dispatch_for_one_group_are_found() {
        let (a, b, a2) = (NodeId(1), NodeId(2), NodeId(5));
        let mut senders = Senders::default();
        assert_eq!(senders.another(a, GroupId(1)), None);
        assert_eq!(senders.another(b, GroupId(1)), None, "another region");
        assert_eq!(senders.another(a2, GroupId(2)), None, "another group");
        assert_eq!(senders.another(a2, GroupId(1)), Some(a));
    }
}
