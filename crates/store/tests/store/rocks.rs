//! What RocksDB's directories survive, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use model::id::GroupId;
use store::{Batch, Engine, EngineError, LogRecord, LogStore, Range, RocksConfig, RocksEngines, StoreError};

use crate::common::copy;

const GROUP: GroupId = GroupId(1);
const RECORD_BYTES: usize = 1_000;

/// Writes `count` synced records, one sync each, and returns a copy of the directory made while it was open.
fn killed(count: u64) -> tempfile::TempDir {
    let (directory, engines) = crate::common::rocks();
    let log = LogStore::open_checked(engines.log, engines.synced).unwrap();
    for index in 0..count {
        let record = LogRecord { index, bytes: Bytes::from(vec![index as u8; RECORD_BYTES]) };
        log.append(GROUP, vec![record], Box::new(|result| result.unwrap())).unwrap();
        log.sync_pending().unwrap();
    }
    let left = tempfile::tempdir().unwrap();
    copy(directory.path(), left.path());
    left
}

/// Returns the only write-ahead file of the log.
fn write_ahead_file(directory: &Path) -> PathBuf {
    let files: Vec<PathBuf> = fs::read_dir(directory.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .filter(|path| fs::metadata(path).unwrap().len() > 0)
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().unwrap()
}

fn try_open(directory: &Path) -> Result<LogStore, StoreError> {
    let engines = RocksEngines::open(RocksConfig::small(directory))?;
    LogStore::open_checked(engines.log, engines.synced)
}

#[test]
fn a_killed_process_loses_nothing_synced() {
    let left = killed(20);
    let log = try_open(left.path()).unwrap();
    assert_eq!(log.last(GROUP), Some(19));
    assert_eq!(log.read(GROUP, 0..u64::MAX, usize::MAX).unwrap().len(), 20);
}

/// What was never synced was never acknowledged.
#[test]
fn a_torn_end_is_forgotten() {
    for torn in [1, 7, 500] {
        let left = killed(20);
        let file = write_ahead_file(left.path());
        fs::remove_file(left.path().join("log.synced")).unwrap();
        let len = fs::metadata(&file).unwrap().len();
        fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(len - torn).unwrap();
        let log = try_open(left.path()).unwrap();
        assert_eq!(log.last(GROUP), Some(18), "{torn}");
    }
}

#[test]
fn a_synced_end_that_is_gone_is_refused() {
    for share in [1, 3, 10] {
        let left = killed(20);
        let file = write_ahead_file(left.path());
        let len = fs::metadata(&file).unwrap().len();
        fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(len - len / share).unwrap();
        let refused = try_open(left.path()).err().expect("a log without its end");
        assert!(matches!(refused, StoreError::LostTail { noted: 20, found: 0..20 }), "{refused}");
        assert!(refused.to_string().contains("signalbox cluster rejoin"), "{refused}");
    }
}

#[test]
fn a_log_that_is_gone_beside_its_state_is_refused() {
    let left = killed(3);
    fs::remove_dir_all(left.path().join("log")).unwrap();
    let refused = try_open(left.path()).err().expect("no log");
    assert!(matches!(refused, StoreError::LostTail { noted: 3, found: 0 }), "{refused}");
}

#[test]
fn a_changed_byte_in_the_middle_is_refused_by_name() {
    let left = killed(20);
    let file = write_ahead_file(left.path());
    let mut bytes = fs::read(&file).unwrap();
    bytes[5 * RECORD_BYTES] ^= 1;
    fs::write(&file, bytes).unwrap();
    let error = try_open(left.path()).err().expect("a changed record is refused");
    assert!(matches!(error, StoreError::Engine(EngineError::Corrupt { .. })), "{error}");
    let text = error.to_string();
    assert!(text.contains(&*left.path().join("log").to_string_lossy()), "{text}");
    assert!(text.contains(&*file.file_name().unwrap().to_string_lossy()), "{text}");
    assert!(text.contains("signalbox cluster rejoin"), "{text}");
}

#[test]
fn a_changed_byte_in_a_table_is_refused_by_name() {
    let (directory, engines) = crate::common::rocks();
    let mut batch = Batch::new();
    for index in 0..1_000_u64 {
        batch.put(index.to_be_bytes(), vec![index as u8; 100]);
    }
    engines.state.write(&batch).unwrap();
    engines.state.sync().unwrap();
    drop(engines);
    let file = fs::read_dir(directory.path().join("state"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .unwrap();
    let mut bytes = fs::read(&file).unwrap();
    bytes[100] ^= 1;
    fs::write(&file, bytes).unwrap();
    let engines = crate::common::open(directory.path());
    let all = Range { from: &[], to: &[255], limit: usize::MAX, bytes_max: usize::MAX };
    let error = engines.state.scan(all).unwrap_err();
    assert!(matches!(error, EngineError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains(&*file.file_name().unwrap().to_string_lossy()), "{error}");
}

#[test]
fn the_state_survives_as_of_its_last_flush() {
    let (directory, engines) = crate::common::rocks();
    let put = |key: &[u8]| {
        let mut batch = Batch::new();
        batch.put(key, Bytes::new());
        engines.state.write(&batch).unwrap();
    };
    put(b"a");
    engines.state.sync().unwrap();
    put(b"b");
    let left = tempfile::tempdir().unwrap();
    copy(directory.path(), left.path());
    let found = crate::common::open(left.path()).state;
    assert_eq!(found.get(b"a").unwrap(), Some(Vec::new()));
    assert_eq!(found.get(b"b").unwrap(), None);
}

#[test]
fn a_view_outlives_its_engine_and_keeps_its_moment() {
    let (_directory, engines) = crate::common::rocks();
    let state: Arc<dyn Engine> = engines.state;
    let mut batch = Batch::new();
    batch.put(b"a", b"1".to_vec());
    state.write(&batch).unwrap();
    let view = state.view();
    let mut batch = Batch::new();
    batch.delete_range(b"a", b"b");
    state.write(&batch).unwrap();
    assert_eq!(state.get(b"a").unwrap(), None);
    drop(state);
    assert_eq!(view.get(b"a").unwrap(), Some(b"1".to_vec()));
    assert_eq!(view.last(b"", b"z").unwrap(), Some((b"a".to_vec(), b"1".to_vec())));
}

#[test]
fn staged_rows_appear_at_one_stroke_over_older_ones() {
    let (_directory, engines) = crate::common::rocks();
    let mut batch = Batch::new();
    batch.put(b"b", b"old".to_vec());
    engines.state.write(&batch).unwrap();
    let mut staging = engines.state.stage().unwrap();
    for key in [b"a", b"b", b"c"] {
        staging.put(key, b"new").unwrap();
    }
    assert_eq!(engines.state.get(b"b").unwrap(), Some(b"old".to_vec()));
    assert!(staging.put(b"a", b"late").is_err());
    drop(staging);
    let mut staging = engines.state.stage().unwrap();
    staging.put(b"b", b"new").unwrap();
    let parts = staging.seal().unwrap();
    assert_eq!(engines.state.get(b"b").unwrap(), Some(b"old".to_vec()));
    engines.state.ingest(&parts).unwrap();
    assert_eq!(engines.state.get(b"b").unwrap(), Some(b"new".to_vec()));
    assert_eq!(engines.state.get(b"c").unwrap(), None);
}

#[test]
fn sealed_rows_outlive_the_process_until_they_are_discarded() {
    let (directory, engines) = crate::common::rocks();
    let staged = |key: &[u8]| {
        let mut staging = engines.state.stage().unwrap();
        staging.put(key, b"new").unwrap();
        staging.seal().unwrap()
    };
    let (parts, others) = (staged(b"a"), staged(b"b"));
    let left = tempfile::tempdir().unwrap();
    copy(directory.path(), left.path());
    let found = crate::common::open(left.path()).state;
    found.ingest(&parts).unwrap();
    assert_eq!(found.get(b"a").unwrap(), Some(b"new".to_vec()));
    found.discard_staged().unwrap();
    let error = found.ingest(&others).unwrap_err();
    assert!(error.to_string().contains(&others[0]), "{error}");
}

#[test]
fn a_directory_in_use_is_waited_for_and_then_refused() {
    let (directory, engines) = crate::common::rocks();
    let error = RocksEngines::open(RocksConfig::small(directory.path())).err().expect("the directory is in use");
    assert!(matches!(&error, StoreError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("stop it first"));
    let path = directory.path().to_owned();
    let opening = std::thread::spawn(move || RocksEngines::open(RocksConfig::small(path)).map(|_| ()));
    drop(engines);
    assert_eq!(opening.join().unwrap(), Ok(()));
}

#[test]
fn what_is_no_directory_is_refused_by_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = RocksEngines::open(RocksConfig::small(file.path())).err().expect("a file is no directory");
    assert!(matches!(&error, StoreError::Directory { .. }), "{error}");
    assert!(error.to_string().contains(&*file.path().to_string_lossy()));
}

/// Whoever meets damage while reading, the node hears of it.
#[test]
fn a_changed_byte_that_a_read_meets_is_told() {
    let (directory, engines) = crate::common::rocks();
    let mut batch = Batch::new();
    for key in 0..2_000_u16 {
        batch.put(key.to_be_bytes(), Bytes::from(vec![7; 200]));
    }
    engines.state.write(&batch).unwrap();
    engines.state.sync().unwrap();
    drop(engines);
    let is_table = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "sst");
    let files: Vec<PathBuf> = fs::read_dir(directory.path().join("state"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(is_table)
        .collect();
    for file in &files {
        let mut bytes = fs::read(file).unwrap();
        bytes[100..164].iter_mut().for_each(|byte| *byte = !*byte);
        fs::write(file, bytes).unwrap();
    }
    let engines = RocksEngines::open(RocksConfig::small(directory.path())).unwrap();
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = told.clone();
    engines.state.on_fault(Box::new(move |error| heard.lock().unwrap().push(error.clone())));
    let everything = Range { from: &[0], to: &[u8::MAX; 3], limit: usize::MAX, bytes_max: usize::MAX };
    let view = engines.state.view();
    assert!(matches!(engines.state.scan(everything), Err(EngineError::Corrupt { .. })));
    assert!(matches!(view.scan(everything), Err(EngineError::Corrupt { .. })));
    assert!(matches!(view.get(&0_u16.to_be_bytes()), Err(EngineError::Corrupt { .. })));
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 3);
    assert!(told[0].to_string().contains("signalbox cluster rejoin"), "{}", told[0]);
}
