//! What clients do during a run: they send at every listener at a fixed rate whatever becomes of it, opt recipients out
//! while messages to them are on their way, and write and read registers: their own, and some that they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::caller::Caller;
use crate::history::Class;

/// Sends a second at each listener.
const SENDS_PER_SECOND: u32 = 20;
/// Calls that may be open at one listener: more than come in the time that a call may take.
const OPEN_MAX: usize = 400;
/// Of so many messages one is at most once, and one is worth sending only for a short while.
const AT_MOST_ONCE_OF: u64 = 3;
const SHORT_LIVED_OF: u64 = 25;
const TIME_TO_LIVE_MS: u64 = 600_000;
const SHORT_TIME_TO_LIVE_MS: u64 = 8_000;
/// How often a recipient opts out, how long before that messages to it begin, and how many come before and after.
const OPT_OUT_EVERY: Duration = Duration::from_secs(1);
const OPT_OUT_AFTER: Duration = Duration::from_millis(400);
const SENDS_AROUND: usize = 4;
/// Registers, and how often each is written, and read at each listener.
pub const REGISTERS: usize = 6;
const WRITE_EVERY: Duration = Duration::from_millis(400);
const READ_EVERY: Duration = Duration::from_millis(150);
/// Registers that all clients write; the clients at each listener that do so, one call at a time; how long each rests
/// between two calls; and of how many calls one is a write.
const SHARED: usize = 4;
const SHARED_CLIENTS: u64 = 2;
const SHARED_REST: Duration = Duration::from_millis(150);
const SHARED_WRITE_OF: u64 = 3;

/// Runs all clients until `end`; returns when the last call is answered.
pub async fn run(callers: Vec<Caller>, seed: u64, end: Instant) {
    let numbers = Arc::new(Numbers(AtomicU64::new(0)));
    let mut clients = JoinSet::new();
    for caller in &callers {
        clients.spawn(send(caller.clone(), Arc::clone(&numbers), end));
        clients.spawn(read(caller.clone(), fastrand::Rng::with_seed(seed ^ caller.listener as u64), end));
    }
    let values = Arc::new(AtomicU64::new(1));
    for (caller, client) in callers.iter().flat_map(|caller| (0..SHARED_CLIENTS).map(move |client| (caller, client))) {
        let random =
            fastrand::Rng::with_seed(seed.rotate_left(32) ^ (caller.listener as u64 * SHARED_CLIENTS + client));
        clients.spawn(share(caller.clone(), Arc::clone(&values), random, end));
    }
    for register in 0..REGISTERS {
        let random = fastrand::Rng::with_seed(seed.wrapping_add(register as u64));
        clients.spawn(write(callers.clone(), register_name(register), random, end));
    }
    clients.spawn(opt_out(callers, numbers, fastrand::Rng::with_seed(!seed), end));
    while clients.join_next().await.is_some() {}
}

/// Returns the name of a register.
pub fn register_name(register: usize) -> String {
    format!("register-{register}")
}

/// Draws telephone numbers, each once.
struct Numbers(AtomicU64);

impl Numbers {
    fn next(&self) -> (u64, String) {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        (number, format!("+1206{:07}", 2_000_000 + number))
    }
}

async fn send(caller: Caller, numbers: Arc<Numbers>, end: Instant) {
    let open = Arc::new(Semaphore::new(OPEN_MAX));
    let mut calls = JoinSet::new();
    let mut ticks = interval(Duration::from_secs(1) / SENDS_PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while Instant::now() < end {
        ticks.tick().await;
        while calls.try_join_next().is_some() {}
        // With no place left the listener answers nothing at all: what is open says so already.
        let Ok(place) = Arc::clone(&open).try_acquire_owned() else { continue };
        let (caller, (number, address)) = (caller.clone(), numbers.next());
        let class = if number % AT_MOST_ONCE_OF == 0 { Class::AtMostOnce } else { Class::AtLeastOnce };
        let time_to_live_ms = if number % SHORT_LIVED_OF == 0 { SHORT_TIME_TO_LIVE_MS } else { TIME_TO_LIVE_MS };
        calls.spawn(async move {
            caller.send(address, class, time_to_live_ms).await;
            drop(place);
        });
    }
    while calls.join_next().await.is_some() {}
}

/// Opts recipients out, one after the other, at one listener while others take messages to them.
async fn opt_out(callers: Vec<Caller>, numbers: Arc<Numbers>, mut random: fastrand::Rng, end: Instant) {
    let mut calls = JoinSet::new();
    let mut ticks = interval(OPT_OUT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while Instant::now() < end {
        ticks.tick().await;
        while calls.try_join_next().is_some() {}
        let address = numbers.next().1;
        let at = random.usize(..callers.len());
        for number in 0..2 * SENDS_AROUND {
            let (caller, address) = (callers[random.usize(..callers.len())].clone(), address.clone());
            let wait = OPT_OUT_AFTER * u32::try_from(number).unwrap_or(0) / SENDS_AROUND as u32;
            calls.spawn(async move {
                sleep(wait).await;
                caller.send(address, Class::AtLeastOnce, TIME_TO_LIVE_MS).await;
            });
        }
        let caller = callers[at].clone();
        calls.spawn(async move {
            sleep(OPT_OUT_AFTER).await;
            caller.opt_out(address).await;
        });
    }
    while calls.join_next().await.is_some() {}
}

/// Writes one register, a value at a time, each at any listener.
async fn write(callers: Vec<Caller>, register: String, mut random: fastrand::Rng, end: Instant) {
    let mut ticks = interval(WRITE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for value in 1_u64.. {
        ticks.tick().await;
        if Instant::now() >= end {
            return;
        }
        callers[random.usize(..callers.len())].write(register.clone(), value).await;
    }
}

async fn read(caller: Caller, mut random: fastrand::Rng, end: Instant) {
    let mut ticks = interval(READ_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while Instant::now() < end {
        ticks.tick().await;
        caller.read(register_name(random.usize(..REGISTERS))).await;
    }
}

/// Writes and reads shared registers, one call at a time; `values` has the next value that nobody wrote.
async fn share(caller: Caller, values: Arc<AtomicU64>, mut random: fastrand::Rng, end: Instant) {
    while Instant::now() < end {
        let register = format!("shared-{}", random.usize(..SHARED));
        if random.u64(..SHARED_WRITE_OF) == 0 {
            caller.write_shared(register, values.fetch_add(1, Ordering::Relaxed)).await;
        } else {
            caller.read_shared(register).await;
        }
        sleep(SHARED_REST).await;
    }
}
