//! The real clocks and the real randomness, behind the ports.

use std::time::{SystemTime, UNIX_EPOCH};

use model::time::{BootTime, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use service::ports::{Clock, Random};

/// Where the kernel says which boot this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn boot_time(&self) -> BootTime {
        let now = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        BootTime(seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0)))
    }

    fn boot_id(&self) -> Option<u128> {
        let text = std::fs::read_to_string(BOOT_ID).ok()?;
        u128::from_str_radix(&text.trim().replace('-', ""), 16).ok()
    }

    fn wall_time(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Returns a number that nobody else draws, such as a cluster's id.
pub fn random_id() -> u128 {
    rand::random()
}

/// The operating system's randomness, spread by a generator that each thread seeds from it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn next_u64(&self) -> u64 {
        rand::random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_has_one_id() {
        assert!(SystemClock.boot_id().is_some());
        assert_eq!(SystemClock.boot_id(), SystemClock.boot_id());
    }
}
