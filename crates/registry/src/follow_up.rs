//! Follow-ups at both of their ends: applied once and in order at the target, removed at the source when they are done.
//! How many wait at the source is bounded: a command that would queue more is refused before it changes anything.

use std::collections::BTreeMap;

use model::command::{CHUNK_MAX, FOLLOW_UPS_MAX, FollowUpAction};
use model::id::GroupId;
use model::outcome::{Outcome, Refusal};

use crate::effect::Effect;
use crate::step::Step;
use crate::tables::{FollowUpCounts, FollowUpCursors, FollowUps, RowAccess, TableError, Tables};
use crate::{forbid, partition};

/// Applies a follow-up from `source`. One that was applied before is done without effect, but holders report their
/// fence again because its acknowledgement waits for that; one that comes too early is refused.
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
        FollowUpAction::AdoptApp(send_state) => partition::adopt_app(step, send_state)?,
        FollowUpAction::PutBlock(block) => forbid::put_block(step, block)?,
        FollowUpAction::RemoveBlock { app, key, endpoint } => {
            forbid::remove_block(step, &(*app, key.clone(), endpoint.clone()))?;
            // It forbids nothing, but is waited for by fence like every follow-up.
            step.effects.push(Effect::Forbids);
        }
        FollowUpAction::EndApp { app } => partition::end_app(step, *app)?,
    }
    Ok(Outcome::Done)
}

/// Removes the follow-ups to `target` through a number.
pub(crate) fn done<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    target: GroupId,
    through: u64,
) -> Result<Outcome, TableError> {
    let waiting = step.tables.row::<FollowUpCounts>(&target)?.unwrap_or_default();
    let mut removed = 0;
    loop {
        let rows = step.tables.rows_while::<FollowUps>(&(target, 0), CHUNK_MAX as usize, |(group, number)| {
            *group == target && *number <= through
        })?;
        if rows.is_empty() {
            break;
        }
        removed += rows.len() as u64;
        for (key, _) in rows {
            step.tables.remove_row::<FollowUps>(&key);
        }
    }
    match waiting.saturating_sub(removed) {
        0 => step.tables.remove_row::<FollowUpCounts>(&target),
        left => step.tables.store_row::<FollowUpCounts>(target, left),
    }
    Ok(Outcome::Done)
}

/// Says why a command is refused that queues one follow-up for each of `targets`; nothing when there is room for all.
pub(crate) fn room<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    targets: impl IntoIterator<Item = GroupId>,
) -> Result<Option<Refusal>, TableError> {
    let mut more: BTreeMap<GroupId, u64> = BTreeMap::new();
    for target in targets {
        *more.entry(target).or_default() += 1;
    }
    for (target, more) in more {
        let waiting = step.tables.row::<FollowUpCounts>(&target)?.unwrap_or_default();
        if waiting.saturating_add(more) > FOLLOW_UPS_MAX {
            return Ok(Some(Refusal::TooManyFollowUps { target, limit: FOLLOW_UPS_MAX }));
        }
    }
    Ok(None)
}
