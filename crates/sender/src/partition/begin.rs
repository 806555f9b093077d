//! The critical section (rules R9 and R10), entered where the payload leaves: under a valid lease, each message is
//! checked against the rows as applied now, and the permit is kept until the driver wrote its first bytes. Nothing in
//! here waits; what is refused is withdrawn and can't begin any more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::message::Claim;
use model::{Epoch, GroupId, MessageId};
use registry::tables::{AdoptedPlan, Meta, RowAccess, TableError, View};
use registry::{Candidate, DispatchChecks, Dispatcher, Verdict};
use service::ports::NoPermit;
use tokio::sync::Notify;

use super::plan::moves_away;
use super::unbegun::{Counted, Unbegun};
use crate::driver::{Begin, BeginGuard, DriverResult, Withdrawn};
use crate::journal::{Begun, JournalError};
use crate::shared::Shared;

/// The right to begin the dispatches of one batch, each once.
pub(super) struct Right {
    check: Check,
    messages: Mutex<BTreeMap<MessageId, Asked>>,
}

/// A message of the batch: its dispatch, how far it got, and for as long as it is open its place in the count.
struct Asked {
    planned: Planned,
    stage: Stage,
    counted: Option<Counted>,
}

/// What claimed messages begin under, and where they are counted until they do.
pub(super) struct Counting {
    /// The claim of this incarnation.
    pub claim: Claim,
    /// The count.
    pub unbegun: Arc<Unbegun>,
    /// Told when the count goes down.
    pub less: Arc<Notify>,
}

/// A dispatch as it was prepared; what its payload says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Planned {
    pub candidate: Candidate,
    /// Its number; from 1.
    pub attempt: u32,
    /// The plan under which the region was named.
    pub epoch: Epoch,
}

/// How far a dispatch got. It leaves `Open` once, to either of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The driver didn't ask yet.
    Open,
    /// It was allowed: bytes may have left.
    Begun,
    /// It was refused: nothing left, and nothing will.
    Withdrawn,
}

/// What is needed to look at a message once more.
struct Check {
    shared: Arc<Shared>,
    group: GroupId,
    /// The claim of this incarnation, for the class that needs one.
    claim: Option<Claim>,
}

