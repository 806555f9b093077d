//! Carries follow-ups to the groups that they are for, and removes those that were acknowledged.
//!
//! For each target at most one batch is under way, so that follow-ups arrive in order. What was delivered and not
//! removed when a leader stops is delivered again; the target ignores it by its number.

use std::collections::BTreeMap;

use model::command::Command;
use model::id::GroupId;
use model::outcome::Outcome;
use model::time::BootTime;
use registry::tables::{FollowUps, ReadRows, TableError, View};

use super::{Acknowledgement, DUTY_RETRY, Duty, Now, Step, Wish};
use crate::ports::{Applied, LogError};

/// The largest number of follow-ups that one proposal carries.
const BATCH_MAX: usize = 100;

/// Where one target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    /// Follow-ups through this number are on their way.
    Sent { through: u64 },
    /// They arrived; follow-ups through this number are to be removed.
    Arrived { through: u64 },
    /// Their removal is under way.
    Removing,
    /// The last try failed; not before this time.
    Resting { until: BootTime },
}

/// See the module's text.
#[derive(Debug)]
pub struct FollowUpDuty {
    group: GroupId,
    deliveries: BTreeMap<GroupId, Delivery>,
}

impl FollowUpDuty {
    /// Begins the duty for a group.
    pub fn new(group: GroupId) -> FollowUpDuty {
        FollowUpDuty { group, deliveries: BTreeMap::new() }
    }

    fn removals(&mut self) -> Vec<Wish> {
        let mut wishes = Vec::new();
        for (target, delivery) in &mut self.deliveries {
            if let Delivery::Arrived { through } = *delivery {
                *delivery = Delivery::Removing;
                let commands = vec![Command::FollowUpsDone { target: *target, through }];
                let acknowledgement = Acknowledgement::Applied;
                wishes.push(Wish { tag: u64::from(target.0), group: self.group, commands, acknowledgement });
            }
        }
        wishes
    }

    /// Reads the first follow-ups of each target that has nothing under way: of each by itself, so that a target that
    /// is far behind hides no other.
    fn waiting(&self, view: &dyn View) -> Result<BTreeMap<GroupId, Vec<(u64, Command)>>, TableError> {
        let mut waiting = BTreeMap::new();
        let mut from = GroupId::CONTROL;
        while let Some(((target, _), _)) = ReadRows::<FollowUps>::scan(view, &(from, 0), 1)?.into_iter().next() {
            if !self.deliveries.contains_key(&target) {
                let rows = ReadRows::<FollowUps>::scan(view, &(target, 0), BATCH_MAX)?;
                let of_target = rows.into_iter().take_while(|((owner, _), _)| *owner == target);
                let command =
                    |number, action| Command::FollowUp { source: self.group, number, action: Box::new(action) };
                waiting
                    .insert(target, of_target.map(|((_, number), action)| (number, command(number, action))).collect());
            }
            let Some(next) = target.0.checked_add(1) else { break };
            from = GroupId(next);
        }
        Ok(waiting)
    }

    fn deliveries(&mut self, view: &dyn View) -> Result<Vec<Wish>, TableError> {
        let waiting = self.waiting(view)?;
        let mut wishes = Vec::new();
        for (target, batch) in waiting {
            let Some((through, _)) = batch.last() else { continue };
            self.deliveries.insert(target, Delivery::Sent { through: *through });
            wishes.push(Wish {
                tag: u64::from(target.0),
                group: target,
                commands: batch.into_iter().map(|(_, command)| command).collect(),
                acknowledgement: Acknowledgement::Fenced,
            });
        }
        Ok(wishes)
    }
}

impl Duty for FollowUpDuty {
    fn name(&self) -> &'static str {
        "follow_ups"
    }

    fn step(&mut self, now: Now, view: &dyn View) -> Result<Step, TableError> {
        self.deliveries
            .retain(|_, delivery| !matches!(delivery, Delivery::Resting { until } if *until <= now.boot_time));
        let mut wishes = self.removals();
        wishes.extend(self.deliveries(view)?);
        let resting = self.deliveries.values().any(|delivery| matches!(delivery, Delivery::Resting { .. }));
        Ok(Step { wishes, again: resting.then_some(DUTY_RETRY) })
    }

    fn answered(&mut self, now: Now, tag: u64, answer: &Result<Applied, LogError>) {
        let Ok(target) = u16::try_from(tag).map(GroupId) else { return };
        let refused = |applied: &Applied| applied.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Refused(_)));
        let next = match (self.deliveries.get(&target), answer) {
            (Some(Delivery::Sent { through }), Ok(applied)) if !refused(applied) => {
                Some(Delivery::Arrived { through: *through })
            }
            (Some(Delivery::Removing), Ok(_)) => None,
            (Some(_), _) => Some(Delivery::Resting { until: now.boot_time + DUTY_RETRY }),
            (None, _) => None,
        };
        match next {
            Some(delivery) => self.deliveries.insert(target, delivery),
            None => self.deliveries.remove(&target),
        };
    }
}

#[cfg(test)]
mod tests {
    use model::command::FollowUpAction;
    use model::id::{AppId, EndpointId, LogIndex};
    use model::time::Timestamp;
    use registry::tables::{MemoryTables, WriteRows};

    use super::*;

    const NOW: Now = Now { boot_time: BootTime(0), time: Timestamp(0) };

    fn tables(rows: &[(u16, u64)]) -> MemoryTables {
        let mut tables = MemoryTables::default();
        for (target, number) in rows {
            let action = FollowUpAction::RemoveBlock {
                app: AppId(1),
                key: model::AddressKey::from_stored("tel:+1"),
                endpoint: EndpointId::from_stored("e"),
            };
            WriteRows::<FollowUps>::put(&mut tables, (GroupId(*target), *number), action);
        }
        tables
    }

    fn applied() -> Result<Applied, LogError> {
        Ok(Applied { outcomes: vec![Outcome::Done], index: LogIndex(1) })
    }

    #[test]
    fn each_target_gets_its_follow_ups_in_order_and_once_at_a_time() {
        let mut duty = FollowUpDuty::new(GroupId(0));
        let tables = tables(&[(1, 1), (1, 2), (2, 7)]);
        let first = duty.step(NOW, &tables).unwrap();
        assert_eq!(
            first.wishes.iter().map(|wish| (wish.group.0, wish.commands.len())).collect::<Vec<_>>(),
            [(1, 2), (2, 1)]
        );
        assert!(duty.step(NOW, &tables).unwrap().wishes.is_empty());
        duty.answered(NOW, 1, &applied());
        let removal = duty.step(NOW, &tables).unwrap();
        assert_eq!(removal.wishes.len(), 1);
        assert_eq!(removal.wishes[0].commands, [Command::FollowUpsDone { target: GroupId(1), through: 2 }]);
    }

    #[test]
    fn what_failed_is_tried_again_after_a_rest() {
        let mut duty = FollowUpDuty::new(GroupId(0));
        let tables = tables(&[(1, 1)]);
        duty.step(NOW, &tables).unwrap();
        duty.answered(NOW, 1, &Err(LogError::Stopping));
        let resting = duty.step(NOW, &tables).unwrap();
        assert!(resting.wishes.is_empty());
        assert_eq!(resting.again, Some(DUTY_RETRY));
        let later = Now { boot_time: BootTime(0) + DUTY_RETRY, ..NOW };
        assert_eq!(duty.step(later, &tables).unwrap().wishes.len(), 1);
    }
}
