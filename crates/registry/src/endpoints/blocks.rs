//! The blocks that follow from endpoints. They stand in the partition of the recipient, where messages are decided; a
//! copy of each stands here, so that the next change knows what to replace.

use model::address::AddressKey;
use model::channel::{AddressFamily, Channel};
use model::command::FollowUpAction;
use model::endpoint::{Endpoint, EndpointOptOut, EndpointStatus};
use model::id::{GroupId, Revision};
use model::opt_out::{Block, BlockReason};
use model::outcome::FENCE_HERE;

use super::change::{Change, Waits};
use crate::forbid;
use crate::step::Step;
use crate::tables::{BlockedKeys, RowAccess, Table, TableError, Tables};

/// Where an endpoint's block stands: the key of its messages, and their channel.
type Place = (AddressKey, Channel);

/// What becomes of one block.
#[derive(Debug)]
enum Act {
    Put(Block),
    Lift(Block),
}

impl Act {
    fn block(&self) -> &Block {
        match self {
            Act::Put(block) | Act::Lift(block) => block,
        }
    }
}

/// Puts and removes blocks as a change of an endpoint demands. Raises the endpoint's revision where an older endpoint
/// of the same id left a block, so that the newer block counts.
pub(crate) fn follow<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    change: &mut Change,
    waits: &mut Waits,
) -> Result<(), TableError> {
    let (acts, revision) = acts(step, change)?;
    change.new.revision = revision;
    acts.into_iter().try_for_each(|act| match act {
        Act::Put(block) => put(step, block, waits),
        Act::Lift(block) => lift(step, &block, waits),
    })
}

/// Lists the other groups for which a change of an endpoint queues a follow-up, one for each.
pub(crate) fn targets<T: Tables + ?Sized>(step: &Step<'_, T>, change: &Change) -> Result<Vec<GroupId>, TableError> {
    let (acts, _) = acts(step, change)?;
    let targets = acts.iter().map(|act| act.block().key.partition(step.partitions));
    Ok(targets.filter(|target| *target != step.group).collect())
}

/// Returns the other group for which the deletion of an endpoint queues a follow-up, if it does.
pub(crate) fn burial_target<T: Tables + ?Sized>(step: &Step<'_, T>, old: &Endpoint) -> Option<GroupId> {
    let (key, _) = place_of(old)?;
    Some(key.partition(step.partitions)).filter(|target| *target != step.group)
}

/// Decides what a change does to blocks, in order, and which revision the endpoint has then. Changes nothing.
fn acts<T: Tables + ?Sized>(step: &Step<'_, T>, change: &Change) -> Result<(Vec<Act>, Revision), TableError> {
    let Change { old, new, insist } = change;
    let (mut acts, mut revision) = (Vec::new(), new.revision);
    let old_place = old.as_ref().and_then(place_of);
    let Some(place) = place_of(new) else {
        return Ok((acts, revision));
    };
    let stayed = old_place.as_ref().is_some_and(|old_place| old_place.0 == place.0);
    if !stayed && let Some(left) = old_place {
        acts.extend(leaving(step, new, left)?);
    }
    let wanted = reason_of(new);
    if stayed && wanted.is_none() && old.as_ref().and_then(reason_of).is_none() {
        return Ok((acts, revision));
    }
    let standing = step.tables.row::<BlockedKeys>(&(new.app, new.id.clone(), place.0.clone()))?;
    if let Some(standing) = &standing {
        revision = revision.max(standing.revision.next());
    }
    let put = |reason| Act::Put(Block { revision, ..block(new, place.clone(), reason) });
    match (wanted, standing) {
        (None, None) => {}
        (None, Some(standing)) => acts.push(Act::Lift(standing)),
        (Some(BlockReason::OptedOut), _) if *insist => acts.push(put(BlockReason::OptedOut)),
        (Some(reason), Some(standing)) if standing.reason == reason && standing.channel == place.1 => {}
        (Some(reason), _) => acts.push(put(reason)),
    }
    Ok((acts, revision))
}

/// Handles the address that an endpoint leaves. What forbade messages to the endpoint there must not go away with it,
/// because messages to it may still wait there: they stay forbidden, those to the address itself don't.
fn leaving<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    endpoint: &Endpoint,
    place: Place,
) -> Result<Option<Act>, TableError> {
    let key = (endpoint.app, endpoint.id.clone(), place.0.clone());
    let standing = step.tables.row::<BlockedKeys>(&key)?;
    let forbids = standing.is_some_and(|standing| standing.reason != BlockReason::Deleted);
    Ok(forbids.then(|| Act::Put(block(endpoint, place, BlockReason::Deleted))))
}

/// Blocks an endpoint that is deleted: nothing that waits for it goes out.
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
