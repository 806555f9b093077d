//! Carries the current plan from the control group to every partition, until each has acknowledged it.

use std::collections::{BTreeMap, BTreeSet};

use model::command::Command;
use model::id::{Epoch, GroupId};
use model::time::BootTime;
use registry::tables::{Meta, Plans, ReadRows, TableError, View};

use super::{Acknowledgement, DUTY_RETRY, Duty, Now, Step, Wish};
use crate::ports::{Applied, LogError};

/// See the module's text.
#[derive(Debug)]
pub struct PlanDuty {
    partitions: u16,
    /// The newest plan that each partition acknowledged to this duty.
    acknowledged: BTreeMap<GroupId, Epoch>,
    under_way: BTreeMap<GroupId, Epoch>,
    resting: BTreeMap<GroupId, BootTime>,
}

impl PlanDuty {
    /// Begins the duty for a cluster with `partitions` partitions.
    pub fn new(partitions: u16) -> PlanDuty {
        PlanDuty { partitions, acknowledged: BTreeMap::new(), under_way: BTreeMap::new(), resting: BTreeMap::new() }
    }
}

impl Duty for PlanDuty {
    fn name(&self) -> &'static str {
        "carry_plan"
    }

    fn step(&mut self, now: Now, view: &dyn View) -> Result<Step, TableError> {
        self.resting.retain(|_, until| *until > now.boot_time);
        let epoch = ReadRows::<Meta>::get(view, &())?.unwrap_or_default().epoch;
        let Some(plan) = ReadRows::<Plans>::get(view, &epoch)? else { return Ok(Step::default()) };
        let behind: BTreeSet<GroupId> = GroupId::partitions(self.partitions)
            .filter(|group| self.acknowledged.get(group).is_none_or(|acknowledged| *acknowledged < epoch))
            .collect();
        let mut wishes = Vec::new();
        for group in behind {
            if !self.under_way.contains_key(&group) && !self.resting.contains_key(&group) {
                self.under_way.insert(group, epoch);
                let commands = vec![Command::AdoptPlan { plan: Box::new(plan.clone()) }];
                wishes.push(Wish {
                    tag: u64::from(group.0),
                    group,
                    commands,
                    acknowledgement: Acknowledgement::Fenced,
                });
            }
        }
        Ok(Step { wishes, again: (!self.resting.is_empty()).then_some(DUTY_RETRY) })
    }

    fn answered(&mut self, now: Now, tag: u64, answer: &Result<Applied, LogError>) {
        let Ok(group) = u16::try_from(tag).map(GroupId) else { return };
        let Some(epoch) = self.under_way.remove(&group) else { return };
        match answer {
            Ok(_) => self.acknowledged.insert(group, epoch).map(drop).unwrap_or_default(),
            Err(_) => self.resting.insert(group, now.boot_time + DUTY_RETRY).map(drop).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::id::LogIndex;
    use model::outcome::Outcome;
    use model::plan::{Author, Mode, PlanChange};
    use model::rows::GroupMeta;
    use model::time::Timestamp;
    use registry::tables::{MemoryTables, WriteRows};

    use super::*;

    const NOW: Now = Now { boot_time: BootTime(0), time: Timestamp(0) };

    fn tables(epoch: u64) -> MemoryTables {
        let change = PlanChange {
            parent: Epoch(epoch - 1),
            mode: Mode::ActiveActive,
            regions: BTreeMap::new(),
            weights: BTreeMap::new(),
            channel_weights: BTreeMap::new(),
            scopes: BTreeMap::new(),
            diverted: BTreeMap::new(),
            frozen: std::collections::BTreeSet::new(),
            reason: "test".into(),
            evidence: BTreeMap::new(),
            author: Author::Automatic,
        };
        let mut tables = MemoryTables::default();
        WriteRows::<Plans>::put(&mut tables, Epoch(epoch), change.into_plan(Timestamp(1)));
        WriteRows::<Meta>::put(&mut tables, (), GroupMeta { epoch: Epoch(epoch), ..GroupMeta::default() });
        tables
    }

    #[test]
    fn a_plan_goes_to_every_partition_until_each_acknowledged_it() {
        let mut duty = PlanDuty::new(2);
        assert!(duty.step(NOW, &MemoryTables::default()).unwrap().wishes.is_empty());
        assert_eq!(duty.step(NOW, &tables(1)).unwrap().wishes.len(), 2);
        duty.answered(NOW, 1, &Ok(Applied { outcomes: vec![Outcome::Done], index: LogIndex(9) }));
        duty.answered(NOW, 2, &Err(LogError::Stopping));
        assert!(duty.step(NOW, &tables(1)).unwrap().wishes.is_empty());
        let later = Now { boot_time: BootTime(0) + DUTY_RETRY, ..NOW };
        assert_eq!(duty.step(later, &tables(1)).unwrap().wishes[0].group, GroupId(2));
        assert_eq!(duty.step(later, &tables(2)).unwrap().wishes[0].group, GroupId(1));
    }
}
