//! Logs against a model: whatever is done, what is read is what should be there, also after a crash.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use model::id::GroupId;
use proptest::prelude::*;
use store::{Engine, LogRecord, LogStore, Synced};

#[derive(Debug, Clone)]
enum Step {
    Append { group: u16, records: u8, bytes: u8 },
    Truncate { group: u16, back: u8 },
    Purge { group: u16, ahead: u8 },
    Vote { group: u16, vote: u8 },
    Committed { group: u16, committed: u8 },
    Sync,
    Crash,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let group = 0..2_u16;
    prop_oneof![
        8 => (group.clone(), 0..5_u8, any::<u8>())
            .prop_map(|(group, records, bytes)| Step::Append { group, records, bytes }),
        2 => (group.clone(), 0..9_u8).prop_map(|(group, back)| Step::Truncate { group, back }),
        2 => (group.clone(), 0..9_u8).prop_map(|(group, ahead)| Step::Purge { group, ahead }),
        1 => (group.clone(), any::<u8>()).prop_map(|(group, vote)| Step::Vote { group, vote }),
        1 => (group, any::<u8>()).prop_map(|(group, committed)| Step::Committed { group, committed }),
        4 => Just(Step::Sync),
        1 => Just(Step::Crash),
        1 => Just(Step::Reopen),
    ]
}

/// What one group's log should be.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    records: BTreeMap<u64, Bytes>,
    vote: Option<Bytes>,
    purged: Option<Bytes>,
    committed: Option<Bytes>,
}

type Models = BTreeMap<u16, Model>;

/// A log, what it should be, and what it should be after a crash.
struct Run {
    engine: Arc<dyn Engine>,
    log: LogStore,
    now: Models,
    synced: Models,
    /// The numbers of the callbacks that ran, and how many were handed in.
    called: Arc<Mutex<Vec<usize>>>,
    handed_in: usize,
    next_byte: u8,
}

impl Run {
    fn new(engine: Arc<dyn Engine>) -> Run {
        let log = LogStore::open(Arc::clone(&engine)).unwrap();
        let (now, synced) = (Models::new(), Models::new());
        Run { engine, log, now, synced, called: Arc::default(), handed_in: 0, next_byte: 0 }
    }

    fn callback(&mut self) -> Synced {
        let (number, called) = (self.handed_in, Arc::clone(&self.called));
        self.handed_in += 1;
        Box::new(move |result| {
            result.unwrap();
            called.lock().unwrap().push(number);
        })
    }

    fn append(&mut self, group: u16, records: u8, bytes: u8) {
        let callback = self.callback();
        let next_byte = &mut self.next_byte;
        let model = self.now.entry(group).or_default();
        let next = self.log.last(GroupId(group)).map_or(5, |last| last + 1);
        let records: Vec<LogRecord> = (next..)
            .take(usize::from(records))
            .map(|index| {
                *next_byte = next_byte.wrapping_add(1);
                LogRecord { index, bytes: Bytes::from(vec![*next_byte; usize::from(bytes)]) }
            })
            .collect();
        model.records.extend(records.iter().map(|record| (record.index, record.bytes.clone())));
        self.log.append(GroupId(group), records, callback).unwrap();
    }

    fn truncate(&mut self, group: u16, back: u8) {
        let Some(last) = self.log.last(GroupId(group)) else { return };
        let index = last.saturating_sub(u64::from(back));
        self.log.truncate_from(GroupId(group), index);
        self.now.entry(group).or_default().records.split_off(&index);
    }

    fn purge(&mut self, group: u16, ahead: u8) {
        let Some(first) = self.log.first_index(GroupId(group)) else { return };
        let index = first + u64::from(ahead);
        let purged = Bytes::copy_from_slice(&index.to_be_bytes());
        self.log.purge(GroupId(group), index, purged.clone());
        let model = self.now.entry(group).or_default();
        model.records = model.records.split_off(&(index + 1));
        model.purged = Some(purged);
    }

    fn vote(&mut self, group: u16, vote: u8) {
        let callback = self.callback();
        let vote = Bytes::from(vec![vote]);
        self.log.save_vote(GroupId(group), vote.clone(), callback);
        self.now.entry(group).or_default().vote = Some(vote);
    }

    fn committed(&mut self, group: u16, committed: u8) {
        let committed = Bytes::from(vec![committed]);
        self.log.save_committed(GroupId(group), committed.clone());
        self.now.entry(group).or_default().committed = Some(committed);
    }

    fn sync(&mut self) {
        let called_before = self.called.lock().unwrap().len();
        let waited = self.handed_in - called_before;
        let count = self.log.sync_pending().unwrap();
        assert!(count >= waited);
        let called = self.called.lock().unwrap().clone();
        assert_eq!(called, (0..self.handed_in).collect::<Vec<_>>(), "callbacks run once, in order, after the sync");
        if count > 0 {
            self.synced = self.now.clone();
        }
    }

    fn reopen(&mut self) {
        self.log = LogStore::open(Arc::clone(&self.engine)).unwrap();
        self.handed_in = self.called.lock().unwrap().len();
        self.now = self.synced.clone();
    }

    fn check(&self) {
        for (group, model) in &self.now {
            let group = GroupId(*group);
            assert_eq!(self.log.first_index(group), model.records.first_key_value().map(|(index, _)| *index));
            assert_eq!(self.log.last(group), model.records.last_key_value().map(|(index, _)| *index));
            assert_eq!(self.log.read_vote(group), model.vote);
            assert_eq!(self.log.read_purged(group), model.purged);
            assert_eq!(self.log.read_committed(group), model.committed);
            let all: Vec<(u64, Bytes)> = model.records.clone().into_iter().collect();
            assert_eq!(self.log.read(group, 0..u64::MAX, usize::MAX).unwrap(), all);
            let (from, to) = (7, 11);
            let some: Vec<_> = all.iter().filter(|(index, _)| (from..to).contains(index)).cloned().collect();
            assert_eq!(self.log.read(group, from..to, usize::MAX).unwrap(), some);
            let one = self.log.read(group, from..to, 1).unwrap();
            assert_eq!(one.first(), some.first());
            assert!(one.iter().skip(1).map(|(_, bytes)| bytes.len()).sum::<usize>() <= 1);
        }
    }
}

fn run(mut run: Run, steps: &[Step], crash: impl Fn()) {
    for step in steps {
        match *step {
            Step::Append { group, records, bytes } => run.append(group, records, bytes),
            Step::Truncate { group, back } => run.truncate(group, back),
            Step::Purge { group, ahead } => run.purge(group, ahead),
            Step::Vote { group, vote } => run.vote(group, vote),
            Step::Committed { group, committed } => run.committed(group, committed),
            Step::Sync => run.sync(),
            Step::Crash => {
                crash();
                run.reopen();
            }
            Step::Reopen => {
                run.sync();
                run.log.sync_all().unwrap();
                run.synced = run.now.clone();
                run.reopen();
            }
        }
        run.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_log_in_memory_is_its_model(steps in proptest::collection::vec(step(), 0..80)) {
        let (memory, engine) = crate::common::memory();
        run(Run::new(engine), &steps, || memory.crash());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Opening the store again without syncing forgets what waited, as the end of a process does.
    #[test]
    fn a_log_in_rocksdb_is_its_model(steps in proptest::collection::vec(step(), 0..120)) {
        let (_directory, engines) = crate::common::rocks();
        run(Run::new(engines.log), &steps, || ());
    }
}
