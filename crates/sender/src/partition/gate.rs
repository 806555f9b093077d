//! The critical section (rules R9 and R10): under a valid lease, each message is checked once more against the rows as
//! applied now, and the handover of those that may go begins, all before the permit is given back. Nothing in here
//! waits.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use delivery::inflight::{Begun, Inflight};
use delivery::schedule::Entry;
use futures::FutureExt;
use model::message::Claim;
use model::{Epoch, Timestamp};
use registry::handover::{Handover, Verdict, may_hand_over};
use registry::tables::{AdoptedPlan, Meta, RowAccess, TableError, View};
use service::ports::{BoxFuture, NoPermit};

use super::plan::moves_away;
use super::prepare::Draft;
use crate::driver::{Delivery, Driver, DriverResult};
use crate::shared::Shared;

/// What the critical section needs.
pub(super) struct Crossing<'a> {
    pub shared: &'a Shared,
    pub group: model::GroupId,
    pub driver: &'a Arc<dyn Driver>,
    pub inflight: &'a mut Inflight,
    /// The claim of this boot, for the class that needs one.
    pub claim: Option<Claim>,
}

/// What became of the drafts.
#[derive(Default)]
pub(super) struct Crossed {
    /// Begun, with the number of the handover.
    pub begun: Vec<(Entry, u32)>,
    /// The driver's work on those, begun; nothing when none was.
    pub work: Option<Work>,
    /// Something forbids them; with the number that the handover would have had.
    pub forbidden: Vec<Entry>,
    /// They wait for another time.
    pub not_due: Vec<Entry>,
    /// They need a claim.
    pub unclaimed: Vec<Entry>,
    /// The plan adopted by now sends them through another region.
    pub moved: Vec<Entry>,
    /// There was no time left to look at them.
    pub left: Vec<Entry>,
}

/// A driver's work that was begun.
pub(super) enum Work {
    /// It ended at once.
    Ended(Vec<DriverResult>),
    /// It goes on.
    Goes(BoxFuture<'static, Vec<DriverResult>>),
}

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
    /// Enters the critical section, sorts the drafts and begins those that may go.
    pub(super) fn cross(&mut self, drafts: Vec<Draft>) -> Result<Crossed, Blocked> {
        let shared = self.shared;
        let permit = shared.ports.permits.enter(self.group).map_err(Blocked::NoPermit)?;
        let entered = shared.ports.clock.boot_time();
        let mut crossed = Crossed::default();
        let mut batch = Vec::with_capacity(drafts.len());
        let plan = permit.view().row::<AdoptedPlan>(&())?;
        let meta = permit.view().row::<Meta>(&())?.unwrap_or_default();
        let now = shared.ports.clock.wall_time().max(meta.clock);
        for draft in drafts {
            if shared.ports.clock.boot_time().since(entered) >= shared.config.limits.gate_budget {
                crossed.left.push(draft.entry);
                continue;
            }
            let verdict = self.verdict(permit.view(), draft.entry, now)?;
            let Some(verdict) = sort(verdict, draft.entry, &mut crossed) else { continue };
            if moves_away(plan.as_ref(), &verdict.message, &shared.config.region) {
                crossed.moved.push(draft.entry);
            } else if self.inflight.begin(draft.entry.message, Begun { attempt: verdict.attempt, epoch: meta.epoch }) {
                crossed.begun.push((draft.entry, verdict.attempt));
                batch.push(Delivery { attempt: verdict.attempt, epoch: verdict.epoch, ..draft.delivery });
            }
        }
        crossed.work = (!batch.is_empty()).then(|| begin(self.driver, batch, shared.config.limits.handover_timeout));
        drop(permit);
        let took = shared.ports.clock.boot_time().since(entered);
        metrics::histogram!("signalbox_sender_gate_seconds").record(took.as_secs_f64());
        Ok(crossed)
    }

    fn verdict(&self, view: &dyn View, entry: Entry, now: Timestamp) -> Result<Verdict, TableError> {
        let region = &self.shared.config.region;
        may_hand_over(view, &Handover { region, message: entry.message, now, claim: self.claim })
    }
}

/// A message that may go.
struct Go {
    message: Box<model::Message>,
    attempt: u32,
    epoch: Epoch,
}

/// Sorts a message by its verdict; what is not here or expired is left to the commands that deal with it.
fn sort(verdict: Verdict, entry: Entry, crossed: &mut Crossed) -> Option<Go> {
    match verdict {
        Verdict::Go { message, progress, .. } => {
            return Some(Go { message, attempt: progress.attempts + 1, epoch: progress.epoch });
        }
        Verdict::Forbidden => crossed.forbidden.push(entry),
        Verdict::NotDue(due) => crossed.not_due.push(Entry { due, ..entry }),
        Verdict::Unclaimed => crossed.unclaimed.push(entry),
        Verdict::NotHere | Verdict::Expired => {}
    }
    None
}

/// Begins a driver's work: polls it once, here and now. A driver that panics or takes too long leaves an unknown
/// outcome.
fn begin(driver: &Arc<dyn Driver>, batch: Vec<Delivery>, timeout: Duration) -> Work {
    let count = batch.len();
    let driver = Arc::clone(driver);
    let unknown = move |detail: &str| vec![DriverResult::Unknown { detail: detail.to_owned() }; count];
    let delivered = AssertUnwindSafe(async move {
        let answer = tokio::time::timeout(timeout, driver.deliver(batch)).await;
        answer.map_err(|_elapsed| "the driver did not answer in time")
    });
    let mut work: Pin<Box<dyn Future<Output = Vec<DriverResult>> + Send>> = Box::pin(async move {
        match delivered.catch_unwind().await {
            Ok(Ok(results)) if results.len() == count => results,
            Ok(Ok(_)) => unknown("the driver answered for another number of messages"),
            Ok(Err(detail)) => unknown(detail),
            Err(_panic) => unknown("the driver failed"),
        }
    });
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(results) => Work::Ended(results),
        Poll::Pending => Work::Goes(work),
    }
}
