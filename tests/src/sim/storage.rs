//! A simulated node's disk: two engines in memory that outlive the node's restarts, forget at a crash what was not
//! synced, and can be lost as a whole. Power can be lost between two of its operations, while a snapshot is taken in. The
//! journal of begun dispatches lies there too: a killed node loses none of it, one that lost power any part of its end.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::id::Incarnation;
use sender::JournalFile;
use store::{Engine, EngineError, LogStore, MemoryEngine};
use tokio::sync::Notify;

use super::breaks::Break;
use super::journal::Journal;
use super::lying_engine::LyingEngine;
use super::power::Power;
use super::world::SimRandom;

/// How long a sync takes at most, when nothing is wrong with the disk.
const SYNC_MAX_MS: u64 = 6;
/// How long a slow one takes at most, and how seldom it is: one in this many.
const SLOW_SYNC_MAX_MS: u64 = 120;
const SLOW_SYNC_ONE_IN: u64 = 40;
/// How long every sync takes on a disk that is slow, in milliseconds.
const SLOW_DISK_MS: (u64, u64) = (300, 3_000);
/// How late what was written becomes durable on a disk that lies.
const LIE: Duration = Duration::from_millis(700);

/// The disk of one node.
pub struct Disk {
    engines: Mutex<Engines>,
    incarnations: AtomicU64,
    broken: Option<Break>,
    power: Arc<Mutex<Power>>,
    /// Whether syncs take seconds.
    slow: AtomicBool,
    journal: Arc<Journal>,
}

#[derive(Clone, Default)]
struct Engines {
    log: MemoryEngine,
    state: MemoryEngine,
}

impl Disk {
    /// Returns an empty disk.
    pub fn new(broken: Option<Break>, random: SimRandom) -> Disk {
        let journal = Arc::new(Journal::new(broken));
        let power = Arc::new(Mutex::new(Power::new(random)));
        Disk {
            engines: Mutex::default(),
            incarnations: AtomicU64::new(0),
            broken,
            power,
            slow: AtomicBool::new(false),
            journal,
        }
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

    /// Says whether there is no room on it.
    pub fn is_full(&self) -> bool {
        self.power().full
    }

    /// From now on there is no room on it, or again.
    pub fn set_full(&self, full: bool) {
        let full = full && self.broken != Some(Break::SilentFull);
        self.power().full = full;
        self.journal.set_full(full);
    }

    /// From now on every sync takes seconds, or no longer.
    pub fn set_slow(&self, slow: bool) {
        self.slow.store(slow, Ordering::SeqCst);
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
                let mut power = power.lock().unwrap_or_else(PoisonError::into_inner);
                let store = || "simulation".to_owned();
                if power.full {
                    return Some(EngineError::Full { store: store(), detail: "no room is left".to_owned() });
                }
                let there = power.is_there(operation);
                (!there).then(|| EngineError::Io { store: store(), detail: "the node lost its power".to_owned() })
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
            let least = if self.slow.load(Ordering::SeqCst) { SLOW_DISK_MS.0 } else { 1 };
            let longest = if self.slow.load(Ordering::SeqCst) { SLOW_DISK_MS.1 - SLOW_DISK_MS.0 } else { longest };
            tokio::time::sleep(Duration::from_millis(least + random.below(longest))).await;
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
