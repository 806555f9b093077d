//! The sender of one partition: one task that owns what it knows. Each turn it does all that can be done now (a
//! *pass*), then waits for news, for the end of something under way, or for the next due time. It polls nothing; only a
//! lease that is missing while messages are due is asked for again, in bounded steps.
//!
//! Rooms in reading order: `turn` (what one pass sees of time), `news`, `plan` (adoption, what moves, drained),
//! `earlier` (claims from before this start), `claims` with `unbegun`, `bodies`, `prepare`, `pre_check` (what may go),
//! `begin` (the critical section), `dispatch` with `lease_tries` (while there is no right to begin), `settle`, `propose`.

mod turn;

mod news;
mod plan;

mod begin;
mod bodies;
mod claims;
mod dispatch;
mod earlier;
mod lease_tries;
mod pre_check;
mod prepare;
mod unbegun;

mod outcome;
mod propose;
mod settle;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use delivery::inflight::Inflight;
use delivery::schedule::{Entry, Lane, Schedule};
use model::command::Settlement;
use model::{Epoch, GroupId, Incarnation, MessageId, TrafficPlan};
use registry::tables::{TableError, View};
use service::ports::ReadsError;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::feed::{Inbox, News, Received};
use crate::shared::{SenderFault, Shared};
use bodies::Bodies;
use claims::{ClaimAnswer, Claims};
use dispatch::{Dispatched, LaneState};
use lease_tries::LeaseTries;
use settle::Results;
use turn::{Turn, Wake};

/// How long a replica that can't be read now is left alone.
const VIEW_RETRY: std::time::Duration = std::time::Duration::from_millis(500);
/// The largest number of batches of news taken in before the next pass.
const NEWS_TAKEN_MAX: usize = 64;

/// See the module's text.
pub(crate) struct Partition {
    group: GroupId,
    shared: Arc<Shared>,
    inbox: Option<Inbox>,
    stop: watch::Receiver<bool>,
    /// What waits and isn't taken yet.
    schedule: Schedule,
    /// What was begun and isn't settled.
    inflight: Inflight,
    /// Messages that end without a dispatch, as long as that isn't recorded. Bounded together with what is in flight.
    ending: BTreeSet<MessageId>,
    /// News of messages that are in flight or ending, or whose claim is asked for: they are scheduled when that is
    /// recorded, or the claim refused.
    again: BTreeMap<MessageId, Entry>,
    claims: Claims,
    /// Told when a driver began something that is claimed: more can be claimed.
    less_unbegun: Arc<Notify>,
    results: Results,
    lanes: BTreeMap<Lane, LaneState>,
    lease_tries: LeaseTries,
    bodies: Bodies,
    plan: Option<Arc<TrafficPlan>>,
    drained_reported: Epoch,
    /// Whether claims of this node's earlier incarnations are dealt with: before that nothing is claimed.
    earlier_claims_ended: bool,
    work: JoinSet<Done>,
    meters: Meters,
}

/// What is shown of the partition while it runs.
struct Meters {
    scheduled: metrics::Gauge,
    unsettled: metrics::Gauge,
}

/// Something that was under way and ended.
enum Done {
    /// Claims of earlier incarnations are dealt with; or the node is stopping.
    BeginIncarnation,
    /// The group knows a later incarnation of this node.
    Outdated(Incarnation),
    /// A claim was answered.
    Claimed { entries: Vec<Entry>, epoch: Epoch, answer: ClaimAnswer },
    /// Claims were given back, without or with doubt whether an earlier try is still on its way.
    Released { entries: Vec<Entry>, doubt: bool },
    /// A driver answered.
    Dispatched(Dispatched),
    /// Results were recorded; or the node is stopping and they were not.
    Settled { results: Vec<Settlement>, recorded: bool },
}

impl Partition {
    pub(crate) fn new(group: GroupId, shared: Arc<Shared>, inbox: Inbox, stop: watch::Receiver<bool>) -> Partition {
        let schedule = Schedule::new(shared.config.limits.schedule_len);
        Partition {
            group,
            shared,
            inbox: Some(inbox),
            stop,
            schedule,
            inflight: Inflight::default(),
            ending: BTreeSet::new(),
            again: BTreeMap::new(),
            claims: Claims::default(),
            less_unbegun: Arc::default(),
            results: Results::default(),
            lanes: BTreeMap::new(),
            lease_tries: LeaseTries::default(),
            bodies: Bodies::default(),
            plan: None,
            drained_reported: Epoch(0),
            earlier_claims_ended: false,
            work: JoinSet::new(),
            meters: Meters::new(group),
        }
    }

