//! Settled messages that were kept long enough.

use std::time::Duration;

use model::body::BodyContent;
use model::id::{AppId, BodyId, MessageId};
use model::message::Body;
use model::time::Timestamp;

use super::{moves, pieces, traces};
use crate::step::Step;
use crate::tables::{Bodies, Events, Messages, ProgressOf, Retirements, RowAccess, TableError, Tables};

/// How long settled messages are kept with their events (docs/design/log.md, "What passes by command").
pub const SETTLED_KEPT: Duration = Duration::from_secs(72 * 3_600);

/// Removes settled messages that were kept long enough, with their progress, events and share of their body; only a
/// trace stays. Answers how many, and whether there are more.
pub(crate) fn retire_settled<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    limit: usize,
) -> Result<(u32, bool), TableError> {
    let now = step.now;
    let from = (Timestamp(0), MessageId(0));
    let mut rows = step.tables.rows_while::<Retirements>(&from, limit + 1, |key| key.0.plus(SETTLED_KEPT) <= now)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let touched = rows.len() as u32;
    for (key, ()) in rows {
        let loaded = moves::promised(step, key.1)?;
        release_body(step, loaded.message.app, loaded.message.body)?;
        for event in &loaded.progress.events {
            step.tables.remove_row::<Events>(&event.number);
        }
        step.tables.remove_row::<Messages>(&key.1);
        step.tables.remove_row::<ProgressOf>(&key.1);
        step.tables.remove_row::<Retirements>(&key);
        traces::leave(step, loaded, key.0)?;
    }
    Ok((touched, more))
}

fn release_body<T: Tables + ?Sized>(step: &mut Step<'_, T>, app: AppId, id: BodyId) -> Result<(), TableError> {
    let body = step.tables.promised_row::<Bodies>(&(app, id))?;
    if body.references > 1 {
        let references = body.references - 1;
        step.tables.store_row::<Bodies>((app, id), Body { references, ..body });
    } else {
        step.tables.remove_row::<Bodies>(&(app, id));
        if let BodyContent::Pieces(of) = body.content {
            pieces::remove(step, (app, id), 0..of.count);
        }
    }
    Ok(())
}
