//! One group's log as openraft sees it, over the node's log store. What is appended counts when a round of the store
//! has synced it; how far that got is watched by the state machine, which applies nothing before.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::Stream;
use model::id::GroupId;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};
use store::{EngineError, LogFull, LogRecord, LogStore, StoreError, Synced};
use tokio::sync::{Notify, oneshot, watch};

use crate::members::part::Part;
use crate::node::fatal::Fatal;
use crate::raft::codec;
use crate::raft::type_config::{Entry, LogId, TypeConfig, Vote};

/// The most bytes of entries in one message to a follower; one entry is always allowed.
const REPLICATION_BYTES_MAX: usize = 1024 * 1024;
/// The most bytes of entries that are read at once in order to be applied.
const APPLY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One group's log. Clones are the same log.
#[derive(Clone)]
pub(crate) struct GroupLog {
    group: GroupId,
    store: LogStore,
    shared: Arc<Shared>,
}

struct Shared {
    fatal: Fatal,
    /// The term of which an entry must be applied before this node votes; held while a vote is handed to the store, so
    /// that none is overwritten by an older one.
    barred: Mutex<Option<u64>>,
    /// The index after the last synced entry that this process appended or found.
    synced_next: watch::Sender<u64>,
    /// Told when a round ended, for whoever found the log full.
    room: Arc<Notify>,
}

impl GroupLog {
    /// Opens a group's log. `room` is shared by all groups of a node.
    pub(crate) fn new(group: GroupId, store: LogStore, room: Arc<Notify>, fatal: Fatal) -> GroupLog {
        let synced_next = store.synced_index(group).map_or(0, |index| index + 1);
        let barred =
            store.read_vote(group).and_then(|bytes| codec::decode_vote(&bytes).ok()).and_then(|vote| vote.barred);
        let barred = Mutex::new(barred);
        let shared = Shared { fatal, barred, synced_next: watch::Sender::new(synced_next), room };
        GroupLog { group, store, shared: Arc::new(shared) }
    }

    /// Returns the synced end of the log, to be watched: the index after the last synced entry.
    pub(crate) fn synced(&self) -> watch::Receiver<u64> {
        self.shared.synced_next.subscribe()
    }

    /// Says whether this node takes part in the group, by what is stored.
    pub(crate) fn part(&self) -> Result<Part, codec::CodecError> {
        let Some(bytes) = self.store.read_vote(self.group) else {
            return Ok(if self.is_pristine() { Part::Asking } else { Part::Full });
        };
        let stored = codec::decode_vote(&bytes)?;
        Ok(stored.barred.map_or(Part::Full, |_| Part::Barred { least: stored.vote }))
    }

    /// Bars this node from voting until an entry of the term is applied, or ends that. Stored with the present vote,
    /// and with every later one.
    pub(crate) fn set_barred(&self, term: Option<u64>) {
        let mut barred = self.lock_barred();
        *barred = term;
        let stored = self.store.read_vote(self.group).map(|bytes| codec::decode_vote(&bytes));
        if let Some(Ok(stored)) = stored {
            let again = codec::StoredVote { vote: stored.vote, barred: term };
            // Nobody waits: what is stored until then is stricter, or as old as the vote that comes with it.
            self.store.save_vote(self.group, codec::encode_vote(&again), Box::new(|_| {}));
        }
    }

    fn lock_barred(&self) -> MutexGuard<'_, Option<u64>> {
        self.shared.barred.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true when nothing was ever stored for the group.
    pub(crate) fn is_pristine(&self) -> bool {
        self.store.last(self.group).is_none() && self.store.read_vote(self.group).is_none()
    }

    /// Makes the log begin after the last entry that the state holds, when a snapshot was put in place and a crash came
    /// before the log was purged: what such a log holds at that index and after it was never committed, and what is
    /// before it is in the state. `installed` is the last entry of the last snapshot that was put in place.
    ///
    /// # Errors
    /// When nothing explains that the log lacks what is applied, or the state what is purged: something that was
    /// durable is gone.
    pub(crate) fn continue_after(&self, applied: Option<LogId>, installed: Option<LogId>) -> Result<(), StoreError> {
        let contradiction = |detail: String| StoreError::Contradiction { group: self.group, detail };
        let unreadable = |error: io::Error| contradiction(error.to_string());
        let purged = self.last_purged().map_err(unreadable)?;
        if purged > applied {
            let (purged, applied) = (codec::index_of(purged.as_ref()), codec::index_of(applied.as_ref()));
            return Err(contradiction(format!("entry {purged} is purged, and {applied} the last one applied")));
        }
        let Some(applied) = applied.filter(|applied| purged < Some(*applied)) else { return Ok(()) };
        let there = self.entries(applied.index, applied.index + 1, usize::MAX).map_err(unreadable)?;
        if there.first().is_some_and(|entry| entry.log_id == applied) {
            return Ok(());
        }
        if installed != Some(applied) {
            return Err(contradiction(format!("entry {applied} is applied, and the log doesn't hold it")));
        }
        tracing::info!(group = self.group.0, index = applied.index, "log continues after an installed snapshot");
        self.store.truncate_from(self.group, applied.index);
        self.store.purge(self.group, applied.index, codec::encode_log_id(&applied));
        self.publish_synced();
        Ok(())
    }

