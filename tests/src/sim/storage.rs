//! A simulated node's disk: two engines in memory that outlive the node's restarts, forget at a crash what was not
//! synced, and can be lost as a whole. Power can be lost between two of its operations, while a snapshot is taken in. The
//! journal of begun dispatches lies there too: a killed node loses none of it, one that lost power any part of its end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::id::Incarnation;
use sender::{JournalError, JournalFile};
use store::engine::{FaultListener, Row};
use store::memory::MemoryOperation;
use store::{Batch, Engine, EngineError, EngineView, LogStore, MemoryEngine, Range, Staging};
use tokio::sync::Notify;

use super::breaks::Break;
use super::world::SimRandom;

/// How long a sync takes at most, when nothing is wrong with the disk.
const SYNC_MAX_MS: u64 = 6;
/// How long a slow one takes at most, and how seldom it is: one in this many.
const SLOW_SYNC_MAX_MS: u64 = 120;
const SLOW_SYNC_ONE_IN: u64 = 40;
/// How often a node loses power while it takes in a snapshot, in a run at most.
const LOSSES_MAX: u64 = 4;
/// Within how many operations on the disk after the snapshot was made ready: more than it takes from there to a purged
/// log.
const LOSS_WITHIN: u64 = 10;
/// How long an announcement in the journal of begun dispatches is; whatever says what begins is longer.
const ANNOUNCEMENT_BYTES: usize = 27;
/// How late what was written becomes durable on a disk that lies.
const LIE: Duration = Duration::from_millis(700);

/// The disk of one node.
pub struct Disk {
    engines: Mutex<Engines>,
    incarnations: AtomicU64,
    broken: Option<Break>,
    power: Arc<Mutex<Power>>,
    journal: Arc<Journal>,
}

/// The file of the journal of begun dispatches.
struct Journal {
    bytes: Mutex<Vec<u8>>,
    broken: Option<Break>,
}

/// When the node loses power.
struct Power {
    random: SimRandom,
    losses_left: u64,
    /// How many more operations there are before it is lost, when that is decided.
    operations_left: Option<u64>,
    lost: bool,
}

impl Power {
    /// Decides about an operation.
    fn is_there(&mut self, operation: MemoryOperation) -> bool {
        if operation == MemoryOperation::Seal && self.losses_left > 0 && self.random.below(2) == 0 {
            self.losses_left -= 1;
            self.operations_left = Some(self.random.below(LOSS_WITHIN));
        }
        match &mut self.operations_left {
            Some(0) => self.lost = true,
            Some(left) => *left -= 1,
            None => {}
        }
        !self.lost
    }
}

#[derive(Clone, Default)]
struct Engines {
    log: MemoryEngine,
    state: MemoryEngine,
}

impl Disk {
    /// Returns an empty disk.
    pub fn new(broken: Option<Break>, random: SimRandom) -> Disk {
        let power = Power { random, losses_left: LOSSES_MAX, operations_left: None, lost: false };
        let journal = Arc::new(Journal { bytes: Mutex::default(), broken });
        let power = Arc::new(Mutex::new(power));
        Disk { engines: Mutex::default(), incarnations: AtomicU64::new(0), broken, power, journal }
    }

    /// Says whether the node lost its power: nothing reaches the disk any more.
    pub fn has_lost_power(&self) -> bool {
        self.power().lost
    }

    /// From now on power stays.
    pub fn keep_power(&self) {
        let mut power = self.power();
        (power.losses_left, power.operations_left) = (0, None);
    }

    /// Forgets what was not synced. The node must have stopped.
    pub fn crash(&self) {
        let engines = self.engines();
        for engine in [&engines.log, &engines.state] {
            engine.clear_fault();
            engine.crash();
        }
        let mut power = self.power();
        (power.operations_left, power.lost) = (None, false);
    }

    /// Forgets what the kernel kept for a process that was killed, as a machine does that loses power. The node must have
    /// stopped.
    pub fn forget_unsynced(&self) {
        let mut bytes = self.journal.bytes();
        let left = self.power().random.below(bytes.len() as u64 + 1);
        bytes.truncate(left as usize);
    }

    /// Forgets everything, also how often the node was started. The node must have stopped.
    pub fn lose(&self) {
        self.incarnations.store(0, Ordering::SeqCst);
        *self.engines.lock().unwrap_or_else(PoisonError::into_inner) = Engines::default();
        self.journal.bytes().clear();
    }

    fn engines(&self) -> Engines {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn power(&self) -> MutexGuard<'_, Power> {
        self.power.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a start of the node.
    pub fn begin_incarnation(&self) -> Incarnation {
        let engines = self.engines();
        for engine in [engines.log, engines.state] {
            let power = self.power.clone();
            engine.set_fault(move |operation| {
                let there = power.lock().unwrap_or_else(PoisonError::into_inner).is_there(operation);
                let detail = "the node lost its power".to_owned();
                (!there).then(|| EngineError::Io { store: "simulation".to_owned(), detail })
            });
        }
        match self.broken {
            Some(Break::SameIncarnation) => Incarnation(1),
            _ => Incarnation(self.incarnations.fetch_add(1, Ordering::SeqCst) + 1),
        }
    }

    /// Counts on from what the cluster knows of an earlier life.
    pub fn raise_incarnation(&self, known: Incarnation) {
        self.incarnations.fetch_max(known.0, Ordering::SeqCst);
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

    /// Returns the file of the journal of begun dispatches.
    pub fn journal(&self) -> Arc<dyn JournalFile> {
        self.journal.clone()
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

impl Journal {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JournalFile for Journal {
    fn read(&self) -> Result<Vec<u8>, JournalError> {
        match self.broken {
            Some(Break::NoJournal) => Ok(Vec::new()),
            _ => Ok(self.bytes().clone()),
        }
    }

    fn replace(&self, bytes: &[u8]) -> Result<(), JournalError> {
        *self.bytes() = bytes.to_vec();
        Ok(())
    }

    fn append(&self, bytes: &[u8]) -> Result<(), JournalError> {
        if self.broken != Some(Break::NoNote) || bytes.len() <= ANNOUNCEMENT_BYTES {
            self.bytes().extend(bytes);
        }
        Ok(())
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

    fn on_fault(&self, listener: FaultListener) {
        self.0.on_fault(listener);
    }

    fn approximate_bytes(&self) -> u64 {
        self.0.approximate_bytes()
    }
}
