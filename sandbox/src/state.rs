//! What the routes share: the store, the faults, the callbacks and the event queue. Each lock is held for a bounded
//! piece of work and never across an await.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Semaphore, watch};

use crate::callback::KnownCallbacks;
use crate::clock::Clock;
use crate::emitter::EventQueue;
use crate::faults::Faults;
use crate::poster::Poster;
use crate::store::Store;

/// All bodies that are read at a time, in KiB; a request that finds no room waits for it.
pub(crate) const BODIES_KIB_MAX: u32 = 128 << 10;

/// What every route gets.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) emit_events: bool,
    pub(crate) provider_ids: ProviderIds,
    pub(crate) events: EventQueue,
    pub(crate) poster: Arc<Poster>,
    /// Turns true when the sandbox stops; nobody waits on purpose after that.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Memory for bodies being read, in KiB.
    pub(crate) body_room: Arc<Semaphore>,
    store: Mutex<Store>,
    faults: Mutex<Faults>,
    callbacks: Mutex<KnownCallbacks>,
}

/// What is put into a [`Shared`].
pub(crate) struct Parts {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) emit_events: bool,
    pub(crate) events: EventQueue,
    pub(crate) poster: Arc<Poster>,
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) store: Store,
    pub(crate) faults: Faults,
    pub(crate) callbacks: KnownCallbacks,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            provider_ids: ProviderIds::new(parts.clock.now_ms()),
            clock: parts.clock,
            emit_events: parts.emit_events,
            events: parts.events,
            poster: parts.poster,
            stopping: parts.stopping,
            body_room: Arc::new(Semaphore::new(BODIES_KIB_MAX as usize)),
            store: Mutex::new(parts.store),
            faults: Mutex::new(parts.faults),
            callbacks: Mutex::new(parts.callbacks),
        }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        locked(&self.store)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        locked(&self.faults)
    }

    pub(crate) fn callbacks(&self) -> MutexGuard<'_, KnownCallbacks> {
        locked(&self.callbacks)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a holder panicked, so what it left can't be trusted")
}

/// Names what the sandbox took. Ids differ between runs, as those of a provider would: the first part is the start.
#[derive(Debug)]
pub(crate) struct ProviderIds {
    started_ms: u64,
    next: AtomicU64,
}

impl ProviderIds {
    fn new(started_ms: u64) -> Self {
        Self { started_ms, next: AtomicU64::new(1) }
    }

    /// An id never given before.
    pub(crate) fn next(&self) -> Arc<str> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("sbx-{:x}-{number:x}", self.started_ms).into()
    }
}
