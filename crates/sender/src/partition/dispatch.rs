//! Handing due messages over: which lane may begin a batch now, what follows from the critical section, and what from
//! the driver's answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use delivery::schedule::{Entry, Lane};
use model::Timestamp;
use model::command::Settlement;
use model::message::{Class, SendResult};
use registry::tables::{Meta, ProgressOf, RowAccess, TableError};
use service::ports::{DispatchObservation, NoPermit, SendObservation};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::begin::Counting;
use super::lease_tries::LeaseTries;
use super::outcome::{Handed, outcome, send_result, shortened};
use super::pre_check::{BegunDispatch, Blocked, Crossed, Crossing, Work};
use super::prepare::{Desk, Draft};
use super::turn::{Turn, Wake};
use super::{Done, Partition};
use crate::content_room::ContentShare;
use crate::driver::DriverResult;

/// How long a batch waits for others to end while drivers have as many contents as they may.
const CONTENTS_RETRY: Duration = Duration::from_millis(20);

/// What is known of a lane's dispatches.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LaneState {
    batches: usize,
    last_begun: Option<Instant>,
    paced_until: Option<Instant>,
    warned: bool,
}

/// A batch that a driver answered for.
pub(super) struct Dispatched {
    lane: Lane,
    begun: Vec<BegunDispatch>,
    results: Vec<DriverResult>,
    took: Duration,
}

/// What was prepared for a batch.
#[derive(Default)]
struct Drafted {
    drafts: Vec<Draft>,
    /// The bytes of their contents.
    bytes: usize,
}

/// Whether a lane may begin a batch, or claim one.
pub(super) enum May {
    /// It may, with at most this many messages.
    Begin(usize),
    /// Not before this time.
    At(Instant),
    /// Not before something under way ends.
    Later,
}

impl Partition {
    /// Begins what can be begun now: at most one batch per lane and pass.
    pub(super) fn begin_dispatches(&mut self, turn: Turn<'_>, wake: &mut Wake) -> Result<(), TableError> {
        for lane in self.due_lanes(turn, wake) {
            match self.may_begin(lane, turn) {
                May::Later => self.warn_unrouted(lane),
                May::At(instant) => wake.at(instant),
                May::Begin(limit) => {
                    if !self.lease_may_be_tried(turn, wake) {
                        return Ok(());
                    }
                    self.begin_dispatch(turn, lane, limit)?;
                    wake.now();
                }
            }
        }
        Ok(())
    }

    /// Lists the lanes with messages that could be dispatched now.
    fn due_lanes(&self, turn: Turn<'_>, wake: &mut Wake) -> Vec<Lane> {
        let mut due = Vec::new();
        for (lane, first) in self.schedule.lanes().filter(|(lane, _)| lane.class == Class::AtLeastOnce) {
            if first <= turn.now {
                due.push(lane);
            } else {
                wake.at(turn.instant_of(first));
            }
        }
        let claimed = self.claims.ready_channels().into_iter();
        due.extend(claimed.map(|channel| Lane { channel, class: Class::AtMostOnce }));
        due
    }

    fn may_begin(&self, lane: Lane, turn: Turn<'_>) -> May {
        let limits = self.shared.config.limits;
        let Some(driver) = self.shared.routes.driver(lane.channel) else { return May::Later };
        let state = self.lanes.get(&lane).copied().unwrap_or_default();
        let room = limits.unsettled_len.saturating_sub(self.inflight.len() + self.ending.len());
        let limit = limits.batch_len.min(driver.batch_max().max(1)).min(room);
        if limit == 0 || state.batches >= limits.batches_in_flight {
            return May::Later;
        }
        if self.shared.contents.is_full() {
            return May::At(turn.instant + CONTENTS_RETRY);
        }
        if lane.class == Class::AtMostOnce {
            // Claimed when they could begin.
            return May::Begin(limit);
        }
        let lingers = state.last_begun.filter(|_| state.batches > 0).map(|begun| begun + limits.dispatch_linger);
        let lingers = lingers.filter(|_| self.waiting_in(lane) < limit);
        match state.paced_until.into_iter().chain(lingers).max().filter(|until| *until > turn.instant) {
            Some(until) => May::At(until),
            None => May::Begin(limit),
        }
    }

