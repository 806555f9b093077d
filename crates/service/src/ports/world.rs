//! Time, randomness and the type of answers that are waited for.

use std::future::Future;
use std::pin::Pin;

use model::time::{BootTime, Timestamp};

/// An answer that is waited for.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The node's clocks.
pub trait Clock: Send + Sync {
    /// Reads the clock that also runs in suspend; for leases and deadlines.
    fn boot_time(&self) -> BootTime;

    /// Returns which boot of which machine [`boot_time`](Clock::boot_time) counts from; the same for every process that
    /// runs within it. Nothing when that isn't known.
    fn boot_id(&self) -> Option<u128>;

    /// Reads the wall clock; for signatures and logs. What is replicated goes by [`GroupTime`](super::GroupTime).
    fn wall_time(&self) -> Timestamp;
}

/// The node's source of randomness; seeded in the simulator.
pub trait Random: Send + Sync {
    /// Returns 64 random bits.
    fn next_u64(&self) -> u64;

    /// Returns 128 random bits.
    fn next_u128(&self) -> u128 {
        (u128::from(self.next_u64()) << 64) | u128::from(self.next_u64())
    }
}
