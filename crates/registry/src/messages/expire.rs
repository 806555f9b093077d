//! Messages whose time is over.

use model::command::CHUNK_MAX;
use model::event::EventKind;
use model::id::MessageId;
use model::message::Status;
use model::outcome::Outcome;
use model::time::Timestamp;

use super::moves::{self, Note};
use crate::step::Step;
use crate::tables::{Expiries, RowAccess, TableError, Tables};

/// Expires waiting messages whose time is over. A claimed one is held instead: it may have been dispatched. When whoever
/// claimed it says that it was not, it expires after all.
pub(crate) fn expire<T: Tables + ?Sized>(step: &mut Step<'_, T>, limit: u32) -> Result<Outcome, TableError> {
    let limit = limit.min(CHUNK_MAX) as usize;
    let now = step.now;
    let from = (Timestamp(0), MessageId(0));
    let mut rows = step.tables.rows_while::<Expiries>(&from, limit + 1, |key| key.0 <= now)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let touched = rows.len() as u32;
    for ((_, id), ()) in rows {
        let loaded = moves::promised(step, id)?;
        if loaded.progress.claim.is_some() {
            moves::hold_claimed(step, &loaded, "its time was over while it was claimed")?;
        } else {
            let note = Note { kind: EventKind::Expired, attempt: loaded.progress.attempts, detail: None };
            moves::end(step, &loaded, loaded.progress_at(Status::Expired), note)?;
        }
    }
    Ok(Outcome::Chunk { touched, next: None, more })
}