    /// Returns how many batches of a lane a driver has.
    pub(super) fn batches_with_driver(&self, lane: Lane) -> usize {
        self.lanes.get(&lane).map_or(0, |state| state.batches)
    }

    /// Returns until when a lane's pace lets nothing go, as far as it is known.
    pub(super) fn paced_until(&self, lane: Lane) -> Option<Instant> {
        self.lanes.get(&lane)?.paced_until
    }

    /// Takes the right to send at most `wanted` messages of a lane; returns how many may go.
    pub(super) fn take_pace(&mut self, turn: Turn<'_>, lane: Lane, wanted: usize) -> usize {
        let granted = self.shared.pacer.take(lane.channel, turn.boot_time, wanted);
        if granted.count == 0 {
            self.lanes.entry(lane).or_default().paced_until = granted.next_at.map(|at| turn.instant_at(at));
        }
        granted.count
    }

    /// Says once that messages wait for a driver that isn't configured.
    pub(super) fn warn_unrouted(&mut self, lane: Lane) {
        let state = self.lanes.entry(lane).or_default();
        if !state.warned && self.shared.routes.driver(lane.channel).is_none() {
            state.warned = true;
            tracing::warn!(group = %self.group, channel = %lane.channel, "messages waiting: no driver configured for their channel");
        }
    }

    fn waiting_in(&self, lane: Lane) -> usize {
        match lane.class {
            Class::AtLeastOnce => self.schedule.len_of(lane),
            Class::AtMostOnce => self.claims.ready_len(lane.channel),
        }
    }

    /// Asks for the right to begin before anything is prepared, so that a node without a lease does no work in vain.
    pub(super) fn lease_may_be_tried(&mut self, turn: Turn<'_>, wake: &mut Wake) -> bool {
        if let Some(until) = self.lease_tries.rests_until(turn.instant) {
            wake.at(until);
            return false;
        }
        match self.shared.ports.permits.enter(self.group).err() {
            None => {
                self.lease_tries = LeaseTries::default();
                true
            }
            Some(refused) => {
                self.rest_after_refusal(refused);
                wake.at(self.lease_tries.rests_until(turn.instant).unwrap_or(turn.instant));
                false
            }
        }
    }

    fn rest_after_refusal(&mut self, refused: NoPermit) {
        self.note_closed();
        metrics::counter!("signalbox_sender_no_permit_total").increment(1);
        if self.lease_tries.refused(Instant::now(), self.shared.ports.random.next_u64()) {
            tracing::info!(group = %self.group, reason = %refused, "not sending: no valid send lease");
        }
    }

    /// Takes note that nothing can begin now; after a while gives back the claims of what is ready.
    pub(super) fn note_closed(&mut self) {
        if self.lease_tries.closed(Instant::now()) {
            self.release_ready(|_| true);
        }
    }

    fn begin_dispatch(&mut self, turn: Turn<'_>, lane: Lane, limit: usize) -> Result<(), TableError> {
        let shared = Arc::clone(&self.shared);
        let Some(driver) = shared.routes.driver(lane.channel) else { return Ok(()) };
        let Drafted { drafts, bytes } = self.draft(turn, lane, limit)?;
        if drafts.is_empty() {
            return Ok(());
        }
        let entries: Vec<Entry> = drafts.iter().map(|draft| draft.entry).collect();
        let claim = (lane.class == Class::AtMostOnce).then(|| shared.config.claim());
        let counting = claim.map(|claim| Counting {
            claim,
            unbegun: self.claims.with_driver(lane.channel),
            less: Arc::clone(&self.less_unbegun),
        });
        let share = shared.contents.take(bytes);
        let inflight = &mut self.inflight;
        let mut crossing = Crossing { shared: &shared, group: self.group, driver, inflight, counting };
        match crossing.cross(drafts) {
            Ok(crossed) => self.follow(lane, crossed, (entries.len(), share)),
            Err(Blocked::NoPermit(refused)) => {
                self.rest_after_refusal(refused);
                self.put_back(lane, entries);
            }
            Err(Blocked::Tables(error)) => return Err(error),
        }
        Ok(())
    }

