//! The logs of a node: what callers see of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use model::id::GroupId;
use model::time::Timestamp;

use super::group::GroupLog;
use super::marks::Retention;
use super::meta_row::MetaRow;
use super::queue::{Op, Queue};
use super::rows::{load, read_round};
use super::synced_mark::SyncedMark;
use super::{LogFull, LogRecord, Synced};
use crate::engine::{Engine, FaultListener};
use crate::error::{EngineError, StoreError};
use crate::groups::groups;

/// The name of the logs in errors that no directory can be named in.
pub(super) const NAME: &str = "the log";

/// The logs of all groups of a node. Clones are the same logs.
///
/// Everything that changes a log is seen by reads at once, and becomes durable in the order in which it was asked for,
/// by a round of [`sync_pending`](LogStore::sync_pending). After an error of a round nothing more is taken: the node
/// must stop, because what the disk then holds is not known.
#[derive(Clone)]
pub struct LogStore {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub engine: Arc<dyn Engine>,
    pub state: Mutex<State>,
    /// The number of the last round of syncing. Held during a round, so that rounds follow each other.
    pub round: Mutex<u64>,
    /// Where the number is noted once the round is synced.
    pub mark: Option<Arc<dyn SyncedMark>>,
    waker: Mutex<Option<Arc<dyn Fn() + Send + Sync>>>,
}

#[derive(Default)]
pub(super) struct State {
    pub groups: BTreeMap<GroupId, GroupLog>,
    pub queue: Queue,
    /// Why nothing more is taken.
    pub failed: Option<EngineError>,
    /// What the caller said last about the time.
    now: Timestamp,
}

impl LogStore {
    /// Opens the logs that an engine holds.
    ///
    /// # Errors
    /// When the disk fails, or a row of a log is malformed.
    pub fn open(engine: Arc<dyn Engine>) -> Result<LogStore, StoreError> {
        LogStore::open_noted(engine, None)
    }

    /// Opens the logs that an engine holds, and compares them with the note of how far they were synced.
    ///
    /// # Errors
    /// `LostTail` when something is gone that was synced; and as [`LogStore::open`].
    pub fn open_checked(engine: Arc<dyn Engine>, mark: Arc<dyn SyncedMark>) -> Result<LogStore, StoreError> {
        LogStore::open_noted(engine, Some(mark))
    }

    fn open_noted(engine: Arc<dyn Engine>, mark: Option<Arc<dyn SyncedMark>>) -> Result<LogStore, StoreError> {
        let found = read_round(&*engine)?;
        let noted = mark.as_ref().map(|mark| mark.read()).transpose()?.flatten().unwrap_or(0);
        if noted > found {
            return Err(StoreError::LostTail { noted, found });
        }
        let mut state = State::default();
        for group in groups(&*engine)? {
            state.groups.insert(group, load(&engine, group)?);
        }
        let (state, round, waker) = (Mutex::new(state), Mutex::new(found), Mutex::new(None));
        Ok(LogStore { shared: Arc::new(Shared { engine, state, round, mark, waker }) })
    }

    /// Tells the time: records appended from now on count as appended at `now`. Without it their age is unknown, and
    /// they are purged by their bytes only. A call a second is enough.
    pub fn mark_time(&self, now: Timestamp) {
        self.state().now = now;
    }

    /// Appends records and calls `synced` when they are durable. They can be read at once. Without records, `synced`
    /// is called when everything before is durable. After an error of the disk `synced` is called with that error.
    ///
    /// # Errors
    /// When too much waits for a sync already; records and callback come back in the error.
    pub fn append(&self, group: GroupId, records: Vec<LogRecord>, synced: Synced) -> Result<(), LogFull> {
        let bytes = records.iter().map(|record| record.bytes.len()).sum();
        let mut state = self.state();
        if let Some(error) = state.refuses(group, &records) {
            drop(state);
            synced(Err(error));
            return Ok(());
        }
        if !records.is_empty() && !state.queue.has_room(records.len(), bytes) {
            let (queued_bytes, queued_records) = (state.queue.bytes(), state.queue.records());
            return Err(LogFull { queued_bytes, queued_records, records, synced });
        }
        let now = state.now;
        let log = state.group(group);
        log.append(&records);
        let first = records.first().map_or(0, |record| record.index);
        let mark = if records.is_empty() { None } else { log.marks.append(first, now, bytes as u64) };
        let records = records.into_iter().map(|record| record.bytes).collect();
        self.queue(state, Op::Append { group, first, records, mark, synced });
        Ok(())
    }

    /// Returns the index of the last record, or nothing when the log is empty.
    pub fn last(&self, group: GroupId) -> Option<u64> {
        self.state().group(group).last()
    }

    /// Returns the index of the first record, or nothing when the log is empty.
    pub fn first_index(&self, group: GroupId) -> Option<u64> {
        self.state().group(group).first()
    }

    /// Returns the index up to which the log's records are durable, or nothing when none ever was.
    pub fn synced_index(&self, group: GroupId) -> Option<u64> {
        self.state().group(group).synced()
    }

    /// Returns about how many bytes a group's records have, within 16 MiB.
    pub fn size_bytes(&self, group: GroupId) -> u64 {
        let mut state = self.state();
        let log = state.group(group);
        log.first().map_or(0, |first| log.marks.bytes_from(first))
    }

