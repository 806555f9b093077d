//! What clients do during a run: they send at every listener at a fixed rate whatever becomes of it, opt recipients out
//! while messages to them are on their way, and write and read registers: their own, and some that they share. Part of
//! all of it goes by REST.

mod opt_outs;
mod registers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::caller::Caller;
use crate::history::Class;
use crate::until::Until;

pub use registers::{REGISTERS, register_name};

/// Sends a second at each listener.
const SENDS_PER_SECOND: u32 = 20;
/// Calls that may be open at one listener: more than come in the time that a call may take.
const OPEN_MAX: usize = 400;
/// Of so many messages one is at most once, and one is worth sending only for a short while.
const AT_MOST_ONCE_OF: u64 = 3;
const SHORT_LIVED_OF: u64 = 25;
/// Of so many calls one goes by REST, which has no other class nor time to live than the app's, and no linearizable
/// reads.
const REST_OF: u64 = 3;
const TIME_TO_LIVE_MS: u64 = 600_000;
const SHORT_TIME_TO_LIVE_MS: u64 = 8_000;

/// Runs all clients until it is over; returns when the last call is answered.
pub async fn run(callers: Vec<Caller>, seed: u64, until: Until) {
    let numbers = Arc::new(Numbers(AtomicU64::new(0)));
    let mut clients = JoinSet::new();
    for caller in &callers {
        clients.spawn(send(caller.clone(), Arc::clone(&numbers), until.clone()));
    }
    registers::use_them(&mut clients, &callers, seed, &until);
    clients.spawn(opt_outs::opt_out(callers, numbers, fastrand::Rng::with_seed(!seed), until));
    while clients.join_next().await.is_some() {}
}

/// Draws telephone numbers, each once.
struct Numbers(AtomicU64);

impl Numbers {
    fn next(&self) -> (u64, String) {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        (number, format!("+1206{:07}", 2_000_000 + number))
    }
}

async fn send(caller: Caller, numbers: Arc<Numbers>, until: Until) {
    let open = Arc::new(Semaphore::new(OPEN_MAX));
    let mut calls = JoinSet::new();
    let mut ticks = interval(Duration::from_secs(1) / SENDS_PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !until.is_over() {
        ticks.tick().await;
        while calls.try_join_next().is_some() {}
        // With no place left the listener answers nothing at all: what is open says so already.
        let Ok(place) = Arc::clone(&open).try_acquire_owned() else { continue };
        let (caller, (number, address)) = (caller.clone(), numbers.next());
        calls.spawn(async move {
            send_one(&caller, number, address).await;
            drop(place);
        });
    }
    while calls.join_next().await.is_some() {}
}

async fn send_one(caller: &Caller, number: u64, address: String) {
    let class = if number.is_multiple_of(AT_MOST_ONCE_OF) { Class::AtMostOnce } else { Class::AtLeastOnce };
    let time_to_live_ms = if number.is_multiple_of(SHORT_LIVED_OF) { SHORT_TIME_TO_LIVE_MS } else { TIME_TO_LIVE_MS };
    match (class, time_to_live_ms) {
        (Class::AtLeastOnce, TIME_TO_LIVE_MS) if number % REST_OF == 1 => caller.send_by_rest(address).await,
        _ => caller.send(address, class, time_to_live_ms).await,
    }
}