    /// Takes due messages of a lane, as many as its pace allows, and prepares them.
    fn draft(&mut self, turn: Turn<'_>, lane: Lane, limit: usize) -> Result<Drafted, TableError> {
        let shared = Arc::clone(&self.shared);
        let wanted = limit.min(self.waiting_in(lane));
        let granted = match lane.class {
            Class::AtLeastOnce => self.take_pace(turn, lane, wanted),
            // Paid when they were claimed.
            Class::AtMostOnce => wanted,
        };
        if granted == 0 {
            return Ok(Drafted::default());
        }
        let entries = self.take(turn, lane, granted);
        let desk = Desk { view: turn.view, shared: &shared, plan: self.plan.as_deref() };
        let drafts = self.bodies.drafts(&desk, entries)?;
        for (entry, error) in drafts.unsendable {
            tracing::warn!(
                group = %self.group,
                message = %entry.message,
                reason = error.kind(),
                "message not rendered; it fails"
            );
            self.settle_unbegun(entry, SendResult::Failed { detail: shortened(error.to_string()) });
        }
        if lane.class == Class::AtMostOnce {
            self.release(drafts.moved);
        }
        shared.pacer.give_back(lane.channel, granted - drafts.ready.len() - drafts.left.len());
        self.put_back(lane, drafts.left);
        Ok(Drafted { drafts: drafts.ready, bytes: drafts.bytes })
    }

    /// Takes due messages of a lane that are not in flight.
    fn take(&mut self, turn: Turn<'_>, lane: Lane, count: usize) -> Vec<Entry> {
        let taken = match lane.class {
            Class::AtLeastOnce => self.schedule.take_due(lane, turn.now, count),
            Class::AtMostOnce => self.claims.take_ready(lane.channel, count),
        };
        taken.into_iter().filter(|entry| self.inflight.get(entry.message).is_none()).collect()
    }

    /// Takes back messages of a lane that could not begin. Claimed ones keep what they paid of the pace: they go as
    /// soon as they can.
    fn put_back(&mut self, lane: Lane, entries: Vec<Entry>) {
        match lane.class {
            Class::AtMostOnce => self.claims.put_back(entries),
            Class::AtLeastOnce => {
                self.shared.pacer.give_back(lane.channel, entries.len());
                entries.into_iter().for_each(|entry| self.hear_of(entry));
            }
        }
    }

    /// Follows up on a crossing of `count` messages, whose contents take `share`.
    fn follow(&mut self, lane: Lane, crossed: Crossed, (count, share): (usize, ContentShare)) {
        self.shared.pacer.give_back(lane.channel, count - crossed.begun.len() - crossed.left.len());
        self.shared.unsettled.fetch_add(crossed.begun.len(), Ordering::Relaxed);
        self.put_back(lane, crossed.left);
        for entry in crossed.forbidden {
            metrics::counter!("signalbox_sender_forbidden_total", "channel" => lane.channel.as_str()).increment(1);
            self.settle_unbegun(entry, SendResult::Forbidden);
        }
        for entry in crossed.not_due.into_iter().chain(crossed.unclaimed) {
            self.hear_of(entry);
        }
        if lane.class == Class::AtMostOnce {
            self.release(crossed.moved);
            self.release(crossed.over);
        }
        if let Some(work) = crossed.work {
            self.begin_work(lane, crossed.begun, (work, share));
        }
    }

    fn begin_work(&mut self, lane: Lane, begun: Vec<BegunDispatch>, (work, share): (Work, ContentShare)) {
        let state = self.lanes.entry(lane).or_default();
        state.batches += 1;
        state.last_begun = Some(Instant::now());
        let epoch = self.plan.as_deref().map(|plan| plan.epoch.0);
        let (group, channel, count) = (self.group, lane.channel, begun.len());
        let span = tracing::debug_span!("dispatch", %group, %channel, class = ?lane.class, count, epoch);
        let began = Instant::now();
        let dispatching = async move {
            tracing::debug!("batch given to the driver");
            let results = work.await;
            drop(share);
            tracing::debug!("batch answered");
            Done::Dispatched(Dispatched { lane, begun, results, took: began.elapsed() })
        };
        self.work.spawn(dispatching.instrument(span));
    }

