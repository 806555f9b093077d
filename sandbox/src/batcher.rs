//! Groups events by where they go, into requests that are full or old enough. Pure: time is an argument, nothing is
//! sent from here.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::callback::Route;
use crate::event::DeliveryEvent;

/// Events in one request to a callback.
pub(crate) const BATCH_LEN_MAX: usize = 500;
/// How long an event waits for others.
pub(crate) const BATCH_WAIT_MAX: Duration = Duration::from_millis(50);
/// Requests under way for one route: hides a callback's latency without swamping it.
const FLIGHTS_PER_ROUTE_MAX: usize = 4;

/// The events waiting, by route, each in the order they came. The caller bounds how many there are.
#[derive(Debug, Default)]
pub(crate) struct Batcher {
    lanes: BTreeMap<Route, Lane>,
}

/// The events of one route. Kept while something waits or is under way.
#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<(Instant, DeliveryEvent)>,
    flights: usize,
}

impl Batcher {
    /// Adds events that came `now`.
    pub(crate) fn push(&mut self, route: Route, events: Vec<DeliveryEvent>, now: Instant) {
        let lane = self.lanes.entry(route).or_default();
        lane.waiting.extend(events.into_iter().map(|event| (now, event)));
    }

    /// Takes a batch that is to be sent now: full, or old enough. Its sender says [`Batcher::landed`] afterwards.
    pub(crate) fn take_ready(&mut self, now: Instant) -> Option<(Route, Vec<DeliveryEvent>)> {
        let ready = |lane: &Lane| lane.ready_at().is_some_and(|at| at <= now);
        let (route, lane) = self.lanes.iter_mut().find(|(_, lane)| ready(lane))?;
        Some((route.clone(), lane.take()))
    }

    /// Takes any batch whatever its age and however many are under way: nothing more will come.
    pub(crate) fn take_rest(&mut self) -> Option<(Route, Vec<DeliveryEvent>)> {
        let (route, lane) = self.lanes.iter_mut().find(|(_, lane)| !lane.waiting.is_empty())?;
        Some((route.clone(), lane.take()))
    }

    /// Hears that a batch of this route is no longer under way, whatever became of it.
    pub(crate) fn landed(&mut self, route: &Route) {
        let Some(lane) = self.lanes.get_mut(route) else {
            return;
        };
        lane.flights -= 1;
        if lane.flights == 0 && lane.waiting.is_empty() {
            self.lanes.remove(route);
        }
    }

    /// When the next batch will be ready if nothing else happens.
    pub(crate) fn next_ready_at(&self) -> Option<Instant> {
        self.lanes.values().filter_map(Lane::ready_at).min()
    }
}

impl Lane {
    /// When the oldest events are to go; `None` while none waits or enough are under way.
    fn ready_at(&self) -> Option<Instant> {
        let (came_at, _) = self.waiting.front()?;
        if self.flights >= FLIGHTS_PER_ROUTE_MAX {
            return None;
        }
        if self.waiting.len() >= BATCH_LEN_MAX { Some(*came_at) } else { Some(*came_at + BATCH_WAIT_MAX) }
    }

    fn take(&mut self) -> Vec<DeliveryEvent> {
        self.flights += 1;
        let len = self.waiting.len().min(BATCH_LEN_MAX);
        self.waiting.drain(..len).map(|(_, event)| event).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::CallbackUrl;
    use crate::event::EventKind;

    fn route(url: &str) -> Route {
        [CallbackUrl::parse(url).unwrap()].into()
    }

    fn events(count: usize) -> Vec<DeliveryEvent> {
        let event = |index: usize| DeliveryEvent {
            message_id: format!("m{index}").into(),
            provider_id: "p".into(),
            kind: EventKind::Delivered,
            at_ms: 0,
            detail: "",
        };
        (0..count).map(event).collect()
    }

    #[test]
    fn a_full_batch_goes_at_once_and_the_rest_when_it_is_old() {
        let (mut batcher, start) = (Batcher::default(), Instant::now());
        batcher.push(route("http://a"), events(BATCH_LEN_MAX + 3), start);
        let (_, full) = batcher.take_ready(start).unwrap();
        assert_eq!((full.len(), &*full[0].message_id), (BATCH_LEN_MAX, "m0"));
        assert_eq!(batcher.take_ready(start), None);
        assert_eq!(batcher.next_ready_at(), Some(start + BATCH_WAIT_MAX));
        let (_, rest) = batcher.take_ready(start + BATCH_WAIT_MAX).unwrap();
        assert_eq!((rest.len(), &*rest[0].message_id), (3, "m500"));
        assert_eq!(batcher.next_ready_at(), None);
    }

    #[test]
    fn a_route_that_is_slow_waits_alone() {
        let (mut batcher, start) = (Batcher::default(), Instant::now());
        batcher.push(route("http://a"), events(BATCH_LEN_MAX * 6), start);
        for _ in 0..FLIGHTS_PER_ROUTE_MAX {
            assert_eq!(batcher.take_ready(start).unwrap().0, route("http://a"));
        }
        assert_eq!(batcher.take_ready(start + BATCH_WAIT_MAX), None);
        batcher.push(route("http://b"), events(1), start);
        assert_eq!(batcher.take_ready(start + BATCH_WAIT_MAX).unwrap().0, route("http://b"));
        batcher.landed(&route("http://a"));
        assert_eq!(batcher.take_ready(start).unwrap().0, route("http://a"));
    }

    #[test]
    fn nothing_is_kept_of_a_route_without_events() {
        let (mut batcher, start) = (Batcher::default(), Instant::now());
        batcher.push(route("http://a"), events(1), start);
        assert_eq!(batcher.take_rest().unwrap().1.len(), 1);
        assert_eq!(batcher.take_rest(), None);
        batcher.landed(&route("http://a"));
        assert!(batcher.lanes.is_empty());
    }
}
