//! When a node loses its power between two operations on its disk, while a snapshot is taken in; and when it finds no
//! room on it.

use store::memory::MemoryOperation;

use super::world::SimRandom;

/// How often a node loses power while it takes in a snapshot, in a run at most.
const LOSSES_MAX: u64 = 4;
/// Within how many operations on the disk after the snapshot was made ready: more than it takes from there to a purged
/// log.
const LOSS_WITHIN: u64 = 10;

/// When the node loses power.
pub(super) struct Power {
    pub(super) random: SimRandom,
    pub(super) losses_left: u64,
    /// How many more operations there are before it is lost, when that is decided.
    pub(super) operations_left: Option<u64>,
    pub(super) lost: bool,
    /// Whether no room is left on the disk.
    pub(super) full: bool,
}

impl Power {
    /// Power that is there.
    pub(super) fn new(random: SimRandom) -> Power {
        Power { random, losses_left: LOSSES_MAX, operations_left: None, lost: false, full: false }
    }

    /// Decides about an operation.
    pub(super) fn is_there(&mut self, operation: MemoryOperation) -> bool {
        if operation == MemoryOperation::Seal && self.losses_left > 0 && self.random.below(2) == 0 {
            self.losses_left -= 1;
            self.operations_left = Some(self.random.below(LOSS_WITHIN));
        }
        match &mut self.operations_left {
            Some(0) => self.lost = true,
            Some(left) => *left -= 1,
            None => {}
        }
        !self.lost
    }
}
