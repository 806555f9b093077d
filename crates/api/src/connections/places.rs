//! The places of a listener's connections: who has one, who is idle, and who gives way.
//!
//! A request changes two atomics of its own connection and nothing else; the list of all is locked when a connection
//! begins or ends.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often a listener that is full looks again for a connection that has become idle.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The share of all connections that is the reserve, and its bounds.
const RESERVE_SHARE: usize = 8;
const RESERVE_MIN: usize = 2;
const RESERVE_MAX: usize = 32;

/// How many connections a listener may have open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The largest number of connections that serve everything. Beyond it the one that is idle for longest is closed.
    pub max: usize,
    /// How many more are taken when none is idle: they serve health and metrics alone, once.
    pub reserve: usize,
}

impl ConnectionLimits {
    /// Shares `all` connections out: an eighth, 2 to 32, is the reserve.
    pub fn within(all: usize) -> ConnectionLimits {
        let reserve = (all / RESERVE_SHARE).clamp(RESERVE_MIN, RESERVE_MAX).min(all.saturating_sub(1));
        ConnectionLimits { max: all - reserve, reserve }
    }

    /// Returns the largest number of open connections.
    pub fn all(&self) -> usize {
        self.max + self.reserve
    }
}

/// The places of a listener.
pub(super) struct Places {
    limits: ConnectionLimits,
    list: Mutex<List>,
    ended: Notify,
}

#[derive(Default)]
struct List {
    next: u64,
    /// How many of the connections are not told to close.
    staying: usize,
    connections: BTreeMap<u64, Arc<Connection>>,
}

/// A connection as its listener sees it.
pub(super) struct Connection {
    number: u64,
    reserved: bool,
    began: Instant,
    under_way: AtomicUsize,
    /// Milliseconds from `began` to the end of the last request.
    idle_since: AtomicU64,
    leaving: AtomicBool,
    give_way: CancellationToken,
}

/// A connection's place; free again when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    connection: Arc<Connection>,
}

/// A request under way on a connection, until its answer is written.
pub(super) struct UnderWay(Arc<Connection>);

impl Places {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Places> {
        Arc::new(Places { limits, list: Mutex::default(), ended: Notify::new() })
    }

    /// Waits for a place. It is a place of the reserve when all others are taken by connections with requests.
    pub(super) async fn admit(self: &Arc<Self>) -> Place {
        loop {
            let ended = self.ended.notified();
            if let Some(place) = self.try_admit() {
                return place;
            }
            let _ = tokio::time::timeout(LOOK_AGAIN, ended).await;
        }
    }

    fn try_admit(self: &Arc<Self>) -> Option<Place> {
        let mut list = self.list();
        if list.staying >= self.limits.max {
            list.let_one_give_way();
        }
        if list.connections.len() >= self.limits.all() {
            return None;
        }
        let connection = Arc::new(Connection {
            number: list.next,
            reserved: list.staying >= self.limits.max,
            began: Instant::now(),
            under_way: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            leaving: AtomicBool::new(false),
            give_way: CancellationToken::new(),
        });
        list.next += 1;
        list.staying += 1;
        list.connections.insert(connection.number, Arc::clone(&connection));
        Some(Place { places: Arc::clone(self), connection })
    }

    /// Tells the connection that is idle for longest to close, if one is idle.
    pub(super) fn let_one_give_way(&self) {
        self.list().let_one_give_way();
    }

    /// Returns the number of open connections.
    pub(super) fn open(&self) -> usize {
        self.list().connections.len()
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn let_one_give_way(&mut self) {
        let idle = self.connections.values().filter(|connection| connection.is_idle() && !connection.leaves());
        if let Some(longest) = idle.min_by_key(|connection| connection.idle_at()) {
            longest.leaving.store(true, Ordering::Relaxed);
            longest.give_way.cancel();
            self.staying -= 1;
        }
    }
}

impl Connection {
    fn is_idle(&self) -> bool {
        self.under_way.load(Ordering::Acquire) == 0
    }

    fn leaves(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    fn idle_at(&self) -> Instant {
        self.began + Duration::from_millis(self.idle_since.load(Ordering::Relaxed))
    }
}

impl Place {
    /// Returns true when the connection is one of the reserve.
    pub(super) fn is_reserved(&self) -> bool {
        self.connection.reserved
    }

    /// Waits until the connection must give way to another one.
    pub(super) async fn must_give_way(&self) {
        self.connection.give_way.cancelled().await;
    }

    /// Waits until no request has been under way for `limit`.
    pub(super) async fn is_idle_for(&self, limit: Duration) {
        loop {
            let now = Instant::now();
            let until = if self.connection.is_idle() { self.connection.idle_at() + limit } else { now + limit };
            if until <= now {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }

    /// Begins a request.
    pub(super) fn begin(&self) -> UnderWay {
        self.connection.under_way.fetch_add(1, Ordering::AcqRel);
        UnderWay(Arc::clone(&self.connection))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut list = self.places.list();
        list.connections.remove(&self.connection.number);
        if !self.connection.leaves() {
            list.staying -= 1;
        }
        drop(list);
        self.places.ended.notify_waiters();
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let since = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.idle_since.store(since, Ordering::Relaxed);
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ConnectionLimits = ConnectionLimits { max: 2, reserve: 1 };
    const STEP: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn the_connection_that_is_idle_for_longest_gives_way() {
        let places = Places::new(LIMITS);
        let first = places.admit().await;
        tokio::time::advance(STEP).await;
        let second = places.admit().await;
        tokio::time::advance(STEP).await;
        drop(first.begin());
        let third = places.admit().await;
        second.must_give_way().await;
        assert!(!third.is_reserved() && !first.connection.leaves());
    }

    #[tokio::test(start_paused = true)]
    async fn connections_with_requests_stay_and_the_reserve_takes_one_more() {
        let places = Places::new(LIMITS);
        let (first, second) = (places.admit().await, places.admit().await);
        let requests = (first.begin(), second.begin());
        let third = places.admit().await;
        assert!(third.is_reserved());
        let _one = third.begin();
        assert!(tokio::time::timeout(STEP, places.admit()).await.is_err());
        drop(requests);
        drop(first);
        assert!(!tokio::time::timeout(STEP, places.admit()).await.unwrap().is_reserved());
    }

    #[tokio::test(start_paused = true)]
    async fn idle_is_counted_from_the_end_of_the_last_request() {
        let places = Places::new(LIMITS);
        let place = places.admit().await;
        let request = place.begin();
        assert!(tokio::time::timeout(3 * STEP, place.is_idle_for(STEP)).await.is_err());
        drop(request);
        let began = Instant::now();
        place.is_idle_for(STEP).await;
        assert_eq!(began.elapsed(), STEP);
    }

    #[tokio::test]
    async fn every_place_is_given_back() {
        let places = Places::new(LIMITS);
        for _ in 0..3 {
            let taken = (places.admit().await, places.admit().await);
            places.let_one_give_way();
            drop(taken);
            assert_eq!((places.open(), places.list().staying), (0, 0));
        }
    }
}