/// Why a dispatch may not begin.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    NoPermit(#[from] NoPermit),
    #[error("read the tables")]
    Tables(#[from] TableError),
    #[error("message {0} may no longer be dispatched")]
    Message(MessageId),
    #[error("note what begins")]
    Journal(#[from] JournalError),
}

impl Right {
    /// Makes the right for dispatches of a group, under the claim of those that need one.
    pub(super) fn new(
        shared: &Arc<Shared>,
        group: GroupId,
        counting: Option<&Counting>,
        planned: Vec<Planned>,
    ) -> Right {
        let check = Check { shared: Arc::clone(shared), group, claim: counting.map(|counting| counting.claim) };
        let asked = |planned: Planned| {
            let counted = counting.map(|counting| counting.unbegun.count(&counting.less));
            (planned.candidate.message, Asked { planned, stage: Stage::Open, counted })
        };
        Right { check, messages: Mutex::new(planned.into_iter().map(asked).collect()) }
    }

    /// Ends the right, so that nothing begins any more, and returns the results as far as they agree with what was
    /// begun: a withdrawn dispatch is never anything else, and one that was begun never withdrawn.
    pub(super) fn end(&self, messages: &[MessageId], results: Vec<DriverResult>) -> Vec<DriverResult> {
        let mut stages = self.lock();
        let ended = |(message, result): (&MessageId, DriverResult)| {
            let stage = stages.advance(*message, Stage::Withdrawn);
            match (stage, result) {
                (Stage::Withdrawn, _) => DriverResult::NotBegun,
                (Stage::Begun, DriverResult::NotBegun) => DriverResult::Unknown {
                    retry_after: None,
                    detail: "the driver gave up after it had begun".to_owned(),
                },
                (Stage::Open, DriverResult::NotBegun) => {
                    DriverResult::Temporary { detail: "the driver gave up before it began".to_owned() }
                }
                // The driver knows less than this: the provider took nothing of what never began.
                (Stage::Open, DriverResult::Unknown { retry_after: None, detail }) => {
                    DriverResult::Temporary { detail }
                }
                (Stage::Open, DriverResult::Unknown { retry_after, detail }) => {
                    DriverResult::Throttled { retry_after, detail }
                }
                (Stage::Open | Stage::Begun, result) => result,
            }
        };
        messages.iter().zip(results).map(ended).collect()
    }

    /// Nothing panics while it is locked, so that a poisoned lock means what an unpoisoned one does.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<MessageId, Asked>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begin for Right {
    fn begin(&self, messages: &[MessageId]) -> Result<BeginGuard, Withdrawn> {
        // Kept over the check: an end of the right comes before it or after it.
        let mut stages = self.lock();
        let open = messages.iter().filter_map(|message| stages.open(*message)).collect::<Vec<Planned>>();
        let begun = if open.len() == messages.len() {
            begin(&self.check, &open).map_err(|refused| {
                tracing::debug!(group = %self.check.group, %refused, count = messages.len(), "dispatch withdrawn");
                Withdrawn
            })
        } else {
            Err(Withdrawn)
        };
        let stage = if begun.is_ok() { Stage::Begun } else { Stage::Withdrawn };
        for message in messages {
            stages.advance(*message, stage);
        }
        begun
    }
}

/// The stages of a batch.
trait Stages {
    /// Returns a dispatch that is open.
    fn open(&self, message: MessageId) -> Option<Planned>;

    /// Moves an open dispatch to a stage and returns its stage before. What isn't of the batch counts as withdrawn.
    fn advance(&mut self, message: MessageId, stage: Stage) -> Stage;
}

impl Stages for BTreeMap<MessageId, Asked> {
    fn open(&self, message: MessageId) -> Option<Planned> {
        self.get(&message).filter(|asked| asked.stage == Stage::Open).map(|asked| asked.planned.clone())
    }

    fn advance(&mut self, message: MessageId, stage: Stage) -> Stage {
        let Some(asked) = self.get_mut(&message) else { return Stage::Withdrawn };
        let before = asked.stage;
        if before == Stage::Open {
            asked.stage = stage;
            asked.counted = None;
        }
        before
    }
}

/// Notes what needs it and begins; notes as well when it did not begin.
fn begin(check: &Check, planned: &[Planned]) -> Result<BeginGuard, Refused> {
    if check.claim.is_none() {
        return enter(check, planned);
    }
    let journal = &check.shared.ports.journal;
    let begun = |Planned { candidate, attempt, .. }: &Planned| Begun { message: candidate.message, attempt: *attempt };
    let begun: Vec<Begun> = planned.iter().map(begun).collect();
    // Before the permit is taken: a slow disk must not hold fences back.
    journal.begin(&begun)?;
    enter(check, planned).inspect_err(|_| journal.withdraw(begun))
}

/// Checks dispatches under a permit, and keeps that in what it returns: its drop ends the critical section.
fn enter(check: &Check, planned: &[Planned]) -> Result<BeginGuard, Refused> {
    let entered = check.shared.ports.clock.boot_time();
    let permit = check.shared.ports.permits.enter(check.group)?;
    check.may_begin(permit.view(), planned)?;
    let took = check.shared.ports.clock.boot_time().since(entered);
    metrics::histogram!("signalbox_sender_begin_seconds").record(took.as_secs_f64());
    Ok(BeginGuard::holding(permit))
}

impl Check {
    /// Decides whether all of these dispatches may begin as they were prepared.
    fn may_begin(&self, view: &dyn View, planned: &[Planned]) -> Result<(), Refused> {
        let region = &self.shared.config.region;
        let plan = view.row::<AdoptedPlan>(&())?;
        let group_clock = view.row::<Meta>(&())?.unwrap_or_default().clock;
        let now = self.shared.time(self.group, group_clock);
        let mut checks = DispatchChecks::new(view, Dispatcher { region, now, claim: self.claim });
        for Planned { candidate, attempt, epoch } in planned {
            let as_prepared = Verdict::Go { attempt: *attempt, epoch: *epoch };
            let moved = moves_away(plan.as_ref(), candidate.flow(), region);
            if checks.verdict(candidate)? != as_prepared || moved {
                return Err(Refused::Message(candidate.message));
            }
        }
        Ok(())
    }
}
