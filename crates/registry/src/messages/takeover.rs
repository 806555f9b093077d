//! Takeovers (docs/lease.md, R11 and R12): waiting messages of a region go where the adopted plan sends them now.
//! Whether the region has fallen silent is for the proposer to know; which plan holds is checked here.

use model::command::{CHUNK_MAX, OutboxCursor};
use model::id::{Epoch, MessageId, RegionId};
use model::message::{Class, Progress};
use model::outcome::{Outcome, Refusal};
use model::plan::TrafficPlan;
use model::time::Timestamp;
use traffic::route::{Flow, route};

use super::moves::{self, Loaded};
use crate::step::Step;
use crate::tables::{Outbox, RowAccess, TableError, Tables};

/// One chunk of a takeover.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TakeoverChunk<'a> {
    /// The region that loses messages.
    pub region: &'a RegionId,
    /// The plan that moves them.
    pub epoch: Epoch,
    /// Where the last chunk ended; nothing to start.
    pub cursor: Option<OutboxCursor>,
    /// The largest number of messages that are looked at.
    pub limit: u32,
}

/// Moves waiting messages out of a region. Answers how many moved or are held now, and where the next chunk begins.
/// Messages that the plan still sends through the region stay. Refused unless the adopted plan has the epoch (R12).
pub(crate) fn take_over<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    chunk: &TakeoverChunk<'_>,
) -> Result<Outcome, TableError> {
    let Some(plan) = step.plan()? else {
        return Ok(Outcome::Refused(Refusal::NoPlan));
    };
    if plan.epoch != chunk.epoch {
        let (current, parent) = (plan.epoch, chunk.epoch);
        return Ok(Outcome::Refused(Refusal::PlanConflict { current, parent }));
    }
    let limit = chunk.limit.min(CHUNK_MAX) as usize;
    let mut ids = waiting_after(step, chunk, limit + 1)?;
    let more = ids.len() > limit;
    ids.truncate(limit);
    let mut touched = 0;
    for cursor in &ids {
        let loaded = moves::promised(step, cursor.message)?;
        touched += u32::from(move_one(step, &loaded, &plan)?);
    }
    let next = if more { ids.last().copied().or(chunk.cursor) } else { None };
    Ok(Outcome::Chunk { touched, next, more })
}

fn waiting_after<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    chunk: &TakeoverChunk<'_>,
    limit: usize,
) -> Result<Vec<OutboxCursor>, TableError> {
    let (due, message) = chunk.cursor.map_or((Timestamp(0), MessageId(0)), |cursor| (cursor.due, cursor.message));
    let from = (chunk.region.clone(), due, message);
    let rows = step.tables.rows_while::<Outbox>(&from, limit + 1, |key| key.0 == *chunk.region)?;
    Ok(rows
        .into_iter()
        .map(|((_, due, message), _)| OutboxCursor { due, message })
        .filter(|cursor| Some(*cursor) != chunk.cursor)
        .take(limit)
        .collect())
}

/// Moves one message, or holds it when it was claimed and nobody knows yet what came of it.
fn move_one<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    loaded: &Loaded,
    plan: &TrafficPlan,
) -> Result<bool, TableError> {
    let region = match route(plan, Flow::from(&loaded.message)) {
        Some(region) if region != loaded.progress.region => region,
        _ => return Ok(false),
    };
    if loaded.message.class == Class::AtMostOnce && loaded.progress.claim.is_some() {
        let detail = format!("claimed in {} when its messages were taken over", loaded.progress.region);
        moves::hold_claimed(step, loaded, &detail)?;
    } else {
        moves::requeue(step, loaded, Progress { region, epoch: plan.epoch, ..loaded.progress.clone() });
    }
    Ok(true)
}
