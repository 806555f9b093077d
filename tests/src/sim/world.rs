//! A simulated node's clocks and randomness.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use model::time::{BootTime, Timestamp};
use service::ports::{Clock, Random};

use super::breaks::Break;
use super::determinism::{elapsed_ns, slept_ns};
use super::faults::Tick;

/// What the wall clock shows at the start of a simulation, in milliseconds since 1970.
const WALL_START_MS: u64 = 1_700_000_000_000;

/// Clocks of one node: simulated time at a rate of its own, and a wall clock that may be set wrong.
#[derive(Debug)]
pub struct SimClock {
    /// Parts per thousand that this node's clock runs fast (above 1,000) or slow.
    rate_permille: u64,
    /// When the machine was booted last, in nanoseconds of simulated time, and how often it was.
    booted_ns: AtomicU64,
    boots: AtomicU64,
    /// Since when the machine sleeps, in nanoseconds of simulated time; 0 while it doesn't.
    asleep_ns: AtomicU64,
    /// Whether every boot calls itself the same.
    same_boot: bool,
    /// Whether its own clock stands while the machine sleeps.
    stands_asleep: bool,
    /// How much the wall clock is ahead, in milliseconds; negative when it is behind.
    wall_ahead_ms: AtomicI64,
}

impl SimClock {
    /// Returns clocks that run at `rate_permille` thousandths of true time.
    pub fn new(rate_permille: u64, broken: Option<Break>) -> SimClock {
        SimClock {
            rate_permille,
            booted_ns: AtomicU64::new(0),
            boots: AtomicU64::new(1),
            asleep_ns: AtomicU64::new(0),
            same_boot: broken == Some(Break::SameBoot),
            stands_asleep: broken == Some(Break::StandsAsleep),
            wall_ahead_ms: AtomicI64::new(0),
        }
    }

    /// Boots the machine again: its own clock begins anew.
    pub fn reboot(&self) {
        self.booted_ns.store(elapsed_ns(), Ordering::SeqCst);
        self.boots.fetch_add(1, Ordering::SeqCst);
    }

    /// Lets the machine sleep from now on.
    pub fn sleep(&self) {
        self.asleep_ns.store(elapsed_ns(), Ordering::SeqCst);
    }

    /// Wakes it.
    pub fn wake(&self) {
        let since = self.asleep_ns.swap(0, Ordering::SeqCst);
        if self.stands_asleep && since > 0 {
            self.booted_ns.fetch_add(elapsed_ns() - since, Ordering::SeqCst);
        }
    }

    /// Sets the wall clock ahead of true time, or behind it.
    pub fn jump(&self, ahead_ms: i64) {
        self.wall_ahead_ms.store(ahead_ms, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn boot_time(&self) -> BootTime {
        let since = self.asleep_ns.load(Ordering::SeqCst);
        let now = if self.stands_asleep && since > 0 { since } else { elapsed_ns() };
        let booted = self.booted_ns.load(Ordering::SeqCst);
        let up_ns = u128::from(now.saturating_sub(booted)) * u128::from(self.rate_permille) / 1_000;
        let (slept_at, slept) = slept_ns();
        let slept = if booted <= slept_at { slept } else { 0 };
        BootTime(u64::try_from(up_ns).unwrap_or(u64::MAX).saturating_add(slept))
    }

    fn boot_id(&self) -> Option<u128> {
        Some(if self.same_boot { 0 } else { u128::from(self.boots.load(Ordering::SeqCst)) })
    }

    fn wall_time(&self) -> Timestamp {
        Timestamp(true_time().0.saturating_add_signed(self.wall_ahead_ms.load(Ordering::SeqCst)))
    }
}

/// Returns what a wall clock that is right shows.
pub fn true_time() -> Timestamp {
    Timestamp(WALL_START_MS + (elapsed_ns() + slept_ns().1) / 1_000_000)
}

/// Returns when a wall clock that is right shows a time; the start of the simulation for earlier ones, and when
/// everything slept for times within that.
pub fn tick_of(time: Timestamp) -> Tick {
    let (slept_at, slept) = slept_ns();
    let (slept_at, since) = (slept_at / 1_000_000, time.0.saturating_sub(WALL_START_MS));
    since.min(slept_at.max(since.saturating_sub(slept / 1_000_000)))
}

/// Randomness from a seed.
#[derive(Debug)]
pub struct SimRandom(AtomicU64);

impl SimRandom {
    /// Begins a sequence.
    pub fn new(seed: u64) -> SimRandom {
        SimRandom(AtomicU64::new(seed))
    }

    /// Draws a number below `bound`, which must not be 0.
    pub fn below(&self, bound: u64) -> u64 {
        self.next_u64() % bound
    }
}

impl Random for SimRandom {
    fn next_u64(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        model::address::mix(self.0.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP))
    }
}