    /// Refuses to forget what is known to be committed: a leader that asks for that was elected without it, so that a
    /// majority has lost what it acknowledged. This replica is the one that still has it.
    fn may_truncate_from(&self, from: u64) -> Result<(), io::Error> {
        let committed = self.store.read_committed(self.group);
        let committed = committed.map(|bytes| codec::decode_log_id(&bytes).map_err(invalid)).transpose()?;
        let committed = codec::index_of(committed.as_ref());
        if from > committed || committed == 0 {
            return Ok(());
        }
        let group = self.group;
        let detail = format!(
            "the leader of group {group} lacks entry {committed}, which this replica knows to be committed: a majority \
             lost what it acknowledged. Don't remove this node's data: stop all nodes and restore the cluster from this \
             one or from a backup"
        );
        self.shared.fatal.report(detail.clone());
        Err(io::Error::other(detail))
    }

    /// Appends and returns when the entries are queued; waits while the store has no room.
    async fn append_when_room(&self, mut records: Vec<LogRecord>, mut synced: Synced) {
        loop {
            let room = self.shared.room.notified();
            tokio::pin!(room);
            // Registered before the attempt, so that a round that ends in between is not missed.
            room.as_mut().enable();
            match self.store.append(self.group, records, synced) {
                Ok(()) => return,
                Err(LogFull { records: back, synced: again, queued_bytes, .. }) => {
                    tracing::debug!(group = self.group.0, queued_bytes, "log append waiting for the disk");
                    metrics::counter!("signalbox_log_full_total").increment(1);
                    (records, synced) = (back, again);
                    room.await;
                }
            }
        }
    }

    /// Tells watchers how far the log is synced. The store knows best: what was synced may be truncated since.
    fn publish_synced(&self) {
        let synced_next = self.store.synced_index(self.group).map_or(0, |index| index + 1);
        self.shared.synced_next.send_if_modified(|known| std::mem::replace(known, synced_next) != synced_next);
    }

    /// Reads entries; fewer than asked for only at the end of the log or when `bytes_max` is reached.
    fn entries(&self, from: u64, to: u64, bytes_max: usize) -> Result<Vec<Entry>, io::Error> {
        let records = self.store.read(self.group, from..to, bytes_max).map_err(engine_error)?;
        records.into_iter().map(|(index, bytes)| codec::decode_record(index, bytes).map_err(invalid)).collect()
    }

    fn last_purged(&self) -> Result<Option<LogId>, io::Error> {
        let purged = self.store.read_purged(self.group);
        purged.map(|bytes| codec::decode_log_id(&bytes).map_err(invalid)).transpose()
    }

    fn last_log_id(&self) -> Result<Option<LogId>, io::Error> {
        match self.store.last(self.group) {
            None => self.last_purged(),
            Some(last) => {
                let entries = self.entries(last, last + 1, usize::MAX)?;
                Ok(entries.first().map(|entry| entry.log_id))
            }
        }
    }
}

/// Turns an error of the store into openraft's kind; its text names file and remedy.
pub(crate) fn engine_error(error: EngineError) -> io::Error {
    io::Error::other(error)
}

fn invalid(error: codec::CodecError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl RaftLogReader<TypeConfig> for GroupLog {
    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (mut from, to) = bounds(&range);
        let log = self.clone();
        Box::pin(async_stream::try_stream! {
            while from < to {
                let entries = log.entries(from, to, APPLY_BYTES_MAX)?;
                if entries.is_empty() {
                    return;
                }
                from += entries.len() as u64;
                for entry in entries {
                    yield entry;
                }
            }
        })
    }

    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let (from, to) = bounds(&range);
        self.entries(from, to, usize::MAX)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        self.entries(start, end, REPLICATION_BYTES_MAX)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        let vote = self.store.read_vote(self.group);
        vote.map(|bytes| codec::decode_vote(&bytes).map(|stored| stored.vote).map_err(invalid)).transpose()
    }
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(before) => before + 1,
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(last) => last + 1,
        Bound::Excluded(to) => *to,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}

