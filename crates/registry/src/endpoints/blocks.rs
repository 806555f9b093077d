//! The blocks that follow from endpoints. They stand in the partition of the recipient, where messages are decided; a
//! copy of each stands here, so that the next change knows what to replace. An endpoint that moved is known at the
//! addresses that it left, because messages to it may wait there.

use model::address::AddressKey;
use model::channel::{AddressFamily, Channel};
use model::command::FollowUpAction;
use model::endpoint::{Endpoint, EndpointOptOut, EndpointStatus, FORMER_PLACES_MAX, FormerPlace};
use model::id::{GroupId, Revision};
use model::opt_out::{Block, BlockReason};
use model::outcome::FENCE_HERE;

use super::change::{Change, Waits};
use crate::forbid;
use crate::step::Step;
use crate::tables::{BlockedKeys, FormerPlaces, RowAccess, Table, TableError, Tables};

/// Where an endpoint's block stands: the key of its messages, and their channel.
type Place = (AddressKey, Channel);

/// What a change does to blocks and to what is known of former places.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    /// In order.
    acts: Vec<Act>,
    /// The place that the endpoint leaves, to be remembered.
    left: Option<Place>,
    /// Former places that it needs not be remembered for any more.
    forgotten: Vec<AddressKey>,
    /// The revision that the endpoint has then.
    revision: Revision,
}

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

/// Puts and removes blocks as was decided of a change of an endpoint. Raises the endpoint's revision where an older
/// endpoint of the same id left a block, so that the newer block counts.
pub(crate) fn follow<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    change: &mut Change,
    decision: Decision,
    waits: &mut Waits,
) -> Result<(), TableError> {
    let Decision { acts, left, forgotten, revision } = decision;
    change.new.revision = revision;
    let (app, id) = (change.new.app, &change.new.id);
    for key in forgotten {
        step.tables.remove_row::<FormerPlaces>(&(app, id.clone(), key));
    }
    if let Some((key, channel)) = left {
        step.tables.store_row::<FormerPlaces>((app, id.clone(), key), FormerPlace { channel, left: revision });
    }
    acts.into_iter().try_for_each(|act| match act {
        Act::Put(block) => put(step, block, waits),
        Act::Lift(block) => lift(step, &block, waits),
    })
}

/// Lists the other groups for which what was decided queues a follow-up, one for each.
pub(crate) fn targets<T: Tables + ?Sized>(step: &Step<'_, T>, decision: &Decision) -> impl Iterator<Item = GroupId> {
    let (group, partitions) = (step.group, step.partitions);
    let targets = decision.acts.iter().map(move |act| act.block().key.partition(partitions));
    targets.filter(move |target| *target != group)
}

/// Lists the other groups for which the deletion of an endpoint queues a follow-up, one for each.
pub(crate) fn burial_targets<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    old: &Endpoint,
) -> Result<Vec<GroupId>, TableError> {
    let former = former_places(step, old)?.into_iter().map(|(key, _)| key);
    let keys = place_of(old).map(|(key, _)| key).into_iter().chain(former);
    Ok(keys.map(|key| key.partition(step.partitions)).filter(|target| *target != step.group).collect())
}

/// Decides what a change does. Changes nothing. It depends on rows of this endpoint alone.
pub(crate) fn decide<T: Tables + ?Sized>(step: &Step<'_, T>, change: &Change) -> Result<Decision, TableError> {
    let Change { old, new, .. } = change;
    let mut decision = Decision { revision: new.revision, ..Decision::default() };
    let Some(place) = place_of(new) else {
        return Ok(decision);
    };
    let old_place = old.as_ref().and_then(place_of);
    let stayed = old_place.as_ref().is_some_and(|old_place| old_place.0 == place.0);
    if stayed && reason_of(new).is_none() && old.as_ref().and_then(reason_of).is_none() {
        return Ok(decision);
    }
    elsewhere(step, change, &place, old_place.filter(|_| !stayed), &mut decision)?;
    here(step, change, place, &mut decision)?;
    Ok(decision)
}

