//! Claims: the committed right of one incarnation of a node to hand a message of class `at_most_once` over once.

use model::command::CHUNK_MAX;
use model::id::{Incarnation, MessageId, NodeId, RegionId};
use model::message::{Claim, Class, Progress, Status};
use model::outcome::{Outcome, Refusal};

use super::{held, moves};
use crate::step::Step;
use crate::tables::{Claims, Incarnations, Outbox, ProgressOf, RowAccess, TableError, Tables};

/// Claims messages of a region's outbox for a node; answers those that are now its. The same claim again is answered
/// alike.
pub(crate) fn claim<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    claim: Claim,
    region: &RegionId,
    messages: &[MessageId],
) -> Result<Outcome, TableError> {
    let incarnation = step.tables.row::<Incarnations>(&claim.node)?.unwrap_or_default();
    let mut claimed = Vec::new();
    if claim.incarnation < incarnation {
        return Ok(Outcome::Claimed(claimed));
    }
    for id in messages.iter().take(CHUNK_MAX as usize) {
        let Some(progress) = step.tables.row::<ProgressOf>(id)? else {
            continue;
        };
        if !claimable(step, *id, &progress, region)? || progress.claim.is_some_and(|other| other != claim) {
            continue;
        }
        claimed.push(*id);
        if progress.claim.is_none() {
            moves::set_claim(step, *id, progress, Some(claim));
        }
    }
    Ok(Outcome::Claimed(claimed))
}

fn claimable<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    id: MessageId,
    progress: &Progress,
    region: &RegionId,
) -> Result<bool, TableError> {
    if progress.status != Status::Waiting || progress.region != *region {
        return Ok(false);
    }
    let row = step.tables.promised_row::<Outbox>(&(region.clone(), progress.due, id))?;
    Ok(row.class == Class::AtMostOnce && step.now < row.expires)
}

/// Gives claims back, because what they are for did not begin and will not under them; those of others are left alone. A
/// message that is held only because of its claim waits again. Answers how many were given back.
pub(crate) fn release<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    claim: Claim,
    messages: &[MessageId],
) -> Result<Outcome, TableError> {
    let mut changed = 0;
    for id in messages.iter().take(CHUNK_MAX as usize) {
        let Some(mut loaded) = moves::load(step, *id)?.filter(|loaded| loaded.progress.claim == Some(claim)) else {
            continue;
        };
        if loaded.progress.status == Status::Held {
            held::take_back(step, &loaded)?;
        } else {
            moves::set_claim(step, *id, loaded.progress.clone(), None);
            loaded.progress.claim = None;
            moves::announce(step, &loaded.message, &loaded.progress);
        }
        changed += 1;
    }
    Ok(Outcome::Recorded { changed })
}

/// Notes that a node started: earlier incarnations claim nothing any more, and what they had claimed and did not give
/// back is held for good, because nobody knows what came of it. With a limit of 0 it is only noted.
pub(crate) fn begin_incarnation<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    node: NodeId,
    incarnation: Incarnation,
    limit: u32,
) -> Result<Outcome, TableError> {
    let known = step.tables.row::<Incarnations>(&node)?.unwrap_or_default();
    if known > incarnation {
        return Ok(Outcome::Refused(Refusal::IncarnationOutdated { known }));
    }
    if known < incarnation {
        step.tables.store_row::<Incarnations>(node, incarnation);
    }
    let limit = limit.min(CHUNK_MAX) as usize;
    let from = (node, Incarnation(0), MessageId(0));
    let mut rows = step.tables.rows_while::<Claims>(&from, limit + 1, |key| key.0 == node && key.1 < incarnation)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let touched = rows.len() as u32;
    for ((_, old, id), ()) in rows {
        let loaded = moves::promised(step, id)?;
        if loaded.progress.status == Status::Held {
            moves::set_claim(step, id, loaded.progress, None);
        } else {
            moves::hold(step, &loaded, &format!("node {node} stopped in incarnation {old} while it held the claim"))?;
        }
    }
    Ok(Outcome::Chunk { touched, next: None, more })
}
