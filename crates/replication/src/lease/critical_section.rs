//! The critical section of R10: which checks have yet to begin what they allowed, and so how far this node is fenced.
//! Holds no clock and no lock of its own.

use std::collections::BTreeMap;

use model::id::LogIndex;

/// The checks under way in one group.
#[derive(Debug, Default)]
pub(crate) struct CriticalSection {
    applied: LogIndex,
    next: u64,
    /// What was applied when each check entered, by its number. At most one per sending task.
    inside: BTreeMap<u64, LogIndex>,
}

impl CriticalSection {
    /// Takes note that everything up to `index` is applied and seen by checks that enter from now on.
    pub(crate) fn applied(&mut self, index: LogIndex) {
        self.applied = self.applied.max(index);
    }

    /// Returns what is applied.
    pub(crate) fn last_applied(&self) -> LogIndex {
        self.applied
    }

    /// Lets a check in; returns its number.
    pub(crate) fn enter(&mut self) -> u64 {
        self.next += 1;
        self.inside.insert(self.next, self.applied);
        self.next
    }

    /// Takes note that a check has begun what it allowed, or gave it up.
    pub(crate) fn leave(&mut self, number: u64) {
        self.inside.remove(&number);
    }

    /// Returns the index up to which everything is applied and every check from before has begun.
    pub(crate) fn fenced(&self) -> LogIndex {
        self.inside.values().min().map_or(self.applied, |oldest| self.applied.min(*oldest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_holds_the_fence_back_until_it_leaves() {
        let mut section = CriticalSection::default();
        section.applied(LogIndex(3));
        let early = section.enter();
        section.applied(LogIndex(7));
        let late = section.enter();
        assert_eq!(section.fenced(), LogIndex(3));
        section.leave(early);
        assert_eq!(section.fenced(), LogIndex(7));
        section.applied(LogIndex(9));
        assert_eq!(section.fenced(), LogIndex(7));
        section.leave(late);
        section.leave(late);
        assert_eq!(section.fenced(), LogIndex(9));
    }
}
