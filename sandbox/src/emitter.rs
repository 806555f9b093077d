//! Sends events to callbacks: a bounded queue, batches, retries. The listeners put events in and never wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::batcher::Batcher;
use crate::callback::Route;
use crate::event::{DeliveryEvent, EventsBody};
use crate::poster::Poster;
use crate::stats::EventCounts;

/// Events waiting or under way: four seconds at full speed, some 40 MB.
const PENDING_MAX: usize = 200_000;
/// Requests' worth of events between the listeners and the emitter.
const DISPATCHES_MAX: usize = 4_096;
/// How long a stopping sandbox tries to get its last events out.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// Where the listeners put events. Cheap to share.
#[derive(Debug)]
pub(crate) struct EventQueue {
    dispatches: mpsc::Sender<(Route, Vec<DeliveryEvent>)>,
    pending: Arc<AtomicUsize>,
    counts: Arc<EventCounts>,
}

/// The task that sends them.
#[derive(Debug)]
pub(crate) struct Emitter {
    dispatches: mpsc::Receiver<(Route, Vec<DeliveryEvent>)>,
    pending: Arc<AtomicUsize>,
    counts: Arc<EventCounts>,
    poster: Arc<Poster>,
    backoff: Backoff,
}

/// A batch that is no longer under way.
struct Landed {
    route: Route,
    events: usize,
    taken: bool,
}

/// Makes a queue and the task that empties it.
pub(crate) fn event_queue(poster: Arc<Poster>, backoff: Backoff) -> (EventQueue, Emitter) {
    let (sender, receiver) = mpsc::channel(DISPATCHES_MAX);
    let (pending, counts) = (Arc::new(AtomicUsize::new(0)), Arc::new(EventCounts::default()));
    let queue = EventQueue { dispatches: sender, pending: Arc::clone(&pending), counts: Arc::clone(&counts) };
    (queue, Emitter { dispatches: receiver, pending, counts, poster, backoff })
}

impl EventQueue {
    /// Takes events on their way, or counts them as dropped when there is no room or nowhere to go.
    pub(crate) fn push(&self, route: Route, events: Vec<DeliveryEvent>) {
        let count = events.len();
        if count == 0 {
            return;
        }
        let room = |pending: usize| (pending + count <= PENDING_MAX).then_some(pending + count);
        let has_room = self.pending.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok();
        if route.is_empty() || !has_room {
            if has_room {
                self.pending.fetch_sub(count, Ordering::Relaxed);
            }
            self.counts.add_dropped(count as u64);
        } else if self.dispatches.try_send((route, events)).is_err() {
            self.pending.fetch_sub(count, Ordering::Relaxed);
            self.counts.add_dropped(count as u64);
        }
    }

    /// Events waiting or under way.
    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    pub(crate) fn counts(&self) -> &EventCounts {
        &self.counts
    }
}

impl Emitter {
    /// Sends until told to stop, then gets out what it can in 2 seconds and counts the rest as dropped.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let (mut batcher, mut flights) = (Batcher::default(), JoinSet::new());
        loop {
            while let Some((route, events)) = batcher.take_ready(Instant::now()) {
                self.launch(&mut flights, route, events);
            }
            tokio::select! {
                Some((route, events)) = self.dispatches.recv() => batcher.push(route, events, Instant::now()),
                Some(landed) = flights.join_next() => self.settle(&mut batcher, landed),
                () = sleep_until(batcher.next_ready_at()) => {}
                _ = stopping.wait_for(|stopping| *stopping) => break,
            }
        }
        self.drain(batcher, flights).await;
    }

    async fn drain(&mut self, mut batcher: Batcher, mut flights: JoinSet<Landed>) {
        self.dispatches.close();
        while let Ok((route, events)) = self.dispatches.try_recv() {
            batcher.push(route, events, Instant::now());
        }
        while let Some((route, events)) = batcher.take_rest() {
            self.launch(&mut flights, route, events);
        }
        let land_all = async {
            while let Some(landed) = flights.join_next().await {
                self.settle(&mut batcher, landed);
            }
        };
        let drained = tokio::time::timeout(DRAIN_MAX, land_all).await;
        let left = self.pending.load(Ordering::Relaxed);
        self.pending.fetch_sub(left, Ordering::Relaxed);
        self.counts.add_dropped(left as u64);
        if drained.is_err() {
            tracing::warn!(events = left, "events dropped at stop, no callback took them in time");
        }
    }

    fn launch(&self, flights: &mut JoinSet<Landed>, route: Route, events: Vec<DeliveryEvent>) {
        let (poster, backoff) = (Arc::clone(&self.poster), self.backoff);
        flights.spawn(async move {
            let taken = fly(&poster, &route, &events, backoff).await;
            Landed { route, events: events.len(), taken }
        });
    }

    fn settle(&self, batcher: &mut Batcher, landed: Result<Landed, tokio::task::JoinError>) {
        let Ok(landed) = landed else {
            tracing::error!("batch of events lost: its task panicked");
            return;
        };
        self.pending.fetch_sub(landed.events, Ordering::Relaxed);
        batcher.landed(&landed.route);
        if landed.taken {
            self.counts.add_sent(landed.events as u64);
        } else {
            self.counts.add_dropped(landed.events as u64);
        }
    }
}

