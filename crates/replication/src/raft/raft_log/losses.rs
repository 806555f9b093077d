//! What a log must not have lost: looked at when it is opened, against the state, and when a leader wants its end
//! forgotten, against what is known to be committed.

use std::io;

use store::StoreError;

use super::GroupLog;
use crate::raft::codec;
use crate::raft::type_config::LogId;

impl GroupLog {
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
    pub(super) fn may_truncate_from(&self, from: u64) -> Result<(), io::Error> {
        let committed = self.store.read_committed(self.group);
        let committed = committed.map(|bytes| codec::decode_log_id(&bytes).map_err(super::invalid)).transpose()?;
        let committed = codec::index_of(committed.as_ref());
        if from > committed || committed == 0 {
            return Ok(());
        }
        let group = self.group;
        let detail = format!(
            "the leader of group {group} lacks entry {committed}, which this replica knows to be committed: a majority \
             lost what it acknowledged. Don't remove this node's data: stop all nodes and restore the cluster from \
             this one or from a backup"
        );
        self.shared.fatal.report(detail.clone());
        Err(io::Error::other(detail))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::id::GroupId;
    use openraft::entry::RaftEntry as _;
    use openraft::storage::RaftLogStorage as _;
    use openraft::vote::RaftLeaderId as _;
    use store::{LogRecord, LogStore, MemoryEngine};
    use tokio::sync::Notify;

    use super::*;
    use crate::node::fatal::Fatal;
    use crate::raft::type_config::{Entry, LeaderId};

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
