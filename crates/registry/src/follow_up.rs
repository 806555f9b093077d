//! Follow-ups at both of their ends: applied once and in order at the target, removed at the source when they are done.

use model::command::{CHUNK_MAX, FollowUpAction};
use model::id::GroupId;
use model::outcome::{Outcome, Refusal};

use crate::effect::Effect;
use crate::step::Step;
use crate::tables::{FollowUpCursors, FollowUps, RowAccess, TableError, Tables};
use crate::{forbid, partition};

/// Applies a follow-up from `source`. One that was applied before is done without effect, but holders report their fence
/// again because its acknowledgement waits for that; one that comes too early is refused.
///
/// # Errors
/// When the tables can't be read.
pub(crate) fn apply_follow_up<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    source: GroupId,
    number: u64,
    action: &FollowUpAction,
) -> Result<Outcome, TableError> {
    let expected = step.tables.row::<FollowUpCursors>(&source)?.unwrap_or_default() + 1;
    if number > expected {
        return Ok(Outcome::Refused(Refusal::FollowUpGap { number, expected }));
    }
    if number < expected {
        step.effects.push(Effect::Forbids);
        return Ok(Outcome::Done);
    }
    step.tables.store_row::<FollowUpCursors>(source, number);
    match action {
        FollowUpAction::AdoptApp(gate) => partition::adopt_app(step, gate)?,
        FollowUpAction::PutBlock(block) => forbid::put_block(step, block)?,
        FollowUpAction::RemoveBlock { app, key, endpoint } => {
            forbid::remove_block(step, &(*app, key.clone(), endpoint.clone()))?;
            // It forbids nothing, but is waited for by fence like every follow-up.
            step.effects.push(Effect::Forbids);
        }
    }
    Ok(Outcome::Done)
}

/// Removes the follow-ups to `target` through a number.
///
/// # Errors
/// When the tables can't be read.
pub(crate) fn done<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    target: GroupId,
    through: u64,
) -> Result<Outcome, TableError> {
    loop {
        let rows = step.tables.rows_while::<FollowUps>(&(target, 0), CHUNK_MAX as usize, |(group, number)| {
            *group == target && *number <= through
        })?;
        if rows.is_empty() {
            return Ok(Outcome::Done);
        }
        for (key, _) in rows {
            step.tables.remove_row::<FollowUps>(&key);
        }
    }
}
