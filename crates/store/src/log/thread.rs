//! The thread that syncs the logs of a node. The simulator has none: it calls the rounds itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use super::store::{LogStore, NAME};
use crate::error::EngineError;

/// A running thread that syncs a node's logs. Dropping it ends it, after a last round.
pub struct SyncThread {
    stop: Arc<AtomicBool>,
    handle: Option<JoinHandle<Result<(), EngineError>>>,
}

/// Starts the thread that syncs `log`: it waits for work, and while a round runs the next one gathers. It takes over
/// the log's waker. It ends at the first error; the log then answers everything with that error.
///
/// # Errors
/// When the operating system gives no thread.
pub fn spawn_sync_thread(log: LogStore, name: &str) -> Result<SyncThread, EngineError> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let waked = log.clone();
    let handle = Builder::new()
        .name(name.to_owned())
        .spawn(move || sync_until_stopped(&log, &stopped))
        .map_err(|error| EngineError::Io { store: NAME.to_owned(), detail: error.to_string() })?;
    let thread = handle.thread().clone();
    waked.set_waker(Box::new(move || thread.unpark()));
    Ok(SyncThread { stop, handle: Some(handle) })
}

impl SyncThread {
    /// Ends the thread after a last round.
    ///
    /// # Errors
    /// The error at which the thread ended, if it did.
    pub fn shutdown(mut self) -> Result<(), EngineError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), EngineError> {
        let Some(handle) = self.handle.take() else { return Ok(()) };
        self.stop.store(true, Ordering::Release);
        handle.thread().unpark();
        handle.join().unwrap_or_else(|_| {
            let detail = "the syncing thread panicked".to_owned();
            Err(EngineError::Refused { store: NAME.to_owned(), detail })
        })
    }
}

impl Drop for SyncThread {
    fn drop(&mut self) {
        // The error is kept by the log, which answers everybody with it.
        let _ended = self.join();
    }
}

fn sync_until_stopped(log: &LogStore, stop: &AtomicBool) -> Result<(), EngineError> {
    loop {
        let stopping = stop.load(Ordering::Acquire);
        if log.sync_pending()? > 0 {
            continue;
        }
        if stopping {
            return log.sync_all().map(|_| ());
        }
        std::thread::park();
    }
}