/// Decides about the place where the endpoint is after the change.
fn here<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    change: &Change,
    place: Place,
    decision: &mut Decision,
) -> Result<(), TableError> {
    let Change { new, insist, .. } = change;
    let standing = step.tables.row::<BlockedKeys>(&(new.app, new.id.clone(), place.0.clone()))?;
    if let Some(standing) = &standing {
        decision.revision = decision.revision.max(standing.revision.next());
    }
    let put = |reason| Act::Put(Block { revision: decision.revision, ..block(new, place.clone(), reason) });
    match (reason_of(new), standing) {
        (None, None) => {}
        (None, Some(standing)) => decision.acts.push(Act::Lift(standing)),
        (Some(reason), Some(standing)) if !insist && standing.reason == reason && standing.channel == place.1 => {}
        (Some(reason), _) => decision.acts.push(put(reason)),
    }
    Ok(())
}

/// Decides about the places where the endpoint was: messages to it may still wait there. What forbids them now, or
/// forbade them before it left, closes those places to it; messages to the addresses themselves aren't its affair any
/// more. A place is remembered until the endpoint is back there, also a closed one: its closing must be waited for
/// again when the caller insists. Of more places than are remembered the oldest is closed.
fn elsewhere<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    change: &Change,
    here: &Place,
    left: Option<Place>,
    decision: &mut Decision,
) -> Result<(), TableError> {
    let Change { old, new, insist } = change;
    // A deleted endpoint leaves none, and so a new one has none.
    let mut former = if old.is_some() { former_places(step, new)? } else { Vec::new() };
    if let Some(back) = former.iter().position(|(key, _)| *key == here.0) {
        decision.forgotten.push(former.remove(back).0);
    }
    if let Some((key, channel)) = &left {
        former.push((key.clone(), FormerPlace { channel: *channel, left: new.revision }));
    }
    let dropped = if former.len() > FORMER_PLACES_MAX { Some(former.remove(0)) } else { None };
    decision.forgotten.extend(dropped.iter().map(|(key, _)| key.clone()));
    let forbids = reason_of(new).is_some();
    for (key, place) in dropped.iter().chain(&former) {
        let standing = step.tables.row::<BlockedKeys>(&(new.app, new.id.clone(), key.clone()))?;
        let closed = standing.as_ref().is_some_and(|standing| standing.reason == BlockReason::Deleted);
        let dropped = dropped.as_ref().is_some_and(|dropped| dropped.0 == *key);
        if (!closed && (forbids || dropped || standing.is_some())) || (closed && forbids && *insist) {
            decision.acts.push(Act::Put(block(new, (key.clone(), place.channel), BlockReason::Deleted)));
        }
    }
    decision.left = left;
    Ok(())
}

/// Lists where an endpoint was, by the time at which it left.
fn former_places<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    endpoint: &Endpoint,
) -> Result<Vec<(AddressKey, FormerPlace)>, TableError> {
    let from = (endpoint.app, endpoint.id.clone(), AddressKey::from_stored(""));
    let its_own = |key: &<FormerPlaces as Table>::Key| key.0 == endpoint.app && key.1 == endpoint.id;
    let rows = step.tables.rows_while::<FormerPlaces>(&from, FORMER_PLACES_MAX + 1, its_own)?;
    let mut places: Vec<_> = rows.into_iter().map(|((_, _, key), place)| (key, place)).collect();
    places.sort_by_key(|(_, place)| place.left);
    Ok(places)
}

/// Blocks an endpoint that is deleted, where it is and where it was: nothing that waits for it goes out.
pub(crate) fn bury<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    old: &Endpoint,
    waits: &mut Waits,
) -> Result<(), TableError> {
    let gone = Endpoint { revision: old.revision.next(), ..old.clone() };
    let former = former_places(step, old)?;
    for (key, _) in &former {
        step.tables.remove_row::<FormerPlaces>(&(old.app, old.id.clone(), key.clone()));
    }
    let places = place_of(old).into_iter().chain(former.into_iter().map(|(key, place)| (key, place.channel)));
    places.into_iter().try_for_each(|place| put(step, block(&gone, place, BlockReason::Deleted), waits))
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
