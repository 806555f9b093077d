//! The cluster's time behind one lock, with the node's clocks. What changes is logged here: the rules are `traffic`'s.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::id::{NodeId, RegionId};
use model::time::{BootTime, Timestamp};
use service::ports::Clock;
use store::LogStore;
use traffic::cluster_time::{ClusterClock, Heard, Leap, NotBlocked, OwnTime, Record, Source, TimeRules, TimeStatus};

use crate::time::record;

/// The cluster's time on this node.
pub(crate) struct ClusterTime {
    clock: Arc<dyn Clock>,
    /// Where the record is kept.
    log: LogStore,
    state: Mutex<State>,
}

struct State {
    clock: ClusterClock,
    /// What was stored last. Under one lock with the clock, so that no older record takes the place of a newer one.
    stored: Record,
}

impl ClusterTime {
    /// Begins with what an earlier start stored.
    pub(crate) fn new(rules: TimeRules, own: NodeId, clock: Arc<dyn Clock>, log: LogStore) -> ClusterTime {
        let found = log.read_time().map(|bytes| record::decode(bytes, clock.boot_id())).unwrap_or_default();
        let state = State { clock: ClusterClock::new(rules, own, found, clock.boot_time()), stored: found };
        ClusterTime { clock, log, state: Mutex::new(state) }
    }

    /// Reads the node's own clock.
    pub(crate) fn boot_time(&self) -> BootTime {
        self.clock.boot_time()
    }

    /// Returns the cluster's time at a moment of the node's own clock.
    pub(crate) fn at(&self, now: BootTime) -> Option<Timestamp> {
        self.lock().clock.time(now)
    }

    /// Returns the cluster's time for a leader that is about to stamp; when none is known, it is found the sooner.
    pub(crate) fn wanted(&self, now: BootTime) -> Option<Timestamp> {
        let clock = &mut self.lock().clock;
        if clock.time(now).is_none() {
            clock.wanted(now);
        }
        clock.time(now)
    }

    /// Takes what another node said of its clocks.
    pub(crate) fn heard(&self, heard: Heard) {
        self.lock().clock.heard(heard);
    }

    /// Compares the clocks, and logs what is new about them.
    pub(crate) fn look(&self, regions: &BTreeMap<NodeId, RegionId>) {
        let (now, wall) = (self.clock.boot_time(), self.clock.wall_time());
        let mut state = self.lock();
        let before = state.clock.status(now);
        state.clock.look(now, wall, regions);
        let after = state.clock.status(now);
        self.store(&mut state);
        drop(state);
        tell(&before, &after);
    }

    /// Stores what a process that starts again needs, if that changed.
    fn store(&self, state: &mut State) {
        let now = state.clock.record();
        if !record::moved(state.stored, now) {
            return;
        }
        if let Some(bytes) = record::encode(now, self.clock.boot_id()) {
            self.log.save_time(bytes);
            state.stored = now;
        }
    }

    /// Returns what other nodes are told: this node's wall clock, and what it takes for the cluster's time.
    pub(crate) fn told(&self) -> (Timestamp, Option<OwnTime>) {
        let (now, wall) = (self.clock.boot_time(), self.clock.wall_time());
        (wall, self.lock().clock.own_time(now))
    }

    /// Says whether this node's wall clock is off.
    pub(crate) fn is_off(&self) -> bool {
        self.status().off_ms.is_some()
    }

    /// Says whether another node's wall clock is known to be off.
    pub(crate) fn is_known_off(&self, node: NodeId) -> bool {
        self.status().others_off_ms.contains_key(&node)
    }

    /// Says whether a node's wall clock was heard of lately and isn't off.
    pub(crate) fn is_right(&self, node: NodeId) -> bool {
        let now = self.clock.boot_time();
        self.lock().clock.is_right(node, now)
    }

    /// Takes the median of the wall clocks for the time, on an operator's word, and stores that.
    pub(crate) fn accept(&self) -> Result<Leap, NotBlocked> {
        let mut state = self.lock();
        let accepted = state.clock.accept();
        self.store(&mut state);
        accepted
    }

    /// Returns how this node stands.
    pub(crate) fn status(&self) -> TimeStatus {
        let now = self.clock.boot_time();
        self.lock().clock.status(now)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs the difference between two looks.
fn tell(before: &TimeStatus, after: &TimeStatus) {
    match (before.source, after.source) {
        (known, now) if known == now => {}
        (_, Source::Line) => tracing::info!(time_ms = after.time.map(|time| time.0), "cluster time known"),
        (_, Source::Lower) => {
            tracing::warn!(
                "cluster time not agreed on: entries are stamped by the lower clock; check NTP on every node"
            );
        }
        (_, Source::Unknown) => tracing::warn!("cluster time not known: waiting for other regions' clocks"),
    }
    match (before.off_ms, after.off_ms) {
        (None, Some(ahead_ms)) => {
            tracing::warn!(ahead_ms, "wall clock of this node is off the cluster's time; check its NTP");
        }
        (Some(_), None) => tracing::info!("wall clock of this node agrees with the cluster's time again"),
        _ => {}
    }
    match (before.leap, after.leap) {
        (None, Some(leap)) => tracing::error!(
            ahead_ms = leap.ahead_ms,
            "wall clocks of most regions leapt, and the cluster's time doesn't follow; correct them, or run \
             `signalbox cluster accept-time` if they are right now"
        ),
        (Some(_), None) => tracing::info!("cluster time follows the wall clocks again"),
        _ => {}
    }
}
