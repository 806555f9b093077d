//! Until when load goes on: a time that may be brought forward, when there is nothing left to try.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;

/// See the module's text. Copies end together.
#[derive(Debug, Clone)]
pub struct Until {
    at: Instant,
    over: Arc<AtomicBool>,
}

impl Until {
    /// Ends at a time, if not before.
    pub fn new(at: Instant) -> Until {
        Until { at, over: Arc::default() }
    }

    /// Says whether it is over.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || Instant::now() >= self.at
    }

    /// Ends now.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
