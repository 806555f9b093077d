//! How fast the log and the states are on this machine, and how much memory they take. Figures for a reader, not a
//! test.
//!
//! `cargo run -p store --example speed -- [DIRECTORY] [SECONDS]`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::id::{AppId, EndpointId, GroupId};
use registry::tables::{ReadRows, UserEndpoints, WriteRows};
use store::{LogRecord, LogStore, RocksConfig, RocksEngines, StateStore, spawn_sync_thread};

/// Groups of the node, each with a writer of its own.
const GROUPS: u16 = 4;
/// Appends of a group that wait for their sync.
const IN_FLIGHT_MAX: usize = 16;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().unwrap_or_else(|| "/tmp/store-speed".to_owned()));
    let seconds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let engines = RocksEngines::open(RocksConfig::small(&directory))?;
    println!("open and idle: {} KiB resident", resident_kib()?);
    append(&engines, 300, Duration::from_secs(seconds))?;
    append(&engines, 100_000, Duration::from_secs(seconds))?;
    apply(&engines, Duration::from_secs(seconds))?;
    println!("after it: {} KiB resident, {} bytes in {}", resident_kib()?, disk(&directory)?, directory.display());
    Ok(())
}

fn append(engines: &RocksEngines, len: usize, time: Duration) -> Result<(), Failure> {
    let log = LogStore::open(Arc::clone(&engines.log))?;
    let thread = spawn_sync_thread(log.clone(), "log-sync")?;
    let (begun, synced) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..GROUPS)
        .map(|group| {
            let writer = Writer { log: log.clone(), group: GroupId(group), len, time, synced: Arc::clone(&synced) };
            std::thread::spawn(move || append_group(&writer))
        })
        .collect();
    for writer in writers {
        writer.join().map_err(|_| "a writer panicked")??;
    }
    let rate = synced.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    println!("log: {rate:.0} synced records/s of {len} bytes in {GROUPS} groups x {IN_FLIGHT_MAX} in flight");
    Ok(thread.shutdown()?)
}

/// What one group's writer appends, for how long, and where it counts.
struct Writer {
    log: LogStore,
    group: GroupId,
    len: usize,
    time: Duration,
    synced: Arc<AtomicU64>,
}

fn append_group(writer: &Writer) -> Result<(), Failure> {
    let Writer { log, group, len, time, synced } = writer;
    let bytes = Bytes::from((0..*len).map(|at| (at * 31 % 251) as u8).collect::<Vec<u8>>());
    let (begun, mut next) = (Instant::now(), log.last(*group).map_or(1, |last| last + 1));
    let (room, wait) = sync_channel(IN_FLIGHT_MAX);
    let mut in_flight = 0;
    while begun.elapsed() < *time {
        if in_flight == IN_FLIGHT_MAX {
            wait.recv()??;
            in_flight -= 1;
            synced.fetch_add(1, Ordering::Relaxed);
        }
        let room = room.clone();
        let tell = Box::new(move |result| drop(room.send(result)));
        log.append(*group, vec![LogRecord { index: next, bytes: bytes.clone() }], tell)
            .map_err(|full| full.to_string())?;
        (next, in_flight) = (next + 1, in_flight + 1);
        if next.is_multiple_of(10_000) {
            log.purge(*group, next.saturating_sub(20_000), Bytes::new());
        }
    }
    Ok(())
}

fn apply(engines: &RocksEngines, time: Duration) -> Result<(), Failure> {
    const ROWS: u64 = 100;
    let store = StateStore::open(Arc::clone(&engines.state))?;
    let (begun, mut batches) = (Instant::now(), 0_u64);
    while begun.elapsed() < time {
        let mut write = store.begin(GroupId(1));
        for row in 0..ROWS {
            let number = (batches * ROWS + row).wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_000;
            let user = model::UserId::from_stored(format!("user-{number}"));
            let key = (AppId(1), user, EndpointId::from_stored(format!("endpoint-{number}")));
            if ReadRows::<UserEndpoints>::get(&write, &key)?.is_none() {
                WriteRows::<UserEndpoints>::put(&mut write, key, ());
            }
        }
        write.commit(&batches.to_be_bytes(), None)?;
        batches += 1;
    }
    let rate = batches as f64 / begun.elapsed().as_secs_f64();
    println!("state: {rate:.0} batches/s of {ROWS} rows, each read before it is written");
    let begun = Instant::now();
    store.flush()?;
    println!("state: flushed in {:?}", begun.elapsed());
    Ok(())
}

fn resident_kib() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).ok_or("no VmRSS in /proc/self/status")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number in VmRSS")?.parse()?)
}

fn disk(directory: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { disk(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
