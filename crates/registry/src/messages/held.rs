//! Held messages: nobody knows whether they were dispatched, and a policy or the operator decides. One that was held
//! under a claim keeps it, and whoever has that may still say what came of it.

use model::command::{CHUNK_MAX, Resolution};
use model::event::EventKind;
use model::id::{AppId, Epoch, MessageId, RegionId};
use model::message::{Progress, Status};
use model::outcome::Outcome;
use model::time::Timestamp;
use traffic::route::{Flow, route};

use super::moves::{self, Loaded, Note};
use crate::step::Step;
use crate::tables::{Held, RowAccess, TableError, Tables};

/// Decides what becomes of held messages; answers for how many it was decided. Messages that aren't held are left
/// alone, and so are those to be sent again while the plan lets no region send them.
pub(crate) fn resolve<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    messages: &[MessageId],
    resolution: Resolution,
) -> Result<Outcome, TableError> {
    let mut changed = 0;
    for id in messages.iter().take(CHUNK_MAX as usize) {
        let Some(loaded) = moves::load(step, *id)? else {
            continue;
        };
        if loaded.progress.status == Status::Held {
            changed += u32::from(resolve_one(step, &loaded, resolution)?);
        }
    }
    Ok(Outcome::Recorded { changed })
}

/// Ends held messages of a deleted app: what forbade them is its deletion. Answers how many there were, at most
/// `limit`.
pub(crate) fn forbid_held<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    app: AppId,
    limit: usize,
) -> Result<usize, TableError> {
    let rows = step.tables.rows_while::<Held>(&(app, MessageId(0)), limit, |key| key.0 == app)?;
    let touched = rows.len();
    for ((_, id), ()) in rows {
        let loaded = moves::promised(step, id)?;
        let detail = Some("the application was deleted");
        let note = Note { kind: EventKind::OptedOut, attempt: loaded.progress.attempts, detail };
        moves::end(step, &loaded, loaded.progress_at(Status::OptedOut), note)?;
    }
    Ok(touched)
}

fn resolve_one<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    loaded: &Loaded,
    resolution: Resolution,
) -> Result<bool, TableError> {
    let (status, kind, detail) = match resolution {
        Resolution::Resend if step.now < loaded.message.expires => return resend(step, loaded),
        Resolution::Resend => (Status::Expired, EventKind::Expired, "it expired while it was held"),
        Resolution::GiveUp => (Status::Failed, EventKind::Failed, "given up while it was held"),
        Resolution::Delivered => (Status::Delivered, EventKind::Sent, "found to be taken while it was held"),
    };
    let note = Note { kind, attempt: loaded.progress.attempts, detail: Some(detail) };
    moves::end(step, loaded, loaded.progress_at(status), note)?;
    Ok(true)
}

/// Lets a held message go again, in the region that the plan names now.
fn resend<T: Tables + ?Sized>(step: &mut Step<'_, T>, loaded: &Loaded) -> Result<bool, TableError> {
    let Some((region, epoch)) = named_now(step, loaded)? else {
        return Ok(false);
    };
    let attempt = loaded.progress.attempts;
    let note = Note { kind: EventKind::Retried, attempt, detail: Some("sent again on request") };
    let mut progress = loaded.progress_at(Status::Waiting);
    moves::record(step, &loaded.message, &mut progress, note);
    (progress.region, progress.epoch, progress.due) = (region, epoch, step.now);
    moves::release_held(step, loaded, progress)?;
    Ok(true)
}

/// Takes a hold back: the dispatch that the message was held for did not begin. It waits again, or expires if its time is
/// over.
pub(crate) fn take_back<T: Tables + ?Sized>(step: &mut Step<'_, T>, loaded: &Loaded) -> Result<(), TableError> {
    // What did not begin is no attempt.
    let attempts = loaded.progress.attempts.saturating_sub(1);
    let detail = Some("it had not begun when it was held");
    if step.now >= loaded.message.expires {
        let progress = Progress { attempts, ..loaded.progress_at(Status::Expired) };
        return moves::end(step, loaded, progress, Note { kind: EventKind::Expired, attempt: attempts, detail });
    }
    let progress = Progress { attempts, ..loaded.progress.clone() };
    wait_again(step, loaded, progress, Note { kind: EventKind::Retried, attempt: 0, detail })
}

/// Lets a held message wait for its next attempt after all: its provider certainly didn't take it.
pub(crate) fn again<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    loaded: &Loaded,
    due: Timestamp,
    note: Note<'_>,
) -> Result<(), TableError> {
    wait_again(step, loaded, Progress { due, ..loaded.progress.clone() }, note)
}

/// Lets a held message wait where the plan sends it now; while that names nobody, where it was.
fn wait_again<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    loaded: &Loaded,
    progress: Progress,
    note: Note<'_>,
) -> Result<(), TableError> {
    let mut progress = Progress { status: Status::Waiting, detail: note.detail.map(str::to_owned), ..progress };
    moves::record(step, &loaded.message, &mut progress, note);
    if let Some((region, epoch)) = named_now(step, loaded)? {
        (progress.region, progress.epoch) = (region, epoch);
    }
    moves::release_held(step, loaded, progress)
}

/// Returns the region that the plan sends a message through now, with the plan's epoch.
fn named_now<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    loaded: &Loaded,
) -> Result<Option<(RegionId, Epoch)>, TableError> {
    let plan = step.plan()?;
    Ok(plan.and_then(|plan| Some((route(&plan, Flow::from(&loaded.message))?, plan.epoch))))
}
