//! What waits for the next round of syncing, in the order in which it was asked for.

use bytes::Bytes;
use model::id::GroupId;

use super::marks::Mark;
use super::meta_row::MetaRow;
use super::rows::{mark_key, meta_key, record_key};
use super::{LOG_QUEUE_BYTES_MAX, LOG_QUEUE_RECORDS_MAX, Synced};
use crate::batch::Batch;

/// One change of a group's log.
pub(super) enum Op {
    /// Records from `first` on.
    Append { group: GroupId, first: u64, records: Vec<Bytes>, mark: Option<Mark>, synced: Synced },
    /// The records from `from` to before `to` are gone, and with them the log's end.
    Truncate { group: GroupId, from: u64, to: u64 },
    /// The records from `from` to before `to` are gone, and the marks before `marks_to`: the log's beginning.
    Purge { group: GroupId, from: u64, to: u64, marks_to: u64 },
    /// A single row.
    Meta { group: GroupId, row: MetaRow, bytes: Bytes, synced: Option<Synced> },
}

impl Op {
    /// Adds the change to a batch.
    pub fn write(&self, batch: &mut Batch) {
        match self {
            Op::Append { group, first, records, mark, .. } => {
                for (index, bytes) in (*first..).zip(records) {
                    batch.put(record_key(*group, index), bytes.clone());
                }
                if let Some(mark) = mark {
                    batch.put(mark_key(*group, mark.index), super::rows::mark_value(mark));
                }
            }
            Op::Truncate { group, from, to } => {
                batch.delete_range(record_key(*group, *from), record_key(*group, *to));
                batch.delete_range(mark_key(*group, *from), mark_key(*group, *to));
            }
            Op::Purge { group, from, to, marks_to } => {
                batch.delete_range(record_key(*group, *from), record_key(*group, *to));
                batch.delete_range(mark_key(*group, 0), mark_key(*group, *marks_to));
            }
            Op::Meta { group, row, bytes, .. } => batch.put(meta_key(*group, *row), bytes.clone()),
        }
    }

    /// Returns the group and the end of its log after the change, when the change moves it.
    pub fn end(&self) -> Option<(GroupId, u64)> {
        match self {
            Op::Append { group, first, records, .. } if !records.is_empty() => {
                Some((*group, first + records.len() as u64))
            }
            Op::Truncate { group, from, .. } => Some((*group, *from)),
            _ => None,
        }
    }

    /// Returns whom to tell.
    pub fn synced(self) -> Option<Synced> {
        match self {
            Op::Append { synced, .. } => Some(synced),
            Op::Meta { synced, .. } => synced,
            Op::Truncate { .. } | Op::Purge { .. } => None,
        }
    }
}

/// The waiting changes, bounded by the bytes and number of their records.
#[derive(Default)]
pub(super) struct Queue {
    ops: Vec<Op>,
    bytes: usize,
    records: usize,
}

impl Queue {
    /// Returns true when there is room for these records. A queue without records takes any append, so that one large
    /// append can't be stuck.
    pub fn has_room(&self, records: usize, bytes: usize) -> bool {
        let fits = self.records.saturating_add(records) <= LOG_QUEUE_RECORDS_MAX
            && self.bytes.saturating_add(bytes) <= LOG_QUEUE_BYTES_MAX;
        fits || self.records == 0
    }

    /// Adds a change, and returns true when it is the first.
    pub fn push(&mut self, op: Op) -> bool {
        if let Op::Append { records, .. } = &op {
            self.records += records.len();
            self.bytes += records.iter().map(Bytes::len).sum::<usize>();
        }
        self.ops.push(op);
        self.ops.len() == 1
    }

    pub fn take(&mut self) -> Vec<Op> {
        std::mem::take(self).ops
    }

    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn records(&self) -> usize {
        self.records
    }
}
