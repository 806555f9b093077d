//! Carries the control group's apply version to every partition, should whoever raised it not have come that far.

use std::collections::{BTreeMap, BTreeSet};

use model::command::Command;
use model::id::GroupId;
use model::time::BootTime;
use model::version::FIRST;
use registry::tables::{Meta, ReadRows, TableError, View};

use super::{Acknowledgement, DUTY_RETRY, Duty, Now, Step, Wish};
use crate::ports::{Applied, LogError};

/// See the module's text.
#[derive(Debug)]
pub struct VersionDuty {
    /// Those that don't have this version yet, as far as this duty knows.
    behind: BTreeSet<GroupId>,
    version: u32,
    /// Which version is on its way to a group; one at a time.
    under_way: BTreeMap<GroupId, u32>,
    resting: BTreeMap<GroupId, BootTime>,
    partitions: u16,
}

impl VersionDuty {
    /// Begins the duty for a cluster with `partitions` partitions.
    pub fn new(partitions: u16) -> VersionDuty {
        VersionDuty {
            behind: BTreeSet::new(),
            version: FIRST,
            under_way: BTreeMap::new(),
            resting: BTreeMap::new(),
            partitions,
        }
    }
}

impl Duty for VersionDuty {
    fn name(&self) -> &'static str {
        "carry_version"
    }

    fn step(&mut self, now: Now, view: &dyn View) -> Result<Step, TableError> {
        self.resting.retain(|_, until| *until > now.boot_time);
        let version = ReadRows::<Meta>::get(view, &())?.unwrap_or_default().version();
        if version > self.version {
            self.version = version;
            self.behind = GroupId::partitions(self.partitions).collect();
        }
        let free = |group: &&GroupId| !self.under_way.contains_key(group) && !self.resting.contains_key(group);
        let free: Vec<GroupId> = self.behind.iter().filter(free).copied().collect();
        self.under_way.extend(free.iter().map(|group| (*group, version)));
        let wish = |group: GroupId| Wish {
            tag: u64::from(group.0),
            group,
            commands: vec![Command::SetApplyVersion { version }],
            acknowledgement: Acknowledgement::Applied,
        };
        let again = (!self.resting.is_empty()).then_some(DUTY_RETRY);
        Ok(Step { wishes: free.into_iter().map(wish).collect(), again })
    }

    fn answered(&mut self, now: Now, tag: u64, answer: &Result<Applied, LogError>) {
        let Ok(group) = u16::try_from(tag).map(GroupId) else { return };
        let Some(version) = self.under_way.remove(&group) else { return };
        match answer {
            Ok(_) if version < self.version => {}
            Ok(_) => {
                self.behind.remove(&group);
            }
            Err(_) => {
                self.resting.insert(group, now.boot_time + DUTY_RETRY);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::id::LogIndex;
    use model::outcome::Outcome;
    use model::rows::GroupMeta;
    use model::time::Timestamp;
    use registry::tables::{MemoryTables, WriteRows};

    use super::*;

    const NOW: Now = Now { boot_time: BootTime(0), time: Timestamp(0) };

    fn at(apply_version: u32) -> MemoryTables {
        let mut tables = MemoryTables::default();
        WriteRows::<Meta>::put(&mut tables, (), GroupMeta { apply_version, ..GroupMeta::default() });
        tables
    }

    fn groups(step: &Step) -> Vec<u16> {
        step.wishes.iter().map(|wish| wish.group.0).collect()
    }

    #[test]
    fn a_version_goes_to_every_partition_until_each_has_it() {
        let mut duty = VersionDuty::new(2);
        for first in [0, 1] {
            assert_eq!(duty.step(NOW, &at(first)).unwrap(), Step::default(), "nothing was ever raised");
        }
        let step = duty.step(NOW, &at(2)).unwrap();
        assert_eq!(groups(&step), [1, 2]);
        assert_eq!(step.wishes[0].commands, [Command::SetApplyVersion { version: 2 }]);
        assert!(groups(&duty.step(NOW, &at(2)).unwrap()).is_empty(), "both are under way");
        duty.answered(NOW, 1, &Ok(Applied { outcomes: vec![Outcome::Done], index: LogIndex(9) }));
        duty.answered(NOW, 2, &Err(LogError::Stopping));
        assert!(groups(&duty.step(NOW, &at(2)).unwrap()).is_empty(), "it is tried again after a while");
        let later = Now { boot_time: BootTime(0) + DUTY_RETRY, ..NOW };
        assert_eq!(groups(&duty.step(later, &at(2)).unwrap()), [2]);
        assert_eq!(groups(&duty.step(later, &at(3)).unwrap()), [1], "the other is under way with an older one");
        duty.answered(later, 2, &Ok(Applied { outcomes: vec![Outcome::Done], index: LogIndex(9) }));
        assert_eq!(groups(&duty.step(later, &at(3)).unwrap()), [2]);
    }
}
