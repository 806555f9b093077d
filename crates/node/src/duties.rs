//! Which duties a group's leader has: the wiring of `service::duties` to the replication that drives them.

use std::sync::Arc;

use model::id::GroupId;
use replication::DutyFactory;
use service::duties::{Duty, FollowUpDuty, HousekeepingDuty, OrphansDuty, PlanDuty, TakeoverDuty, VersionDuty};
use service::ports::Leases;

/// Returns what makes the duties of a group at each beginning of a leadership.
pub fn factory(partitions: u16, leases: Arc<dyn Leases>) -> DutyFactory {
    Arc::new(move |group| {
        let mut duties: Vec<Box<dyn Duty>> =
            vec![Box::new(FollowUpDuty::new(group)), Box::new(HousekeepingDuty::new(group))];
        match group {
            GroupId::CONTROL => {
                duties.push(Box::new(PlanDuty::new(partitions)));
                duties.push(Box::new(VersionDuty::new(partitions)));
            }
            partition => {
                duties.push(Box::new(TakeoverDuty::new(partition, leases.clone())));
                duties.push(Box::new(OrphansDuty::new(partition, leases.clone())));
            }
        }
        duties
    })
}
