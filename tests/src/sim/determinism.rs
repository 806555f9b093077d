//! Makes a whole process deterministic: the C library's `getrandom` and `clock_gettime` are answered from a seed and
//! from simulated time. Only the simulation program links this in; one process runs one seed.
//!
//! turmoil's own seed is not enough: hash maps of dependencies, openraft's election jitter and h2 draw from these.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static ARMED: AtomicBool = AtomicBool::new(false);
static RANDOM: AtomicU64 = AtomicU64::new(0);
static ELAPSED_NS: AtomicU64 = AtomicU64::new(0);
static SLEPT_AT_NS: AtomicU64 = AtomicU64::new(0);
static SLEPT_NS: AtomicU64 = AtomicU64::new(0);
static DRAWS: AtomicU64 = AtomicU64::new(0);

/// What the simulated wall clock shows at the start: 2023-11-14T22:13:20Z.
const WALL_START_S: u64 = 1_700_000_000;
/// What the other clocks show at the start.
const MONOTONIC_START_S: u64 = 1_000;

/// From now on, randomness comes from `seed` and clocks show simulated time.
pub fn arm(seed: u64) {
    RANDOM.store(seed ^ 0xd1b5_4a32_d192_ed03, Ordering::SeqCst);
    ELAPSED_NS.store(0, Ordering::SeqCst);
    SLEPT_NS.store(0, Ordering::SeqCst);
    ARMED.store(true, Ordering::SeqCst);
}

/// From now on, clocks and randomness are the machine's again.
pub fn disarm() {
    ARMED.store(false, Ordering::SeqCst);
}

/// Returns how often randomness was drawn: two runs that draw equally often are hardly different.
pub fn draws() -> u64 {
    DRAWS.load(Ordering::SeqCst)
}

/// Tells the clocks how much simulated time has passed. Called before each step.
pub fn set_elapsed(elapsed: std::time::Duration) {
    ELAPSED_NS.store(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
}

/// Returns how much simulated time has passed, in nanoseconds.
pub fn elapsed_ns() -> u64 {
    ELAPSED_NS.load(Ordering::SeqCst)
}

/// Lets everything sleep for so long, at most once in a run: wall clocks and those that run in suspend go on meanwhile,
/// and nothing else does.
pub fn sleep(duration: std::time::Duration) {
    SLEPT_AT_NS.store(elapsed_ns(), Ordering::SeqCst);
    SLEPT_NS.store(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
}

/// Returns when everything slept, on the clock of [`elapsed_ns`], and for how long, in nanoseconds; 0 when it never did.
pub fn slept_ns() -> (u64, u64) {
    (SLEPT_AT_NS.load(Ordering::SeqCst), SLEPT_NS.load(Ordering::SeqCst))
}

fn next_random() -> u64 {
    DRAWS.fetch_add(1, Ordering::SeqCst);
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    model::address::mix(RANDOM.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP))
}

/// Takes the place of the C library's function of this name.
///
/// # Safety
/// As for the original: `buffer` must be valid for `length` bytes.
#[expect(unsafe_code, reason = "this must replace a function of the C library to make dependencies deterministic")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, flags: u32) -> isize {
    if !ARMED.load(Ordering::SeqCst) {
        // SAFETY: the caller's promise is the system call's.
        return unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) } as isize;
    }
    // SAFETY: the caller promises that `buffer` is valid for `length` bytes.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer, length) };
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&next_random().to_le_bytes()[..chunk.len()]);
    }
    length as isize
}

/// Takes the place of the C library's function of this name. It must not call turmoil or tokio: they call it.
///
/// # Safety
/// As for the original: `time` must be valid for writing.
#[expect(unsafe_code, reason = "this must replace a function of the C library to make dependencies deterministic")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    if !ARMED.load(Ordering::SeqCst) {
        // SAFETY: the caller's promise is the system call's.
        return unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as libc::c_int;
    }
    let start = if clock == libc::CLOCK_REALTIME { WALL_START_S } else { MONOTONIC_START_S };
    let sleeps_too = clock == libc::CLOCK_REALTIME || clock == libc::CLOCK_BOOTTIME;
    let elapsed = elapsed_ns() + if sleeps_too { slept_ns().1 } else { 0 };
    // SAFETY: the caller promises that `time` is valid for writing.
    unsafe {
        *time = libc::timespec {
            tv_sec: (start + elapsed / 1_000_000_000) as libc::time_t,
            tv_nsec: (elapsed % 1_000_000_000) as libc::c_long,
        };
    }
    0
}
