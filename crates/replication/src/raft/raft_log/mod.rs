//! One group's log as openraft sees it, over the node's log store. What is appended counts when a round of the store
//! has synced it; how far that got is watched by the state machine, which applies nothing before. What was synced and is
//! gone is found out in `losses`.

mod losses;

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::Stream;
use model::id::GroupId;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};
use store::{EngineError, LogFull, LogRecord, LogStore, Synced};
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
