//! What forbids sending: opt-outs of recipients, blocks of endpoints, and the one question that both answer.

use model::address::AddressKey;
use model::channel::Channel;
use model::id::{AppId, EndpointId};
use model::opt_out::{Block, BlockReason, ListedOptOut, OptOut, OptOutList, OptOutSource};
use model::outcome::{Outcome, Refusal};

use crate::effect::Effect;
use crate::step::Step;
use crate::tables::{BanCounts, Blocks, ListedOptOuts, OptOuts, RowAccess, Table, TableError, Tables, View};

/// How many blocks are read at a time while all blocks of one recipient are looked at; at least 2, because the last of
/// them is read again to go on.
const BLOCKS_READ: usize = 16;

/// Whom a message would go to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whom<'a> {
    pub app: AppId,
    pub key: &'a AddressKey,
    pub channel: Channel,
    /// The endpoint, unless it goes to an address.
    pub endpoint: Option<&'a EndpointId>,
}

/// Why nothing may be sent to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ban {
    /// The endpoint takes no messages or is gone.
    Inactive,
    /// The recipient wants none; this is the stronger reason.
    OptedOut,
}

/// Returns what forbids a message, or nothing. For nearly everybody this is one read that finds nothing.
pub(crate) fn ban<V: View + ?Sized>(view: &V, whom: Whom<'_>) -> Result<Option<Ban>, TableError> {
    if view.row::<BanCounts>(whom.key)?.is_none() {
        return Ok(None);
    }
    if let Some(list) = OptOutList::of(whom.channel)
        && view.row::<ListedOptOuts>(&(list, whom.key.clone()))?.is_some()
    {
        return Ok(Some(Ban::OptedOut));
    }
    if view.row::<OptOuts>(&(whom.app, whom.key.clone(), whom.channel))?.is_some() {
        return Ok(Some(Ban::OptedOut));
    }
    let mut from = (whom.app, whom.key.clone(), EndpointId::from_stored(""));
    let mut found = None;
    loop {
        let rows = view.rows_while::<Blocks>(&from, BLOCKS_READ, |key| (key.0, &key.1) == (whom.app, whom.key))?;
        found = rows.iter().filter_map(|(_, block)| of_block(block, whom)).max().max(found);
        match rows.last() {
            Some((last, _)) if rows.len() == BLOCKS_READ && found != Some(Ban::OptedOut) => from.clone_from(last),
            _ => return Ok(found),
        }
    }
}

fn of_block(block: &Block, whom: Whom<'_>) -> Option<Ban> {
    let its_own = whom.endpoint == Some(&block.endpoint);
    match block.reason {
        BlockReason::OptedOut => (its_own || block.channel == whom.channel).then_some(Ban::OptedOut),
        BlockReason::Inactive | BlockReason::Deleted => its_own.then_some(Ban::Inactive),
    }
}

/// Records an opt-out. One that stands keeps its source and time.
pub(crate) fn put_opt_out<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    key: <OptOuts as Table>::Key,
    source: OptOutSource,
) -> Result<Outcome, TableError> {
    if key.1.partition(step.partitions) != step.group {
        return Ok(Outcome::Refused(Refusal::WrongGroup));
    }
    if step.live_send_state(key.0)?.is_none() {
        return Ok(Outcome::Refused(Refusal::AppNotFound));
    }
    opt_out(step, key, source).map(Outcome::OptOut)
}

/// Records an opt-out of an app that exists, whoever said so. Returns the one that stands.
pub(crate) fn opt_out<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    key: <OptOuts as Table>::Key,
    source: OptOutSource,
) -> Result<OptOut, TableError> {
    step.effects.push(Effect::Forbids);
    if let Some(standing) = step.tables.row::<OptOuts>(&key)? {
        return Ok(standing);
    }
    let (app, recipient, channel) = key.clone();
    let row = OptOut { app, key: recipient, channel, source, time: step.now };
    counted(step.tables, &key.1)?;
    step.tables.store_row::<OptOuts>(key, row.clone());
    Ok(row)
}

