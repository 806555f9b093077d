//! Logs: what is read, what survives, and when callbacks run.

mod against_model;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use model::id::GroupId;
use model::time::Timestamp;
use store::log::{LOG_QUEUE_BYTES_MAX, LOG_QUEUE_RECORDS_MAX, LOG_WINDOW_BYTES_MAX};
use store::memory::MemoryOperation;
use store::{Engine, EngineError, LogRecord, LogStore, Retention, Synced, spawn_sync_thread};

const GROUP: GroupId = GroupId(1);

fn record(index: u64, len: usize) -> LogRecord {
    LogRecord { index, bytes: Bytes::from(vec![index as u8; len]) }
}

fn ignore() -> Synced {
    Box::new(|_| ())
}

#[test]
fn records_are_read_before_and_after_they_leave_memory() {
    let (_, engine) = crate::common::memory();
    let log = LogStore::open(engine).unwrap();
    for index in 0..40 {
        log.append(GROUP, vec![record(index, 100_000)], ignore()).unwrap();
        if index % 7 == 0 {
            log.sync_pending().unwrap();
        }
        let read = log.read(GROUP, 0..u64::MAX, usize::MAX).unwrap();
        assert_eq!(read.len() as u64, index + 1);
        assert!(read.iter().all(|(index, bytes)| bytes[..] == record(*index, 100_000).bytes[..]));
    }
    let some = log.read(GROUP, 0..u64::MAX, 350_000).unwrap();
    assert_eq!(some.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(log.synced_index(GROUP), Some(35));
    assert_eq!(log.size_bytes(GROUP), 4_000_000);
}

#[test]
fn truncating_during_a_round_does_not_count_later_records_as_synced() {
    let (memory, engine) = crate::common::memory();
    let log = LogStore::open(engine).unwrap();
    log.append(GROUP, (0..10).map(|index| record(index, 1)).collect(), ignore()).unwrap();
    let during = log.clone();
    let mut once = true;
    memory.set_fault(move |operation| {
        if operation == MemoryOperation::Sync && std::mem::take(&mut once) {
            during.truncate_after(GROUP, 4);
            during.append(GROUP, vec![record(5, 2), record(6, 2)], ignore()).unwrap();
        }
        None
    });
    log.sync_pending().unwrap();
    assert_eq!(log.synced_index(GROUP), Some(4));
    log.sync_pending().unwrap();
    assert_eq!(log.synced_index(GROUP), Some(6));
}

#[test]
fn records_that_arrive_during_a_round_stay_in_memory_until_their_own() {
    let (memory, engine) = crate::common::memory();
    let log = LogStore::open(engine).unwrap();
    log.append(GROUP, vec![record(0, 1)], ignore()).unwrap();
    let during = log.clone();
    memory.set_fault(move |operation| {
        let more = operation == MemoryOperation::Sync && during.last(GROUP) == Some(0);
        if more {
            let records = (1..5).map(|index| record(index, LOG_WINDOW_BYTES_MAX)).collect();
            during.append(GROUP, records, ignore()).unwrap();
        }
        None
    });
    for synced in [Some(0), Some(4)] {
        log.sync_pending().unwrap();
        assert_eq!(log.synced_index(GROUP), synced);
        assert_eq!(log.read(GROUP, 0..u64::MAX, usize::MAX).unwrap().len(), 5);
    }
}

#[test]
fn a_full_queue_hands_back_and_takes_again_after_a_round() {
    let (_, engine) = crate::common::memory();
    let log = LogStore::open(engine).unwrap();
    let half = LOG_QUEUE_BYTES_MAX / 2 + 1;
    log.append(GROUP, vec![record(0, half)], ignore()).unwrap();
    let full = log.append(GROUP, vec![record(1, half)], ignore()).unwrap_err();
    assert_eq!((full.queued_bytes, full.queued_records), (half, 1));
    assert_eq!(log.last(GROUP), Some(0));
    log.sync_pending().unwrap();
    log.append(GROUP, full.records, full.synced).unwrap();
    assert_eq!(log.last(GROUP), Some(1));
    log.sync_pending().unwrap();
    let many = (0..=LOG_QUEUE_RECORDS_MAX as u64).map(|index| record(index, 0)).collect();
    log.append(GroupId(2), many, ignore()).unwrap();
    assert!(log.append(GroupId(3), vec![record(0, 0)], ignore()).is_err());
}

#[test]
fn a_failed_sync_is_told_to_everybody_and_ends_the_log() {
    let (memory, engine) = crate::common::memory();
    let log = LogStore::open(engine).unwrap();
    let error = EngineError::Io { store: "here".to_owned(), detail: "told to".to_owned() };
    let told: Arc<Mutex<Vec<Result<(), EngineError>>>> = Arc::default();
    let tell = || -> Synced {
        let told = Arc::clone(&told);
        Box::new(move |result| told.lock().unwrap().push(result))
    };
    log.append(GROUP, vec![record(0, 1)], tell()).unwrap();
    log.save_vote(GROUP, Bytes::new(), tell());
    memory.fail_next(MemoryOperation::Sync, error.clone());
    assert_eq!(log.sync_pending(), Err(error.clone()));
    log.append(GROUP, vec![record(1, 1)], tell()).unwrap();
    log.save_vote(GROUP, Bytes::new(), tell());
    assert_eq!(*told.lock().unwrap(), vec![Err(error.clone()); 4]);
    assert_eq!(log.sync_pending(), Err(error.clone()));
    assert_eq!(log.failure(), Some(error));
}

#[test]
fn a_record_out_of_turn_is_refused() {
    let (_, engine) = crate::common::memory();
    let log = LogStore::open(engine).unwrap();
    log.append(GROUP, vec![record(4, 1)], ignore()).unwrap();
    let (sender, answers) = mpsc::channel();
    for index in [4, 6] {
        let sender = sender.clone();
        log.append(GROUP, vec![record(index, 1)], Box::new(move |result| sender.send(result).unwrap())).unwrap();
        assert!(matches!(answers.try_recv(), Ok(Err(EngineError::Refused { .. }))));
    }
    assert_eq!(log.last(GROUP), Some(4));
}

#[test]
fn a_missing_record_is_an_error() {
    let (memory, engine) = crate::common::memory();
    let log = LogStore::open(engine).unwrap();
    log.append(GROUP, (0..5).map(|index| record(index, 1)).collect(), ignore()).unwrap();
    log.sync_pending().unwrap();
    let mut batch = store::Batch::new();
    batch.delete([&[0, 1, 1][..], &2_u64.to_be_bytes()].concat());
    memory.write(&batch).unwrap();
    let log = LogStore::open(Arc::new(memory)).unwrap();
    assert!(matches!(log.read(GROUP, 0..9, usize::MAX), Err(EngineError::Corrupt { .. })));
    assert!(matches!(log.read(GROUP, 2..9, usize::MAX), Err(EngineError::Corrupt { .. })));
    assert_eq!(log.read(GROUP, 3..9, usize::MAX).unwrap().len(), 2);
}

#[test]
fn what_may_be_purged_is_old_and_flushed() {
    let (memory, engine) = crate::common::memory();
    let log = LogStore::open(engine).unwrap();
    let minute = |minute: u64| Timestamp(1_700_000_000_000 + 60_000 * minute);
    for index in 0..60 {
        log.mark_time(minute(index));
        log.append(GROUP, vec![record(index, 10)], ignore()).unwrap();
    }
    log.sync_pending().unwrap();
    let keep = Retention::default();
    assert_eq!(log.purgeable(GROUP, 59, keep), Some(28));
    assert_eq!(log.purgeable(GROUP, 9, keep), Some(9));
    assert_eq!(log.purgeable(GROUP, 59, Retention { bytes: 50, ..keep }), Some(54));
    log.purge(GROUP, 28, Bytes::new());
    log.sync_pending().unwrap();
    assert_eq!(log.purgeable(GROUP, 59, keep), None);
    let reopened = LogStore::open(Arc::new(memory)).unwrap();
    reopened.mark_time(minute(70));
    assert_eq!(reopened.purgeable(GROUP, 59, keep), Some(39));
    assert_eq!(reopened.first_index(GROUP), Some(29));
}

#[test]
fn the_waker_is_called_once_for_what_a_round_will_take() {
    let (_, engine) = crate::common::memory();
    let log = LogStore::open(engine).unwrap();
    let wakes = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&wakes);
    log.set_waker(Box::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    }));
    log.save_committed(GROUP, Bytes::new());
    assert_eq!(wakes.load(Ordering::SeqCst), 0);
    log.append(GROUP, vec![record(0, 1)], ignore()).unwrap();
    log.purge(GROUP, 0, Bytes::new());
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
    log.sync_pending().unwrap();
    log.append(GROUP, vec![record(1, 1)], ignore()).unwrap();
    assert_eq!(wakes.load(Ordering::SeqCst), 2);
}

#[test]
fn the_thread_syncs_what_many_append() {
    let (directory, engines) = crate::common::rocks();
    let log = LogStore::open(engines.log).unwrap();
    let thread = spawn_sync_thread(log.clone(), "log-sync").unwrap();
    let (sender, answers) = mpsc::channel();
    for index in 0..200_u64 {
        for group in 0..5 {
            let sender = sender.clone();
            let synced: Synced = Box::new(move |result| sender.send(result).unwrap());
            log.append(GroupId(group), vec![record(index, 300)], synced).unwrap();
        }
    }
    for _ in 0..1_000 {
        answers.recv_timeout(Duration::from_secs(20)).unwrap().unwrap();
    }
    assert_eq!(log.synced_index(GroupId(4)), Some(199));
    log.save_committed(GROUP, Bytes::from_static(b"c"));
    thread.shutdown().unwrap();
    drop((log, engines.state));
    let log = LogStore::open(crate::common::open(directory.path()).log).unwrap();
    assert_eq!(log.read(GroupId(3), 0..u64::MAX, usize::MAX).unwrap().len(), 200);
    assert_eq!(log.read_committed(GROUP), Some(Bytes::from_static(b"c")));
}
