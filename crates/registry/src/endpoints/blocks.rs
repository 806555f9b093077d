//! The blocks that follow from endpoints. They stand in the partition of the recipient, where messages are decided; a
//! copy of each stands here, so that the next change knows what to replace.

use model::address::AddressKey;
use model::channel::{AddressFamily, Channel};
use model::command::FollowUpAction;
use model::endpoint::{Endpoint, EndpointOptOut, EndpointStatus};
use model::opt_out::{Block, BlockReason};
use model::outcome::FENCE_HERE;

use super::write::{Change, Waits};
use crate::forbid;
use crate::step::Step;
use crate::tables::{BlockedKeys, RowAccess, Table, TableError, Tables};

/// Where an endpoint's block stands: the key of its messages, and their channel.
type Place = (AddressKey, Channel);

/// Puts and removes blocks as a change of an endpoint demands. Raises the endpoint's revision where an older endpoint of
/// the same id left a block, so that the newer block counts.
///
/// # Errors
/// When the tables can't be read.
pub(crate) fn follow<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    change: &mut Change,
    waits: &mut Waits,
) -> Result<(), TableError> {
    let Change { old, new, insist } = change;
    let old_place = old.as_ref().and_then(place_of);
    let Some(place) = place_of(new) else {
        return Ok(());
    };
    let stayed = old_place.as_ref().is_some_and(|old_place| old_place.0 == place.0);
    if !stayed && let Some(left) = old_place {
        leave(step, new, left, waits)?;
    }
    let wanted = reason_of(new);
    if stayed && wanted.is_none() && old.as_ref().and_then(reason_of).is_none() {
        return Ok(());
    }
    let standing = step.tables.row::<BlockedKeys>(&(new.app, new.id.clone(), place.0.clone()))?;
    if let Some(standing) = &standing {
        new.revision = new.revision.max(standing.revision.next());
    }
    match (wanted, standing) {
        (None, None) => Ok(()),
        (None, Some(standing)) => lift(step, &standing, waits),
        (Some(BlockReason::OptedOut), _) if *insist => put(step, block(new, place, BlockReason::OptedOut), waits),
        (Some(reason), Some(standing)) if standing.reason == reason && standing.channel == place.1 => Ok(()),
        (Some(reason), _) => put(step, block(new, place, reason), waits),
    }
}

/// Blocks an endpoint that is deleted: nothing that waits for it goes out.
///
/// # Errors
/// When the tables can't be read.
pub(crate) fn bury<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    old: &Endpoint,
    waits: &mut Waits,
) -> Result<(), TableError> {
    let Some(place) = place_of(old) else {
        return Ok(());
    };
    let gone = Endpoint { revision: old.revision.next(), ..old.clone() };
    put(step, block(&gone, place, BlockReason::Deleted), waits)
}

/// Handles the address that an endpoint leaves. What forbade messages to the endpoint there must not go away with it,
/// because messages to it may still wait there: they stay forbidden, those to the address itself don't.
fn leave<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    endpoint: &Endpoint,
    place: Place,
    waits: &mut Waits,
) -> Result<(), TableError> {
    let key = (endpoint.app, endpoint.id.clone(), place.0.clone());
    match step.tables.row::<BlockedKeys>(&key)? {
        Some(standing) if standing.reason != BlockReason::Deleted => {
            put(step, block(endpoint, place, BlockReason::Deleted), waits)
        }
        _ => Ok(()),
    }
}

/// Stores a block where its address' messages are.
fn put<T: Tables + ?Sized>(step: &mut Step<'_, T>, block: Block, waits: &mut Waits) -> Result<(), TableError> {
    step.tables.store_row::<BlockedKeys>(mirror_key(&block), block.clone());
    let target = block.key.partition(step.partitions);
    if target == step.group {
        waits.push((target, FENCE_HERE));
        return forbid::put_block(step, &block);
    }
    waits.push((target, step.queue(target, FollowUpAction::PutBlock(block))?));
    Ok(())
}

fn lift<T: Tables + ?Sized>(step: &mut Step<'_, T>, block: &Block, waits: &mut Waits) -> Result<(), TableError> {
    step.tables.remove_row::<BlockedKeys>(&mirror_key(block));
    let (app, key, endpoint) = (block.app, block.key.clone(), block.endpoint.clone());
    let target = key.partition(step.partitions);
    if target == step.group {
        return forbid::remove_block(step, &(app, key, endpoint));
    }
    waits.push((target, step.queue(target, FollowUpAction::RemoveBlock { app, key, endpoint })?));
    Ok(())
}

fn mirror_key(block: &Block) -> <BlockedKeys as Table>::Key {
    (block.app, block.endpoint.clone(), block.key.clone())
}

fn block(endpoint: &Endpoint, (key, channel): Place, reason: BlockReason) -> Block {
    Block { app: endpoint.app, key, endpoint: endpoint.id.clone(), channel, reason, revision: endpoint.revision }
}

/// Returns where messages to an endpoint are decided: custom and in-app ones go by the endpoint itself.
pub(crate) fn place_of(endpoint: &Endpoint) -> Option<Place> {
    let target = endpoint.target.as_ref()?;
    let key = match target.channel.address_family() {
        AddressFamily::Custom => AddressKey::of_endpoint(endpoint.app, &endpoint.id),
        AddressFamily::Telephone | AddressFamily::Mailbox | AddressFamily::Token => target.key.clone(),
    };
    Some((key, target.channel))
}

/// Returns what an endpoint forbids. An opt-out is the stronger reason, because it holds for the address.
pub(crate) fn reason_of(endpoint: &Endpoint) -> Option<BlockReason> {
    match (endpoint.opt_out, endpoint.status) {
        (EndpointOptOut::All, _) => Some(BlockReason::OptedOut),
        (EndpointOptOut::None, EndpointStatus::Inactive) => Some(BlockReason::Inactive),
        (EndpointOptOut::None, EndpointStatus::Active) => None,
    }
}