/// Removes an opt-out.
pub(crate) fn delete_opt_out<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    key: &<OptOuts as Table>::Key,
) -> Result<Outcome, TableError> {
    if step.live_send_state(key.0)?.is_none() {
        return Ok(Outcome::Refused(Refusal::AppNotFound));
    }
    if step.tables.row::<OptOuts>(key)?.is_none() {
        return Ok(Outcome::Refused(Refusal::OptOutNotFound));
    }
    step.tables.remove_row::<OptOuts>(key);
    uncounted(step.tables, &key.1)?;
    Ok(Outcome::Done)
}

/// Records an opt-out in a list. One that stands keeps its source and time. It belongs to no app, and is fenced as
/// every other.
pub(crate) fn put_listed_opt_out<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    key: <ListedOptOuts as Table>::Key,
    source: OptOutSource,
) -> Result<Outcome, TableError> {
    if key.1.partition(step.partitions) != step.group {
        return Ok(Outcome::Refused(Refusal::WrongGroup));
    }
    step.effects.push(Effect::Forbids);
    if let Some(standing) = step.tables.row::<ListedOptOuts>(&key)? {
        return Ok(Outcome::ListedOptOut(standing));
    }
    let (list, recipient) = key.clone();
    counted(step.tables, &recipient)?;
    let row = ListedOptOut { list, key: recipient, source, time: step.now };
    step.tables.store_row::<ListedOptOuts>(key, row.clone());
    Ok(Outcome::ListedOptOut(row))
}

/// Removes an opt-out from a list.
pub(crate) fn delete_listed_opt_out<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    key: &<ListedOptOuts as Table>::Key,
) -> Result<Outcome, TableError> {
    if step.tables.row::<ListedOptOuts>(key)?.is_none() {
        return Ok(Outcome::Refused(Refusal::OptOutNotFound));
    }
    step.tables.remove_row::<ListedOptOuts>(key);
    uncounted(step.tables, &key.1)?;
    Ok(Outcome::Done)
}

/// Stores a block, unless a later one of the endpoint stands or the app is deleted and its rows are being removed.
pub(crate) fn put_block<T: Tables + ?Sized>(step: &mut Step<'_, T>, block: &Block) -> Result<(), TableError> {
    let key = (block.app, block.key.clone(), block.endpoint.clone());
    let standing = step.tables.row::<Blocks>(&key)?;
    let deleted = step.send_state(block.app)?.is_some_and(|send_state| send_state.deleted);
    if standing.is_none() && !deleted {
        counted(step.tables, &block.key)?;
    }
    if !deleted && standing.is_none_or(|standing| standing.revision <= block.revision) {
        step.tables.store_row::<Blocks>(key, block.clone());
    }
    step.effects.push(Effect::Forbids);
    Ok(())
}

/// Removes a block. Follow-ups of an endpoint come from one group in order, so that the block is the one that is meant.
pub(crate) fn remove_block<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    key: &<Blocks as Table>::Key,
) -> Result<(), TableError> {
    if step.tables.row::<Blocks>(key)?.is_some() {
        step.tables.remove_row::<Blocks>(key);
        uncounted(step.tables, &key.1)?;
    }
    Ok(())
}

/// Counts a ban of a recipient that is written.
fn counted<T: Tables + ?Sized>(tables: &mut T, key: &AddressKey) -> Result<(), TableError> {
    let count = tables.row::<BanCounts>(key)?.unwrap_or_default().saturating_add(1);
    tables.store_row::<BanCounts>(key.clone(), count);
    Ok(())
}

/// Uncounts a ban of a recipient that is removed.
pub(crate) fn uncounted<T: Tables + ?Sized>(tables: &mut T, key: &AddressKey) -> Result<(), TableError> {
    match tables.row::<BanCounts>(key)?.unwrap_or_default().saturating_sub(1) {
        0 => tables.remove_row::<BanCounts>(key),
        count => tables.store_row::<BanCounts>(key.clone(), count),
    }
    Ok(())
}
