//! A sparse index of when a log's records were appended and how many bytes came before them: enough to keep "30 minutes
//! or 8 GiB".

use std::collections::VecDeque;
use std::time::Duration;

use model::time::Timestamp;

/// A mark is set when the last one is this old.
const MARK_INTERVAL: Duration = Duration::from_secs(10);
/// A mark is set when this many bytes were appended since the last one.
const MARK_BYTES: u64 = 16 << 20;
/// The largest number of marks kept per group; at more, every second one is forgotten.
const MARKS_MAX: usize = 4_096;

/// How much of a log is kept for followers that fell behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Younger records are kept.
    pub age: Duration,
    /// The newest records are kept up to about this many bytes per group.
    pub bytes: u64,
}

impl Default for Retention {
    /// 30 minutes or 8 GiB, whichever is less.
    fn default() -> Retention {
        Retention { age: Duration::from_secs(30 * 60), bytes: 8 << 30 }
    }
}

/// When the record at `index` was appended, and how many bytes were appended before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub index: u64,
    /// Zero when the time was not known.
    pub at: Timestamp,
    pub bytes: u64,
}

/// The marks of one log, ascending.
#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: VecDeque<Mark>,
    /// Bytes appended since the log began, without those truncated. After a reopening it lacks what was appended after
    /// the last mark, at most [`MARK_BYTES`] and one append.
    total: u64,
}

impl Marks {
    pub fn stored(marks: Vec<Mark>) -> Marks {
        let mut marks = Marks { total: marks.last().map_or(0, |mark| mark.bytes), marks: marks.into() };
        marks.thin();
        marks
    }

    /// Counts an append that begins at `index`, and returns the mark that it sets, if any.
    pub fn append(&mut self, index: u64, now: Timestamp, bytes: u64) -> Option<Mark> {
        let due = self.marks.back().is_none_or(|last| {
            now.since(last.at) >= MARK_INTERVAL || self.total.saturating_sub(last.bytes) >= MARK_BYTES
        });
        let mark = due.then_some(Mark { index, at: now, bytes: self.total });
        if let Some(mark) = mark {
            self.marks.push_back(mark);
            self.thin();
        }
        self.total += bytes;
        mark
    }

    fn thin(&mut self) {
        while self.marks.len() > MARKS_MAX {
            let newest = self.marks.back().map(|mark| mark.index);
            let mut keep = false;
            self.marks.retain(|mark| {
                keep = !keep;
                keep || Some(mark.index) == newest
            });
        }
    }

    /// Forgets the records from `next` on, which had `bytes` as far as that is known.
    pub fn truncate(&mut self, next: u64, bytes: u64) {
        while self.marks.back().is_some_and(|mark| mark.index >= next) {
            self.marks.pop_back();
        }
        let floor = self.marks.back().map_or(0, |mark| mark.bytes);
        self.total = self.total.saturating_sub(bytes).max(floor);
    }

    /// Forgets the records before `first`, but not the last mark at or before it. Returns the index before which marks
    /// are gone.
    pub fn purge(&mut self, first: u64) -> u64 {
        while self.marks.get(1).is_some_and(|mark| mark.index <= first) {
            self.marks.pop_front();
        }
        self.marks.front().map_or(first, |mark| mark.index.min(first))
    }

    /// Returns about how many bytes the records from `first` on have; too many rather than too few, by at most the
    /// bytes between two marks.
    pub fn bytes_from(&self, first: u64) -> u64 {
        let floor = self.marks.iter().take_while(|mark| mark.index <= first).last().or(self.marks.front());
        floor.map_or(0, |mark| self.total.saturating_sub(mark.bytes))
    }

    /// Returns the index before which records are too old or too far back to be kept.
    pub fn keep_from(&self, now: Timestamp, retention: Retention) -> u64 {
        let old = |mark: &Mark| mark.at != Timestamp(0) && now.since(mark.at) >= retention.age;
        let by_age = self.marks.iter().take_while(|mark| old(mark)).last().map_or(0, |mark| mark.index);
        let fits = |mark: &&Mark| self.total.saturating_sub(mark.bytes) <= retention.bytes;
        let newest = self.marks.back().map_or(0, |mark| mark.index);
        let by_bytes = self.marks.iter().find(fits).map_or(newest, |mark| mark.index);
        by_age.max(by_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    /// One record of 1 MiB a minute, for an hour from `start`.
    fn an_hour() -> Marks {
        let mut marks = Marks::default();
        for minute in 0..60 {
            marks.append(minute, Timestamp(MINUTE * (1 + minute)), 1 << 20);
        }
        marks
    }

    #[test]
    fn records_are_kept_by_age_and_by_bytes() {
        let marks = an_hour();
        let now = Timestamp(61 * MINUTE);
        assert_eq!(marks.keep_from(now, Retention::default()), 30);
        assert_eq!(marks.keep_from(now, Retention { bytes: 5 << 20, ..Retention::default() }), 55);
        assert_eq!(marks.keep_from(now, Retention { age: Duration::from_secs(7_200), bytes: u64::MAX }), 0);
    }

    #[test]
    fn bytes_follow_truncating_and_purging() {
        let mut marks = an_hour();
        assert_eq!(marks.bytes_from(0), 60 << 20);
        marks.truncate(50, 10 << 20);
        assert_eq!(marks.bytes_from(0), 50 << 20);
        assert_eq!(marks.purge(20), 20);
        assert_eq!(marks.bytes_from(20), 30 << 20);
        assert_eq!(Marks::stored(marks.marks.iter().copied().collect()).bytes_from(20), 29 << 20);
    }

    #[test]
    fn records_of_unknown_age_are_not_old() {
        let mut marks = Marks::default();
        marks.append(0, Timestamp(0), 1);
        marks.append(1, Timestamp(MINUTE), 1);
        assert_eq!(marks.keep_from(Timestamp(1_000 * MINUTE), Retention::default()), 0);
    }

    #[test]
    fn marks_are_bounded() {
        let mut marks = Marks::default();
        for index in 0..3 * MARKS_MAX as u64 {
            marks.append(index, Timestamp(MINUTE * (1 + index)), 1);
        }
        assert!(marks.marks.len() <= MARKS_MAX);
        assert_eq!(marks.marks.back().map(|mark| mark.index), Some(3 * MARKS_MAX as u64 - 1));
    }
}