impl RaftLogStorage<TypeConfig> for GroupLog {
    type LogReader = GroupLog;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        Ok(LogState { last_purged_log_id: self.last_purged()?, last_log_id: self.last_log_id()? })
    }

    async fn get_log_reader(&mut self) -> GroupLog {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let (done, synced) = oneshot::channel();
        let callback: Synced = Box::new(move |result| {
            // Nobody waits any more only when the group stops.
            let _ = done.send(result);
        });
        {
            let barred = self.lock_barred();
            let stored = codec::StoredVote { vote: *vote, barred: *barred };
            self.store.save_vote(self.group, codec::encode_vote(&stored), callback);
        }
        let stopped = |_| io::Error::other("the log stopped before the vote was synced");
        synced.await.map_err(stopped)?.map_err(engine_error)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        if let Some(committed) = committed {
            self.store.save_committed(self.group, codec::encode_log_id(&committed));
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        let committed = self.store.read_committed(self.group);
        committed.map(|bytes| codec::decode_log_id(&bytes).map_err(invalid)).transpose()
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let records: Vec<LogRecord> = entries
            .into_iter()
            .map(|entry| LogRecord { index: entry.log_id.index, bytes: codec::encode_record(&entry) })
            .collect();
        let log = self.clone();
        let synced: Synced = Box::new(move |result| {
            match &result {
                Ok(()) => log.publish_synced(),
                Err(error) => log.shared.fatal.report(error.to_string()),
            }
            log.shared.room.notify_waiters();
            callback.io_completed(result.map_err(engine_error));
        });
        self.append_when_room(records, synced).await;
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        let from = last_log_id.map_or(0, |log_id| log_id.index + 1);
        self.may_truncate_from(from)?;
        self.store.truncate_from(self.group, from);
        self.publish_synced();
        Ok(())
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        self.store.purge(self.group, log_id.index, codec::encode_log_id(&log_id));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use openraft::entry::RaftEntry as _;
    use openraft::vote::RaftLeaderId as _;
    use store::MemoryEngine;

    use super::*;
    use crate::raft::type_config::LeaderId;

    const GROUP: GroupId = GroupId(1);

    fn id(term: u64, index: u64) -> LogId {
        LogId::new(LeaderId::new(term, 1), index)
    }

    /// Opens a log of entries of these terms, from index 0 on.
    fn log(terms: &[u64]) -> GroupLog {
        let store = LogStore::open(Arc::new(MemoryEngine::new())).unwrap();
        let record = |(index, term): (u64, &u64)| {
            let entry = Entry::new_blank(id(*term, index));
            LogRecord { index, bytes: codec::encode_record(&entry) }
        };
        let records = (0..).zip(terms).map(record).collect();
        assert!(store.append(GROUP, records, Box::new(|result| result.unwrap())).is_ok());
        store.sync_pending().unwrap();
        GroupLog::new(GROUP, store, Arc::new(Notify::new()), Fatal::new())
    }

    /// A snapshot up to an entry is in place, and a crash came before the log took note of it.
    #[test]
    fn a_log_goes_on_after_what_the_state_holds() {
        let cases = [
            ("nothing is applied", None, Some(id(1, 2)), None),
            ("the log holds the entry and more", Some(id(1, 1)), Some(id(1, 2)), None),
            ("the log ends before", Some(id(2, 7)), Some(id(2, 7)), Some(id(2, 7))),
            ("another entry is in its place", Some(id(2, 1)), Some(id(2, 1)), Some(id(2, 1))),
        ];
        for (what, applied, last, purged) in cases {
            let log = log(&[1, 1, 1]);
            for _again in 0..2 {
                log.continue_after(applied, applied).unwrap();
                assert_eq!((log.last_log_id().unwrap(), log.last_purged().unwrap()), (last, purged), "{what}");
                log.store.sync_pending().unwrap();
            }
        }
    }

    #[test]
    fn a_tail_of_a_later_term_before_the_applied_entry_is_forgotten() {
        let log = log(&[1, 3]);
        log.continue_after(Some(id(2, 5)), Some(id(2, 5))).unwrap();
        assert_eq!(log.last_log_id().unwrap(), Some(id(2, 5)));
    }

    #[test]
    fn what_no_snapshot_explains_is_a_contradiction() {
        for (applied, installed) in
            [(id(1, 7), None), (id(2, 7), Some(id(2, 5))), (id(2, 1), None), (id(2, 1), Some(id(1, 1)))]
        {
            let log = log(&[1, 1, 1]);
            let refused = log.continue_after(Some(applied), installed).unwrap_err();
            assert!(matches!(refused, StoreError::Contradiction { .. }), "{refused}");
            assert_eq!(log.last_log_id().unwrap(), Some(id(1, 2)), "nothing was changed");
        }
        let log = log(&[1, 1, 1]);
        log.store.purge(GROUP, 2, codec::encode_log_id(&id(1, 2)));
        assert!(log.continue_after(Some(id(1, 1)), None).is_err(), "the state lacks what is purged");
        assert!(log.continue_after(None, None).is_err(), "the state is gone");
        log.continue_after(Some(id(1, 2)), None).unwrap();
    }

    #[tokio::test]
    async fn what_is_committed_is_never_forgotten() {
        let mut log = log(&[1, 1, 1]);
        log.save_committed(Some(id(1, 1))).await.unwrap();
        log.truncate_after(Some(id(1, 1))).await.unwrap();
        assert_eq!(log.last_log_id().unwrap(), Some(id(1, 1)));
        assert!(log.truncate_after(Some(id(1, 0))).await.is_err());
        assert!(log.shared.fatal.reason().is_some());
        assert_eq!(log.last_log_id().unwrap(), Some(id(1, 1)));
    }
}