    /// Returns the last index that may be purged: at most `flushed`, and only records that are older than the
    /// retention's age or further back than its bytes. Returns nothing when everything is kept.
    pub fn purgeable(&self, group: GroupId, flushed: u64, retention: Retention) -> Option<u64> {
        let mut state = self.state();
        let now = state.now;
        let log = state.group(group);
        let through = log.marks.keep_from(now, retention).checked_sub(1)?.min(flushed);
        log.first().is_some_and(|first| first <= through).then_some(through)
    }

    /// Forgets the records after `index`.
    pub fn truncate_after(&self, group: GroupId, index: u64) {
        self.truncate_from(group, index.saturating_add(1));
    }

    /// Forgets the records at and after `index`; with 0 the whole log.
    pub fn truncate_from(&self, group: GroupId, index: u64) {
        let mut state = self.state();
        let log = state.group(group);
        let Some(last) = log.last().filter(|last| index <= *last) else { return };
        let gone = log.truncate(index);
        log.marks.truncate(index, gone);
        self.queue(state, Op::Truncate { group, from: index, to: last + 1 });
    }

    /// Forgets the records up to and with `index` and saves the purged row, both or neither.
    pub fn purge(&self, group: GroupId, index: u64, purged: Bytes) {
        let mut state = self.state();
        state.group(group).set_meta(MetaRow::Purged, purged.clone());
        let first = state.queue.push(Op::Meta { group, row: MetaRow::Purged, bytes: purged, synced: None });
        self.queue_purge(state, group, index);
        if first {
            self.wake();
        }
    }

    /// Saves the vote and calls `synced` when it is durable, after everything that was asked for before.
    pub fn save_vote(&self, group: GroupId, vote: Bytes, synced: Synced) {
        let mut state = self.state();
        if let Some(error) = state.failed.clone() {
            drop(state);
            synced(Err(error));
            return;
        }
        state.group(group).set_meta(MetaRow::Vote, vote.clone());
        self.queue(state, Op::Meta { group, row: MetaRow::Vote, bytes: vote, synced: Some(synced) });
    }

    /// Returns the vote saved last.
    pub fn read_vote(&self, group: GroupId) -> Option<Bytes> {
        self.state().group(group).meta(MetaRow::Vote)
    }

    /// Saves what is known to be committed. It becomes durable with the next round that is due for another reason, and
    /// with [`sync_all`](LogStore::sync_all).
    pub fn save_committed(&self, group: GroupId, committed: Bytes) {
        self.state().group(group).set_meta(MetaRow::Committed, committed);
    }

    /// Returns what was saved last as committed.
    pub fn read_committed(&self, group: GroupId) -> Option<Bytes> {
        self.state().group(group).meta(MetaRow::Committed)
    }

    /// Returns what was saved last as purged.
    pub fn read_purged(&self, group: GroupId) -> Option<Bytes> {
        self.state().group(group).meta(MetaRow::Purged)
    }

    /// Tells `listener` of every failure of the disk, whoever meets it. Only the first listener counts.
    pub fn on_fault(&self, listener: FaultListener) {
        self.shared.engine.on_fault(listener);
    }

    /// Saves the node's record of the cluster's time, to be durable with the next round.
    pub fn save_time(&self, record: Bytes) {
        let mut state = self.state();
        if state.failed.is_some() {
            return;
        }
        let (group, row) = (GroupId::CONTROL, MetaRow::Time);
        state.group(group).set_meta(row, record.clone());
        self.queue(state, Op::Meta { group, row, bytes: record, synced: None });
    }

    /// Returns the record of the cluster's time that was saved last.
    pub fn read_time(&self) -> Option<Bytes> {
        self.state().group(GroupId::CONTROL).meta(MetaRow::Time)
    }

    /// Returns why nothing more is taken, after an error of a round.
    pub fn failure(&self) -> Option<EngineError> {
        self.state().failed.clone()
    }

    /// Sets what is called when work arrives that waits for a round. It is called at once when some waits already.
    pub fn set_waker(&self, waker: Box<dyn Fn() + Send + Sync>) {
        *self.shared.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::from(waker));
        if !self.state().queue.is_empty() {
            self.wake();
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self, mut state: MutexGuard<'_, State>, op: Op) {
        let first = state.queue.push(op);
        drop(state);
        if first {
            self.wake();
        }
    }

    fn queue_purge(&self, mut state: MutexGuard<'_, State>, group: GroupId, index: u64) {
        let log = state.group(group);
        let to = index.saturating_add(1);
        let Some(from) = log.first().filter(|first| *first < to) else { return };
        log.purge(to);
        let marks_to = log.marks.purge(to);
        self.queue(state, Op::Purge { group, from, to, marks_to });
    }

    fn wake(&self) {
        let waker = self.shared.waker.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(waker) = waker {
            waker();
        }
    }
}

impl State {
    pub fn group(&mut self, group: GroupId) -> &mut GroupLog {
        self.groups.entry(group).or_default()
    }

    /// Returns why these records can't be appended, whatever room there is.
    fn refuses(&mut self, group: GroupId, records: &[LogRecord]) -> Option<EngineError> {
        if let Some(error) = &self.failed {
            return Some(error.clone());
        }
        let expected = self.group(group).expects().or(records.first().map(|record| record.index))?;
        let (due, wrong) = (expected..).zip(records).find(|(index, record)| *index != record.index)?;
        let detail = format!("record {} of group {group} was appended where {due} is due", wrong.index);
        Some(EngineError::Refused { store: NAME.to_owned(), detail })
    }
}
