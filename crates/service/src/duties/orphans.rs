//! Ends the claims of nodes that were removed from the cluster. A node that is started again deals with the claims of its
//! earlier incarnations itself (rule R13); one that was removed, or lost with its disk and replaced, never does, and
//! messages of class `at_most_once` would wait for it for ever.
//!
//! What it had claimed becomes held: nobody knows what came of it. That is proposed only when the node can begin nothing
//! any more ([`Leases::is_gone`]).

use std::sync::Arc;
use std::time::Duration;

use model::command::{CHUNK_MAX, Command};
use model::id::{GroupId, Incarnation, MessageId, NodeId};
use model::outcome::Outcome;
use model::time::BootTime;
use registry::tables::{Claims, Incarnations, ReadRows, TableError, View};

use super::{Acknowledgement, DUTY_RETRY, Duty, Now, Step, Wish};
use crate::ports::{Applied, Leases, LogError};

/// How often the claims are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The one wish.
const END: u64 = 1;

/// See the module's text.
pub struct OrphansDuty {
    group: GroupId,
    leases: Arc<dyn Leases>,
    under_way: bool,
    look_at: BootTime,
}

impl OrphansDuty {
    /// Begins the duty for a partition.
    pub fn new(group: GroupId, leases: Arc<dyn Leases>) -> OrphansDuty {
        OrphansDuty { group, leases, under_way: false, look_at: BootTime::default() }
    }

    /// Finds a node that is gone and has claims, and the number of the first of its incarnations that has none.
    fn orphaned(&self, view: &dyn View) -> Result<Option<(NodeId, Incarnation)>, TableError> {
        let mut from = NodeId(0);
        loop {
            let first = ReadRows::<Claims>::scan(view, &(from, Incarnation(0), MessageId(0)), 1)?;
            let Some(((node, claimed_in, _), ())) = first.first().copied() else { return Ok(None) };
            if self.leases.is_gone(self.group, node) {
                let known = ReadRows::<Incarnations>::get(view, &node)?.unwrap_or_default();
                return Ok(Some((node, known.max(Incarnation(claimed_in.0 + 1)))));
            }
            from = NodeId(node.0 + 1);
        }
    }
}

impl Duty for OrphansDuty {
    fn name(&self) -> &'static str {
        "orphaned claims"
    }

    fn step(&mut self, now: Now, view: &dyn View) -> Result<Step, TableError> {
        if now.boot_time < self.look_at {
            return Ok(Step { wishes: Vec::new(), again: Some(self.look_at.since(now.boot_time)) });
        }
        self.look_at = now.boot_time + LOOK;
        let mut wishes = Vec::new();
        if !self.under_way
            && let Some((node, incarnation)) = self.orphaned(view)?
        {
            tracing::warn!(group = %self.group, %node, "ending the claims of a node that is gone");
            self.under_way = true;
            let command = Command::BeginIncarnation { node, incarnation, limit: CHUNK_MAX };
            let acknowledgement = Acknowledgement::Applied;
            wishes.push(Wish { tag: END, group: self.group, commands: vec![command], acknowledgement });
        }
        Ok(Step { wishes, again: Some(LOOK) })
    }

    fn answered(&mut self, now: Now, _tag: u64, answer: &Result<Applied, LogError>) {
        self.under_way = false;
        let done = answer.as_ref().is_ok_and(|applied| matches!(applied.outcomes.first(), Some(Outcome::Chunk { .. })));
        self.look_at = if done { now.boot_time } else { now.boot_time + DUTY_RETRY };
    }
}

#[cfg(test)]
mod tests {
    use model::id::{Epoch, LogIndex, RegionId};
    use model::time::Timestamp;
    use registry::tables::{MemoryTables, WriteRows};

    use super::*;

    /// Leases of a cluster that only the first node has left.
    struct FirstIsGone;

    impl Leases for FirstIsGone {
        fn may_move(&self, _group: GroupId, _region: &RegionId, _epoch: Epoch) -> bool {
            false
        }

        fn is_gone(&self, _group: GroupId, node: NodeId) -> bool {
            node == NodeId(1)
        }
    }

    fn at(seconds: u64) -> Now {
        Now { boot_time: BootTime::default() + Duration::from_secs(seconds), time: Timestamp(10) }
    }

    fn wished(duty: &mut OrphansDuty, tables: &MemoryTables, seconds: u64) -> Vec<Command> {
        let wishes = duty.step(at(seconds), tables).unwrap().wishes;
        wishes.into_iter().flat_map(|wish| wish.commands).collect()
    }

    #[test]
    fn claims_of_a_node_that_is_gone_are_ended_and_no_others() {
        let mut duty = OrphansDuty::new(GroupId(1), Arc::new(FirstIsGone));
        let mut tables = MemoryTables::default();
        WriteRows::<Claims>::put(&mut tables, (NodeId(2), Incarnation(7), MessageId(1)), ());
        assert_eq!(wished(&mut duty, &tables, 1), []);
        WriteRows::<Claims>::put(&mut tables, (NodeId(1), Incarnation(3), MessageId(2)), ());
        let end = |incarnation| Command::BeginIncarnation {
            node: NodeId(1),
            incarnation: Incarnation(incarnation),
            limit: CHUNK_MAX,
        };
        assert_eq!(wished(&mut duty, &tables, 2), [end(4)]);
        assert_eq!(wished(&mut duty, &tables, 4), [], "under way");
        let outcomes = vec![Outcome::Chunk { touched: 1, next: None, more: false }];
        duty.answered(at(4), END, &Ok(Applied { outcomes, index: LogIndex(1) }));
        WriteRows::<Incarnations>::put(&mut tables, NodeId(1), Incarnation(9));
        assert_eq!(wished(&mut duty, &tables, 4), [end(9)], "what the group knows of it counts");
    }
}
