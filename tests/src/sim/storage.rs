//! A simulated node's disk: two engines in memory that outlive the node's restarts, forget at a crash what was not
//! synced, and can be lost as a whole.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::id::Boot;
use store::engine::Row;
use store::{Batch, Engine, EngineError, EngineView, LogStore, MemoryEngine, Range, Staging};
use tokio::sync::Notify;

use super::breaks::Break;
use super::world::SimRandom;

/// How long a sync takes at most, when nothing is wrong with the disk.
const SYNC_MAX_MS: u64 = 6;
/// How long a slow one takes at most, and how seldom it is: one in this many.
const SLOW_SYNC_MAX_MS: u64 = 120;
const SLOW_SYNC_ONE_IN: u64 = 40;
/// How late what was written becomes durable on a disk that lies.
const LIE: Duration = Duration::from_millis(700);

/// The disk of one node.
pub struct Disk {
    engines: Mutex<Engines>,
    boots: AtomicU64,
    broken: Option<Break>,
}

#[derive(Clone, Default)]
struct Engines {
    log: MemoryEngine,
    state: MemoryEngine,
}

impl Disk {
    /// Returns an empty disk.
    pub fn new(broken: Option<Break>) -> Disk {
        Disk { engines: Mutex::default(), boots: AtomicU64::new(0), broken }
    }

    /// Forgets what was not synced. The node must have stopped.
    pub fn crash(&self) {
        let engines = self.engines();
        engines.log.crash();
        engines.state.crash();
    }

    /// Forgets everything. The node must have stopped.
    pub fn lose(&self) {
        *self.engines.lock().unwrap_or_else(PoisonError::into_inner) = Engines::default();
    }

    fn engines(&self) -> Engines {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts a start of the node.
    pub fn begin_boot(&self) -> Boot {
        match self.broken {
            Some(Break::SameBoot) => Boot(1),
            _ => Boot(self.boots.fetch_add(1, Ordering::SeqCst) + 1),
        }
    }

    /// Returns the engine of the logs.
    pub fn log(&self) -> Arc<dyn Engine> {
        match self.broken {
            Some(Break::NoSync) => Arc::new(LyingEngine(self.engines().log)),
            _ => Arc::new(self.engines().log),
        }
    }

    /// Returns the engine of the states.
    pub fn state(&self) -> Arc<dyn Engine> {
        Arc::new(self.engines().state)
    }

    /// Runs the rounds of syncing until the node stops, each after a delay that is drawn.
    pub async fn sync(&self, log: LogStore, random: SimRandom) -> EngineError {
        let work = Arc::new(Notify::new());
        let waked = work.clone();
        log.set_waker(Box::new(move || waked.notify_one()));
        loop {
            work.notified().await;
            let longest = if random.below(SLOW_SYNC_ONE_IN) == 0 { SLOW_SYNC_MAX_MS } else { SYNC_MAX_MS };
            tokio::time::sleep(Duration::from_millis(1 + random.below(longest))).await;
            if let Err(error) = log.sync_pending() {
                return error;
            }
        }
    }

    /// On a disk that lies, makes durable what it claimed to be; else waits for ever.
    pub async fn catch_up(&self) {
        while self.broken == Some(Break::NoSync) {
            tokio::time::sleep(LIE).await;
            // The engine in memory fails only when a test tells it to.
            let _never_fails = self.engines().log.sync();
        }
        std::future::pending().await
    }
}

/// An engine whose sync does nothing.
struct LyingEngine(MemoryEngine);

impl EngineView for LyingEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.0.get(key)
    }

    fn scan(&self, range: Range<'_>) -> Result<Vec<Row>, EngineError> {
        self.0.scan(range)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>, EngineError> {
        self.0.last(from, to)
    }
}

impl Engine for LyingEngine {
    fn write(&self, batch: &Batch) -> Result<(), EngineError> {
        self.0.write(batch)
    }

    fn sync(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn view(&self) -> Arc<dyn EngineView> {
        self.0.view()
    }

    fn stage(&self) -> Result<Box<dyn Staging>, EngineError> {
        self.0.stage()
    }

    fn ingest(&self, parts: &[String]) -> Result<(), EngineError> {
        self.0.ingest(parts)
    }

    fn discard_staged(&self) -> Result<(), EngineError> {
        self.0.discard_staged()
    }

    fn approximate_bytes(&self) -> u64 {
        self.0.approximate_bytes()
    }
}
