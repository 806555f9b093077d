//! Results of dispatches, and what follows from each.

use model::command::{CHUNK_MAX, Settlement};
use model::event::EventKind;
use model::id::RegionId;
use model::message::{Class, Progress, SendResult, Status};
use model::outcome::Outcome;
use model::time::Timestamp;

use super::held;
use super::moves::{self, Loaded, Note};
use crate::step::Step;
use crate::tables::{ProgressOf, RowAccess, TableError, Tables};

/// Records what came of dispatches; answers how many results changed something. Results about unknown messages, about
/// dispatches that were counted, and about messages that another region has now are ignored; only that a provider took
/// a message that is still kept is never ignored, because it is a fact whoever says so. Of a message that is held under
/// its claim, the result is what was waited for.
pub(crate) fn settle<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    region: &RegionId,
    results: &[Settlement],
) -> Result<Outcome, TableError> {
    let mut changed = 0;
    for settlement in results.iter().take(CHUNK_MAX as usize) {
        let Some(loaded) = moves::load(step, settlement.message)? else {
            continue;
        };
        changed += u32::from(match &settlement.result {
            SendResult::Delivered { provider_id } => {
                taken(step, loaded, Handed { region, attempt: settlement.attempt }, provider_id.as_deref())?
            }
            other if counts(&loaded, region, settlement.attempt) => {
                not_taken(step, loaded, settlement.attempt, other)?;
                true
            }
            _ => false,
        });
    }
    Ok(Outcome::Recorded { changed })
}

/// Says whether a result is that of the dispatch which the message waits for.
fn counts(loaded: &Loaded, region: &RegionId, attempt: u32) -> bool {
    let progress = &loaded.progress;
    let awaited = match progress.status {
        Status::Waiting => progress.attempts + 1,
        // It was counted when the message was held.
        Status::Held if progress.claim.is_some() => progress.attempts,
        _ => return false,
    };
    progress.region == *region && attempt == awaited
}

/// Who handed a message over, and which time it was.
#[derive(Debug, Clone, Copy)]
struct Handed<'a> {
    region: &'a RegionId,
    attempt: u32,
}

/// Records that a provider took a message. One that ended otherwise before is delivered then: whoever had it was cut off
/// and says so late.
fn taken<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    loaded: Loaded,
    handed: Handed<'_>,
    provider_id: Option<&str>,
) -> Result<bool, TableError> {
    let note = Note { kind: EventKind::Sent, attempt: handed.attempt, detail: None };
    if loaded.progress.status == Status::Delivered {
        return taken_again(step, loaded, note, (handed, provider_id));
    }
    let mut progress = loaded.progress_at(Status::Delivered);
    progress.region = handed.region.clone();
    progress.attempts = progress.attempts.max(handed.attempt);
    progress.provider_id = provider_id.map(str::to_owned);
    if loaded.progress.status.is_final() {
        moves::correct(step, &loaded, progress, note)?;
    } else {
        moves::end(step, &loaded, progress, note)?;
    }
    Ok(true)
}

/// Records that a provider took a message that is delivered, unless its events tell so already.
fn taken_again<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    mut loaded: Loaded,
    note: Note<'_>,
    (handed, provider_id): (Handed<'_>, Option<&str>),
) -> Result<bool, TableError> {
    if loaded.progress.has_event(EventKind::Sent) {
        return Ok(false);
    }
    let ended_in = std::mem::replace(&mut loaded.progress.region, handed.region.clone());
    moves::record(step, &loaded.message, &mut loaded.progress, note);
    loaded.progress.region = ended_in;
    loaded.progress.attempts = loaded.progress.attempts.max(handed.attempt);
    loaded.progress.provider_id = loaded.progress.provider_id.or_else(|| provider_id.map(str::to_owned));
    step.tables.store_row::<ProgressOf>(loaded.message.id, loaded.progress);
    Ok(true)
}

fn not_taken<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    loaded: Loaded,
    attempt: u32,
    result: &SendResult,
) -> Result<(), TableError> {
    match result {
        SendResult::Delivered { .. } => Ok(()),
        SendResult::Retry { due, detail } => again(step, &loaded, attempt, (*due, detail)),
        SendResult::Unknown { due, detail } => match loaded.message.class {
            Class::AtLeastOnce => again(step, &loaded, attempt, (*due, detail)),
            Class::AtMostOnce if loaded.progress.status == Status::Held => {
                moves::set_claim(step, loaded.message.id, loaded.progress, None);
                Ok(())
            }
            Class::AtMostOnce => moves::hold(step, &loaded, detail),
        },
        SendResult::Failed { detail } => {
            let progress = Progress { attempts: attempt, ..loaded.progress_at(Status::Failed) };
            moves::end(step, &loaded, progress, Note { kind: EventKind::Failed, attempt, detail: Some(detail) })
        }
        SendResult::Forbidden => {
            let note = Note { kind: EventKind::OptedOut, attempt: 0, detail: None };
            moves::end(step, &loaded, loaded.progress_at(Status::OptedOut), note)
        }
    }
}

/// Lets a message wait for its next attempt, unless that would come too late.
fn again<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    loaded: &Loaded,
    attempt: u32,
    (due, detail): (Timestamp, &str),
) -> Result<(), TableError> {
    let note = |kind| Note { kind, attempt, detail: Some(detail) };
    if due >= loaded.message.expires {
        let progress = Progress { attempts: attempt, ..loaded.progress_at(Status::Expired) };
        return moves::end(step, loaded, progress, note(EventKind::Expired));
    }
    if loaded.progress.status == Status::Held {
        return held::again(step, loaded, due, note(EventKind::Retried));
    }
    let mut progress = Progress { attempts: attempt, due, detail: Some(detail.to_owned()), ..loaded.progress.clone() };
    moves::record(step, &loaded.message, &mut progress, note(EventKind::Retried));
    moves::requeue(step, loaded, progress);
    Ok(())
}
