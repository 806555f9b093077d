//! Which duties a group's leader has: the wiring of `service::duties` to the replication that drives them.

use std::sync::Arc;

use model::id::GroupId;
use replication::DutyFactory;
use service::duties::{Duty, FollowUpDuty, HousekeepingDuty, PlanDuty, TakeoverDuty};
use service::ports::Leases;

/// Returns what makes the duties of a group at each beginning of a leadership.
pub fn factory(partitions: u16, leases: Arc<dyn Leases>) -> DutyFactory {
    Arc::new(move |group| {
        let own: Box<dyn Duty> = match group {
            GroupId::CONTROL => Box::new(PlanDuty::new(partitions)),
            partition => Box::new(TakeoverDuty::new(partition, leases.clone())),
        };
        vec![Box::new(FollowUpDuty::new(group)), Box::new(HousekeepingDuty::new(group)), own]
    })
}