    /// Sends until the node stops, and then until everything begun is settled.
    pub(crate) async fn run(mut self) -> Result<(), SenderFault> {
        self.begin_incarnation();
        let mut stop = self.stop.clone();
        loop {
            let wake = self.pass()?;
            if self.stopping() && self.work.is_empty() && self.results.is_empty() {
                return Ok(());
            }
            let stopping = self.stopping();
            let less_unbegun = Arc::clone(&self.less_unbegun);
            tokio::select! {
                received = receive(&mut self.inbox) => self.take_in(received),
                Some(done) = self.work.join_next() => self.finish(done)?,
                () = less_unbegun.notified() => {}
                () = wake.sleep() => {}
                _ = stop.changed(), if !stopping => {}
            }
        }
    }

    fn stopping(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    /// Does all that can be done now and says when there may be more.
    fn pass(&mut self) -> Result<Wake, SenderFault> {
        if let Some(fault) = self.shared.ports.journal.fault() {
            return Err(SenderFault::Journal(fault.clone()));
        }
        let view = match self.shared.ports.reads.view(self.group) {
            Ok(view) => view,
            Err(ReadsError::NotHere(_) | ReadsError::NotReached { .. } | ReadsError::TooLate { .. }) => {
                let mut wake = Wake::after(VIEW_RETRY);
                self.note_closed();
                self.begin_settles(&mut wake);
                return Ok(wake);
            }
        };
        self.pass_over(&*view).map_err(|source| SenderFault::Tables { group: self.group, source })
    }

    fn pass_over(&mut self, view: &dyn View) -> Result<Wake, TableError> {
        let turn = Turn::new(&self.shared, self.group, view)?;
        let mut wake = Wake::never();
        self.adopt(view)?;
        self.end_doubts(turn, &mut wake);
        if self.stopping() {
            self.release_ready(|_| true);
        } else {
            self.rescan(view, &mut wake)?;
            self.begin_claims(turn, &mut wake)?;
            self.begin_dispatches(turn, &mut wake)?;
        }
        self.begin_settles(&mut wake);
        self.report_drained();
        self.meters.scheduled.set(self.schedule.len() as f64);
        self.meters.unsettled.set(self.inflight.len() as f64);
        Ok(wake)
    }

    fn take_in(&mut self, received: Received) {
        match received {
            Received::Missed => {
                metrics::counter!("signalbox_sender_news_missed_total").increment(1);
                self.schedule.forget();
            }
            Received::Closed => self.inbox = None,
            Received::News(news) => {
                self.take_news(news);
                for _ in 0..NEWS_TAKEN_MAX {
                    let Some(more) = self.inbox.as_mut().and_then(Inbox::receive_now) else { break };
                    self.take_news(more);
                }
            }
        }
    }

    fn take_news(&mut self, news: Vec<News>) {
        for one in news {
            match one {
                News::Waiting(entry) => self.hear_of(entry),
                News::Gone(message) => self.forget(message),
                // The pass that follows compares the adopted plan with the known one.
                News::PlanChanged => {}
            }
        }
    }

    fn finish(&mut self, done: Result<Done, tokio::task::JoinError>) -> Result<(), SenderFault> {
        match done.map_err(|error| SenderFault::Died(error.to_string()))? {
            Done::BeginIncarnation => self.earlier_claims_ended = true,
            Done::Outdated(known) => return Err(SenderFault::Outdated { known }),
            Done::Claimed { entries, epoch, answer } => self.finish_claim(entries, epoch, &answer),
            Done::Released { entries, doubt } => self.finish_release(entries, doubt),
            Done::Dispatched(dispatched) => self.finish_dispatch(dispatched),
            Done::Settled { results, recorded } => self.finish_settle(&results, recorded),
        }
        Ok(())
    }
}

impl Meters {
    fn new(group: GroupId) -> Meters {
        let group = group.to_string();
        Meters {
            scheduled: metrics::gauge!("signalbox_sender_scheduled", "group" => group.clone()),
            unsettled: metrics::gauge!("signalbox_sender_unsettled", "group" => group),
        }
    }
}

async fn receive(inbox: &mut Option<Inbox>) -> Received {
    match inbox {
        Some(inbox) => inbox.receive().await,
        None => std::future::pending().await,
    }
}
