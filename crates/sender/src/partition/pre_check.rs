//! What may go, as far as is known before a connection is there: under a valid lease each message is checked against
//! the rows as applied now, and a driver gets those that nothing forbids. That keeps withdrawn dispatches rare; the
//! check that decides is in `begin`, where the payload leaves. Nothing in here waits.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use delivery::inflight::{Inflight, InflightAttempt};
use delivery::schedule::Entry;
use futures::FutureExt;
use model::{Address, AppId, Epoch};
use registry::tables::{AdoptedPlan, Meta, RowAccess, TableError};
use registry::{DispatchChecks, Dispatcher, Verdict};
use service::panics::may_unwind;
use service::ports::{BoxFuture, NoPermit};

use super::begin::{Counting, Planned, Right};
use super::plan::moves_away;
use super::prepare::Draft;
use crate::driver::{self, Delivery, Driver, DriverResult};
use crate::shared::Shared;

/// What the check needs.
pub(super) struct Crossing<'a> {
    pub shared: &'a Arc<Shared>,
    pub group: model::GroupId,
    pub driver: &'a Arc<dyn Driver>,
    pub inflight: &'a mut Inflight,
    /// The claim of this incarnation, for the class that needs one.
    pub counting: Option<Counting>,
}

/// A dispatch that a driver has.
pub(super) struct BegunDispatch {
    pub entry: Entry,
    /// Its number.
    pub attempt: u32,
    pub app: AppId,
    pub address: Address,
}

/// What became of the drafts.
#[derive(Default)]
pub(super) struct Crossed {
    /// With the driver; in flight until settled or withdrawn.
    pub begun: Vec<BegunDispatch>,
    /// The driver's work on those; nothing when there are none.
    pub work: Option<Work>,
    /// Something forbids them; with the number that the dispatch would have had.
    pub forbidden: Vec<Entry>,
    /// They wait for another time.
    pub not_due: Vec<Entry>,
    /// They need a claim.
    pub unclaimed: Vec<Entry>,
    /// The plan adopted by now sends them through another region.
    pub moved: Vec<Entry>,
    /// They don't wait here any more, or their time is over: other commands deal with them.
    pub over: Vec<Entry>,
    /// There was no time left to look at them.
    pub left: Vec<Entry>,
}

/// A driver's work: one result for each message of its batch.
pub(super) type Work = BoxFuture<'static, Vec<DriverResult>>;

/// Why nothing was begun.
pub(super) enum Blocked {
    /// There is no right to begin now.
    NoPermit(NoPermit),
    /// The tables can't be read.
    Tables(TableError),
}

impl From<TableError> for Blocked {
    fn from(error: TableError) -> Blocked {
        Blocked::Tables(error)
    }
}

impl Crossing<'_> {
    /// Sorts the drafts and gives the driver those that may go.
    pub(super) fn cross(&mut self, drafts: Vec<Draft>) -> Result<Crossed, Blocked> {
        let shared = self.shared;
        let permit = shared.ports.permits.enter(self.group).map_err(Blocked::NoPermit)?;
        let entered = shared.ports.clock.boot_time();
        let mut crossed = Crossed::default();
        let (mut planned, mut batch) = (Vec::with_capacity(drafts.len()), Vec::with_capacity(drafts.len()));
        let plan = permit.view().row::<AdoptedPlan>(&())?;
        let meta = permit.view().row::<Meta>(&())?.unwrap_or_default();
        let now = shared.time(self.group, meta.clock);
        let region = &shared.config.region;
        let mut checks = DispatchChecks::new(
            permit.view(),
            Dispatcher { region, now, claim: self.counting.as_ref().map(|counting| counting.claim) },
        );
        for draft in drafts {
            if shared.ports.clock.boot_time().since(entered) >= shared.config.limits.pre_check_budget {
                crossed.left.push(draft.entry);
                continue;
            }
            let Draft { entry, candidate, delivery } = draft;
            let Some((attempt, epoch)) = sort(checks.verdict(&candidate)?, entry, &mut crossed) else { continue };
            if moves_away(plan.as_ref(), candidate.flow(), region) {
                crossed.moved.push(entry);
            } else if self.inflight.begin(entry.message, InflightAttempt { attempt, epoch: meta.epoch }) {
                let (app, address) = (delivery.app, delivery.address.clone());
                crossed.begun.push(BegunDispatch { entry, attempt, app, address });
                planned.push(Planned { candidate, attempt, epoch });
                batch.push(Delivery { attempt, epoch, ..delivery });
            }
        }
        drop(permit);
        crossed.work = (!batch.is_empty()).then(|| self.work(batch, planned));
        let took = shared.ports.clock.boot_time().since(entered);
        metrics::histogram!("signalbox_sender_pre_check_seconds").record(took.as_secs_f64());
        Ok(crossed)
    }

    fn work(&self, batch: Vec<Delivery>, planned: Vec<Planned>) -> Work {
        let right = Arc::new(Right::new(self.shared, self.group, self.counting.as_ref(), planned));
        work(self.driver, batch, right, self.shared.config.limits.dispatch_timeout)
    }
}

/// Sorts a message by its verdict, and returns the dispatch's number and plan when it may go.
fn sort(verdict: Verdict, entry: Entry, crossed: &mut Crossed) -> Option<(u32, Epoch)> {
    match verdict {
        Verdict::Go { attempt, epoch } => return Some((attempt, epoch)),
        Verdict::Forbidden => crossed.forbidden.push(entry),
        Verdict::NotDue(due) => crossed.not_due.push(Entry { due, ..entry }),
        Verdict::Unclaimed => crossed.unclaimed.push(entry),
        Verdict::NotHere | Verdict::Expired => crossed.over.push(entry),
    }
    None
}

/// Returns a driver's work, with the right to begin it. A driver that panics or takes too long leaves an unknown
/// outcome of what it began; nothing begins after the work's end.
fn work(driver: &Arc<dyn Driver>, batch: Vec<Delivery>, right: Arc<Right>, timeout: Duration) -> Work {
    let messages: Vec<_> = batch.iter().map(|delivery| delivery.message).collect();
    let driver = Arc::clone(driver);
    let dispatch = driver::Dispatch { batch, begin: Arc::clone(&right) as _ };
    let delivered = AssertUnwindSafe(async move {
        let answer = tokio::time::timeout(timeout, may_unwind(driver.deliver(dispatch))).await;
        answer.map_err(|_elapsed| "the driver did not answer in time")
    });
    Box::pin(async move {
        let count = messages.len();
        let unknown =
            |detail: &str| vec![DriverResult::Unknown { retry_after: None, detail: detail.to_owned() }; count];
        let results = match delivered.catch_unwind().await {
            Ok(Ok(results)) if results.len() == count => results,
            Ok(Ok(_)) => unknown("the driver answered for another number of messages"),
            Ok(Err(detail)) => unknown(detail),
            Err(_panic) => unknown("the driver failed"),
        };
        right.end(&messages, results)
    })
}
