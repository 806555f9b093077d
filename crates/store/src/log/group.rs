//! What is kept in memory of one group's log: its bounds, its unsynced tail with a few records before it, and its
//! single rows.

use std::collections::VecDeque;

use bytes::Bytes;

use super::marks::{Mark, Marks};
use super::meta_row::MetaRow;
use super::{LOG_WINDOW_BYTES_MAX, LogRecord};

/// One group's log. Records are those of `first..next`; those of `window_first()..next` are in memory.
#[derive(Debug, Default)]
pub(super) struct GroupLog {
    first: u64,
    next: u64,
    /// The records before this index are durable.
    synced_next: u64,
    /// The lowest end of the log since the last round of syncing began.
    truncated_to: Option<u64>,
    window: VecDeque<Bytes>,
    window_bytes: usize,
    pub marks: Marks,
    vote: Option<Bytes>,
    committed: Option<Bytes>,
    purged: Option<Bytes>,
    time: Option<Bytes>,
    /// The committed row was saved and not yet written.
    committed_waits: bool,
}

impl GroupLog {
    /// Returns a log that was found with records from the first of `bounds` to the second.
    pub fn stored(bounds: Option<(u64, u64)>, marks: Vec<Mark>) -> GroupLog {
        let (first, next) = bounds.map_or((0, 0), |(first, last)| (first, last + 1));
        GroupLog { first, next, synced_next: next, marks: Marks::stored(marks), ..GroupLog::default() }
    }

    pub fn with_meta(
        self,
        vote: Option<Bytes>,
        committed: Option<Bytes>,
        purged: Option<Bytes>,
        time: Option<Bytes>,
    ) -> GroupLog {
        GroupLog { vote, committed, purged, time, ..self }
    }

    pub fn first(&self) -> Option<u64> {
        (self.first < self.next).then_some(self.first)
    }

    pub fn last(&self) -> Option<u64> {
        (self.first < self.next).then(|| self.next - 1)
    }

    pub fn synced(&self) -> Option<u64> {
        self.synced_next.checked_sub(1)
    }

    /// Returns the index that a record must have to be appended; any, when the log is empty.
    pub fn expects(&self) -> Option<u64> {
        self.last().map(|last| last + 1)
    }

    pub fn append(&mut self, records: &[LogRecord]) {
        let Some(head) = records.first() else { return };
        if self.first == self.next {
            self.first = head.index;
            self.next = head.index;
        }
        for record in records {
            self.window_bytes += record.bytes.len();
            self.window.push_back(record.bytes.clone());
        }
        self.next += records.len() as u64;
        self.invariant_window_ends_the_log();
    }

    /// Forgets the records from `next` on, and returns how many bytes of them were in memory.
    pub fn truncate(&mut self, next: u64) -> u64 {
        let keep = usize::try_from(next.saturating_sub(self.window_first())).unwrap_or(usize::MAX);
        let gone: usize = self.window.drain(keep.min(self.window.len())..).map(|bytes| bytes.len()).sum();
        self.window_bytes -= gone;
        self.next = next.max(self.first);
        self.synced_next = self.synced_next.min(next);
        self.truncated_to = Some(self.truncated_to.unwrap_or(u64::MAX).min(next));
        self.invariant_window_ends_the_log();
        gone as u64
    }

    /// Forgets the records before `first`.
    pub fn purge(&mut self, first: u64) {
        let gone = first.saturating_sub(self.window_first());
        for bytes in self.window.drain(..usize::try_from(gone).unwrap_or(usize::MAX).min(self.window.len())) {
            self.window_bytes -= bytes.len();
        }
        self.first = self.first.max(first);
        self.next = self.next.max(self.first);
        self.invariant_window_ends_the_log();
    }

    /// Returns the index of the first record in memory; that of the next record when none is.
    pub fn window_first(&self) -> u64 {
        self.next - self.window.len() as u64
    }

    /// Returns the records in memory from `from` on.
    pub fn window_from(&self, from: u64) -> impl Iterator<Item = (u64, &Bytes)> {
        let first = self.window_first();
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        self.window.iter().enumerate().skip(skip).map(move |(at, bytes)| (first + at as u64, bytes))
    }

    /// Begins a round of syncing, which takes along the committed row.
    pub fn begin_round(&mut self) {
        self.truncated_to = None;
        self.committed_waits = false;
    }

    /// Ends a round of syncing that made the records before `next` durable, as the log was when the round began.
    pub fn end_round(&mut self, next: u64) {
        self.synced_next = next.min(self.truncated_to.unwrap_or(u64::MAX));
        while self.window_bytes > LOG_WINDOW_BYTES_MAX && self.window_first() < self.synced_next {
            let Some(bytes) = self.window.pop_front() else { return };
            self.window_bytes -= bytes.len();
        }
    }

    pub fn committed_waits(&self) -> bool {
        self.committed_waits
    }

    pub fn meta(&self, row: MetaRow) -> Option<Bytes> {
        match row {
            MetaRow::Vote => self.vote.clone(),
            MetaRow::Committed => self.committed.clone(),
            MetaRow::Purged => self.purged.clone(),
            MetaRow::Time => self.time.clone(),
        }
    }

    pub fn set_meta(&mut self, row: MetaRow, bytes: Bytes) {
        match row {
            MetaRow::Vote => self.vote = Some(bytes),
            MetaRow::Committed => (self.committed, self.committed_waits) = (Some(bytes), true),
            MetaRow::Purged => self.purged = Some(bytes),
            MetaRow::Time => self.time = Some(bytes),
        }
    }

    /// The records in memory are the last ones, and every record that isn't synced is among them.
    fn invariant_window_ends_the_log(&self) {
        debug_assert!(self.first <= self.next);
        debug_assert!(self.window.len() as u64 <= self.next - self.first);
        debug_assert!(self.first == self.next || self.window_first() <= self.synced_next.max(self.first));
    }
}
