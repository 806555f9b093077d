//! The indexes that wait for acknowledgement, as far as R7 needs them: which of them have waited too long. Bounded
//! however long and however many wait.

use std::collections::VecDeque;
use std::time::Duration;

use model::{BootTime, LogIndex};

/// Indexes that began to wait within this part of the patience count as one, with the earliest beginning.
const MERGED_PARTS: u32 = 16;

/// Waiting indexes, oldest first; both numbers increase from row to row.
#[derive(Debug, Clone)]
pub(super) struct PendingAcknowledgements {
    patience: Duration,
    rows: VecDeque<Row>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    since: BootTime,
    index: LogIndex,
}

impl PendingAcknowledgements {
    pub(super) fn new(patience: Duration) -> PendingAcknowledgements {
        PendingAcknowledgements { patience, rows: VecDeque::new() }
    }

    /// Adds an index that waits since `since`. What is overdue by then is one row, and so is what began to wait at
    /// about the same time: a row stands for its highest index and its earliest beginning, which errs towards waiting.
    pub(super) fn add(&mut self, index: LogIndex, since: BootTime) {
        while self.rows.len() > 1 && since.since(self.rows[1].since) > self.patience {
            self.rows.pop_front();
        }
        match self.rows.back_mut() {
            Some(last) if index <= last.index => last.since = last.since.min(since),
            Some(last) if since.since(last.since) < self.patience / MERGED_PARTS => last.index = index,
            _ => self.rows.push_back(Row { since, index }),
        }
        debug_assert!(self.invariant_bounded());
    }

    /// Removes all indexes up to one that was acknowledged.
    pub(super) fn acknowledged(&mut self, index: LogIndex) {
        while self.rows.front().is_some_and(|row| row.index <= index) {
            self.rows.pop_front();
        }
    }

    /// Returns the highest index that has waited longer than the patience.
    pub(super) fn overdue(&self, now: BootTime) -> Option<LogIndex> {
        self.rows.iter().take_while(|row| now.since(row.since) > self.patience).last().map(|row| row.index)
    }

    /// Checks that the rows are at most one per part of the patience, one that is overdue, and one for rounding.
    fn invariant_bounded(&self) -> bool {
        self.rows.len() <= MERGED_PARTS as usize + 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(500);

    fn at(milliseconds: u64) -> BootTime {
        BootTime(milliseconds * 1_000_000)
    }

    #[test]
    fn the_highest_overdue_index_counts() {
        let mut waiting = PendingAcknowledgements::new(PATIENCE);
        waiting.add(LogIndex(3), at(0));
        waiting.add(LogIndex(5), at(100));
        assert_eq!(waiting.overdue(at(500)), None);
        assert_eq!(waiting.overdue(at(501)), Some(LogIndex(3)));
        assert_eq!(waiting.overdue(at(601)), Some(LogIndex(5)));
        waiting.acknowledged(LogIndex(4));
        assert_eq!(waiting.overdue(at(601)), Some(LogIndex(5)));
        waiting.acknowledged(LogIndex(5));
        assert_eq!(waiting.overdue(at(9_999)), None);
    }

    #[test]
    fn indexes_of_about_the_same_time_count_as_one_from_the_earliest_beginning() {
        let mut waiting = PendingAcknowledgements::new(PATIENCE);
        waiting.add(LogIndex(3), at(0));
        waiting.add(LogIndex(4), at(31));
        waiting.add(LogIndex(5), at(32));
        assert_eq!(waiting.overdue(at(501)), Some(LogIndex(4)));
        waiting.acknowledged(LogIndex(3));
        assert_eq!(waiting.overdue(at(501)), Some(LogIndex(4)));
    }

    #[test]
    fn an_hour_of_stuck_indexes_stays_small() {
        let mut waiting = PendingAcknowledgements::new(PATIENCE);
        for n in 0..3_600_000 {
            waiting.add(LogIndex(n), at(n));
        }
        assert!(waiting.invariant_bounded());
        let overdue = waiting.overdue(at(3_600_000)).unwrap();
        assert!((3_599_400..=3_599_530).contains(&overdue.0), "{overdue}");
    }
}
