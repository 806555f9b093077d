//! The time of day, at the edge: everything else in the sandbox is told what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time of day that messages and events are stamped with.
pub trait Clock: Send + Sync + 'static {
    /// Returns milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> u64;
}

/// The machine's own time of day; 0 if it is set to before 1970.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
    }
}