    /// Records that a message ends without a dispatch. Its number is that of the dispatch which did not begin, by the
    /// rows as applied now: an entry may be older than the last recorded dispatch, and a wrong number would be ignored.
    fn settle_unbegun(&mut self, entry: Entry, result: SendResult) {
        let view = self.shared.ports.reads.view(self.group).ok();
        let progress = view.and_then(|view| view.row::<ProgressOf>(&entry.message).ok().flatten());
        let attempts = progress.map_or(entry.attempts, |progress| progress.attempts);
        self.ending.insert(entry.message);
        self.results.push(Settlement { message: entry.message, attempt: attempts + 1, result });
    }

    /// Returns the group's clock as applied here; the start of time while it can't be read.
    fn group_clock(&self) -> Timestamp {
        let view = self.shared.ports.reads.view(self.group).ok();
        let meta = view.and_then(|view| view.row::<Meta>(&()).ok().flatten());
        meta.unwrap_or_default().clock
    }

    /// Turns a driver's answer into results to record.
    pub(super) fn finish_dispatch(&mut self, handed_over: Dispatched) {
        let Dispatched { lane, begun, results, took } = handed_over;
        if let Some(state) = self.lanes.get_mut(&lane) {
            state.batches = state.batches.saturating_sub(1);
        }
        let now = self.shared.time(self.group, self.group_clock());
        let mut observed = BTreeMap::<&'static str, u64>::new();
        let mut sends = Vec::with_capacity(begun.len());
        let mut withdrawn = Vec::new();
        for (BegunDispatch { entry, attempt, app, address }, result) in begun.into_iter().zip(results) {
            self.notice(lane, &result);
            let name = result.name();
            sends.extend(outcome(&result).map(|outcome| SendObservation { app, address, outcome }));
            let seed = self.shared.ports.random.next_u64();
            let handed = Handed { channel: lane.channel, attempt, now, seed };
            let Some(result) = send_result(handed, result) else {
                withdrawn.push((entry, attempt));
                continue;
            };
            *observed.entry(name).or_default() += 1;
            self.results.push(Settlement { message: entry.message, attempt, result });
        }
        let observation = DispatchObservation { channel: lane.channel, took, results: observed, sends };
        self.shared.ports.observations.observe(&observation);
        self.withdraw(lane, withdrawn);
    }

    /// Takes back messages whose dispatch did not begin after all. Nothing is recorded of it; they are looked at anew,
    /// and what forbids them is settled then.
    fn withdraw(&mut self, lane: Lane, withdrawn: Vec<(Entry, u32)>) {
        if withdrawn.is_empty() {
            return;
        }
        let labels = [("channel", lane.channel.as_str())];
        metrics::counter!("signalbox_sender_withdrawn_total", &labels).increment(withdrawn.len() as u64);
        let mut entries = Vec::with_capacity(withdrawn.len());
        for (entry, attempt) in withdrawn {
            if self.inflight.settled(entry.message, attempt) {
                self.shared.unsettled.fetch_sub(1, Ordering::Relaxed);
            }
            let news = self.again.remove(&entry.message);
            entries.push(news.filter(|_| lane.class == Class::AtLeastOnce).unwrap_or(entry));
        }
        // Claimed ones may have been moved away or held meanwhile; before that is looked at, the region isn't drained.
        if lane.class == Class::AtMostOnce {
            self.claims.doubt();
        }
        self.put_back(lane, entries);
    }

    fn notice(&self, lane: Lane, result: &DriverResult) {
        if let DriverResult::Throttled { retry_after, .. } = result {
            let boot_time = self.shared.ports.clock.boot_time();
            self.shared.pacer.pause(lane.channel, boot_time, retry_after.unwrap_or_default());
        }
    }
}
