//! Reading a log: what is in memory without the disk, what is older from the engine.

use bytes::Bytes;
use model::id::GroupId;

use super::rows::{index_of, record_key};
use super::store::{LogStore, NAME};
use crate::engine::Range;
use crate::error::EngineError;

/// Records with their indexes.
pub type Records = Vec<(u64, Bytes)>;

impl LogStore {
    /// Returns the records from `from` (inclusive) to `to` (exclusive) that the log holds, in order and without gaps:
    /// at most `bytes_max` bytes of them, but at least one when there is any.
    ///
    /// # Errors
    /// When the disk fails, or a record is missing in the middle.
    pub fn read(&self, group: GroupId, range: std::ops::Range<u64>, bytes_max: usize) -> Result<Records, EngineError> {
        let (from, to, window_first, window) = {
            let mut state = self.state();
            let log = state.group(group);
            let (Some(first), Some(last)) = (log.first(), log.last()) else { return Ok(Vec::new()) };
            let (from, to) = (range.start.max(first), range.end.min(last + 1));
            let window_first = log.window_first().min(to);
            (from, to, window_first, within(bytes_max, log.window_from(from).take_while(|(index, _)| *index < to)))
        };
        if from >= to {
            return Ok(Vec::new());
        }
        if from >= window_first {
            return Ok(window);
        }
        let mut records = self.read_engine(group, from..window_first, bytes_max)?;
        let read: usize = records.iter().map(|(_, bytes)| bytes.len()).sum();
        if records.len() as u64 == window_first - from && read < bytes_max {
            let room = bytes_max - read;
            records.extend(fitting(room, window.into_iter()));
        }
        Ok(records)
    }

    /// Reads records that are not in memory. What was purged or truncated meanwhile ends the answer; what is missing
    /// without a reason is an error.
    fn read_engine(
        &self,
        group: GroupId,
        range: std::ops::Range<u64>,
        bytes_max: usize,
    ) -> Result<Records, EngineError> {
        let (from, to) = (record_key(group, range.start), record_key(group, range.end));
        let rows = self.shared.engine.scan(Range { from: &from, to: &to, limit: usize::MAX, bytes_max })?;
        let rows_len = rows.len();
        let records: Records = range
            .clone()
            .zip(rows)
            .take_while(|(index, (key, _))| index_of(key) == Some(*index))
            .map(|(index, (_, value))| (index, Bytes::from(value)))
            .collect();
        let cut_short = records.len() == rows_len && !records.is_empty();
        let complete = records.len() as u64 == range.end - range.start;
        if complete || cut_short || !self.holds(group, &range) {
            return Ok(records);
        }
        let detail = format!("record {} of group {group} is missing", range.start + records.len() as u64);
        Err(EngineError::Corrupt { store: NAME.to_owned(), detail })
    }

    fn holds(&self, group: GroupId, range: &std::ops::Range<u64>) -> bool {
        let mut state = self.state();
        let log = state.group(group);
        log.first().is_some_and(|first| first <= range.start) && log.window_first() >= range.end
    }
}

fn within<'a>(bytes_max: usize, records: impl Iterator<Item = (u64, &'a Bytes)>) -> Records {
    let mut records = records.map(|(index, bytes)| (index, bytes.clone()));
    let mut found: Records = records.next().into_iter().collect();
    let room = bytes_max.saturating_sub(found.iter().map(|(_, bytes)| bytes.len()).sum());
    found.extend(fitting(room, records));
    found
}

/// Returns the records that fit into `room` bytes.
fn fitting(mut room: usize, records: impl Iterator<Item = (u64, Bytes)>) -> impl Iterator<Item = (u64, Bytes)> {
    records.take_while(move |(_, bytes)| match room.checked_sub(bytes.len()) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    })
}