/// Tries until a callback takes the batch or it is time to give up. Says whether one took it.
async fn fly(poster: &Poster, route: &Route, events: &[DeliveryEvent], backoff: Backoff) -> bool {
    let body = serde_json::to_vec(&EventsBody { events }).expect("events hold only text and numbers");
    let (body, id, start, mut failures) = (Bytes::from(body), poster.next_id(), Instant::now(), 0);
    loop {
        let Err(reasons) = poster.post_to_first(route, &id, &body).await else {
            return true;
        };
        failures += 1;
        let Some(wait) = backoff.wait(failures, start.elapsed()) else {
            tracing::warn!(events = events.len(), ?reasons, "events dropped, no callback took them");
            return false;
        };
        tracing::debug!(events = events.len(), ?reasons, ?wait, "events wait for a callback");
        tokio::time::sleep(wait).await;
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::CallbackUrl;
    use crate::event::EventKind;
    use crate::stats::EventCountsRead;

    const SOON: Backoff = Backoff {
        first: Duration::from_millis(1),
        max: Duration::from_millis(1),
        give_up_after: Duration::from_millis(5),
    };

    fn events(count: usize) -> Vec<DeliveryEvent> {
        let event = DeliveryEvent {
            message_id: "m".into(),
            provider_id: "p".into(),
            kind: EventKind::Delivered,
            at_ms: 0,
            detail: "",
        };
        vec![event; count]
    }

    fn dropped(count: u64) -> EventCountsRead {
        EventCountsRead { sent: 0, dropped: count, lost_by_fault: 0 }
    }

    /// Where nobody listens: the port was free a moment ago.
    fn nowhere() -> Route {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        [CallbackUrl::parse(&url).unwrap()].into()
    }

    #[tokio::test]
    async fn events_that_nobody_takes_in_time_are_dropped_and_counted() {
        let (queue, emitter) = event_queue(Arc::new(Poster::of_tests()), SOON);
        queue.push(nowhere(), events(3));
        let (stop, stopping) = watch::channel(false);
        let running = tokio::spawn(emitter.run(stopping));
        stop.send_replace(true);
        running.await.unwrap();
        assert_eq!((queue.counts().read(), queue.pending()), (dropped(3), 0));
        queue.push(nowhere(), events(2));
        assert_eq!((queue.counts().read(), queue.pending()), (dropped(5), 0), "after the end nothing waits");
    }

    #[tokio::test]
    async fn a_full_queue_drops_what_comes_and_counts_it() {
        let (queue, _emitter) = event_queue(Arc::new(Poster::of_tests()), SOON);
        let route = nowhere();
        queue.push(route.clone(), events(PENDING_MAX - 1));
        queue.push(route.clone(), events(2));
        assert_eq!((queue.counts().read(), queue.pending()), (dropped(2), PENDING_MAX - 1));
        queue.push(route.clone(), events(1));
        assert_eq!((queue.counts().read(), queue.pending()), (dropped(2), PENDING_MAX));
    }

    #[tokio::test]
    async fn many_small_dispatches_are_bounded_too() {
        let (queue, _emitter) = event_queue(Arc::new(Poster::of_tests()), SOON);
        let route = nowhere();
        for _ in 0..=DISPATCHES_MAX {
            queue.push(route.clone(), events(1));
        }
        assert_eq!((queue.counts().read(), queue.pending()), (dropped(1), DISPATCHES_MAX));
    }
}
