//! Registers: some have one writer each, and some are written by all clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::REST_OF;
use crate::caller::Caller;
use crate::until::Until;

/// Registers, and how often each is written, and read at each listener.
pub const REGISTERS: usize = 6;
const WRITE_EVERY: Duration = Duration::from_millis(400);
const READ_EVERY: Duration = Duration::from_millis(150);
/// Registers that all clients write; the clients at each listener that do so, one call at a time; how long each rests
/// between two calls; and of how many calls one is a write.
const SHARED: usize = 4;
const SHARED_CLIENTS: usize = 2;
const SHARED_REST: Duration = Duration::from_millis(150);
const SHARED_WRITE_OF: u64 = 3;

/// Runs all clients of registers until it is over, each as a task of the set.
pub(super) fn use_them(clients: &mut JoinSet<()>, callers: &[Caller], seed: u64, until: &Until) {
    for caller in callers {
        clients.spawn(read(caller.clone(), Rng::with_seed(seed ^ caller.listener as u64), until.clone()));
    }
    for register in 0..REGISTERS {
        let random = Rng::with_seed(seed.wrapping_add(register as u64));
        clients.spawn(write(callers.to_vec(), register_name(register), random, until.clone()));
    }
    let (values, mut random) = (Arc::new(AtomicU64::new(1)), Rng::with_seed(seed.rotate_left(32)));
    for caller in callers {
        for _ in 0..SHARED_CLIENTS {
            clients.spawn(share(caller.clone(), Arc::clone(&values), random.fork(), until.clone()));
        }
    }
}

/// Returns the name of a register.
pub fn register_name(register: usize) -> String {
    format!("register-{register}")
}

/// Writes one register, a value at a time, each at any listener.
async fn write(callers: Vec<Caller>, register: String, mut random: Rng, until: Until) {
    let mut ticks = interval(WRITE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for value in 1_u64.. {
        ticks.tick().await;
        if until.is_over() {
            return;
        }
        let caller = &callers[random.usize(..callers.len())];
        match random.u64(..REST_OF) {
            0 => caller.write_by_rest(register.clone(), value).await,
            _ => caller.write(register.clone(), value).await,
        }
    }
}

async fn read(caller: Caller, mut random: Rng, until: Until) {
    let mut ticks = interval(READ_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !until.is_over() {
        ticks.tick().await;
        let register = register_name(random.usize(..REGISTERS));
        match random.u64(..REST_OF) {
            0 => caller.read_by_rest(register).await,
            _ => caller.read(register).await,
        }
    }
}

/// Writes and reads shared registers, one call at a time; `values` has the next value that nobody wrote.
async fn share(caller: Caller, values: Arc<AtomicU64>, mut random: Rng, until: Until) {
    while !until.is_over() {
        let register = format!("shared-{}", random.usize(..SHARED));
        let value = || values.fetch_add(1, Ordering::Relaxed);
        match (random.u64(..SHARED_WRITE_OF), random.u64(..REST_OF)) {
            (0, 0) => caller.write_shared_by_rest(register, value()).await,
            (0, _) => caller.write_shared(register, value()).await,
            _ => caller.read_shared(register).await,
        }
        sleep(SHARED_REST).await;
    }
}
