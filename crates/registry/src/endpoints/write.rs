//! The one place that writes endpoint rows, so that the indexes and blocks that follow from them always fit.

use model::endpoint::{Endpoint, EndpointStatus};
use model::id::EndpointId;
use model::outcome::Refusal;

use super::blocks::Decision;
use super::change::{Change, Waits};
use super::{blocks, former, users};
use crate::follow_up;
use crate::step::Step;
use crate::tables::{AddressEndpoints, Endpoints, RowAccess, Table, TableError, Tables};

/// A change with what follows from it, as found before anything was changed.
#[derive(Debug)]
pub(crate) struct Planned {
    change: Change,
    blocks: Decision,
    /// The endpoint that was active where this one is now, made inactive.
    displaced: Option<Box<Planned>>,
}

/// Finds what follows from a change that comes after that of the endpoint that yields to it, if one does. Changes
/// nothing.
pub(crate) fn plan<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    change: Change,
    yielding: Option<&Planned>,
) -> Result<Planned, TableError> {
    // One that yields is inactive by then.
    let yields = |other: &EndpointId| yielding.is_some_and(|yielding| yielding.change.new.id == *other);
    let displaced = match active_place(&change.new) {
        Some(place) => displaced(step, &place, &change.new, yields)?,
        None => None,
    };
    let displaced = displaced.map(|displaced| plan(step, displaced, None)).transpose()?.map(Box::new);
    Ok(Planned { blocks: blocks::decide(step, &change)?, change, displaced })
}

/// Stores a changed endpoint with all that follows: who is active at its address, its user's endpoints, its blocks.
/// Returns it as it is stored.
pub(crate) fn write<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    planned: Planned,
    waits: &mut Waits,
) -> Result<Endpoint, TableError> {
    let Planned { mut change, blocks: decision, displaced } = planned;
    let (old, new) = (change.old.as_ref(), &change.new);
    let (old_place, new_place) = (old.and_then(active_place), active_place(new));
    if old_place != new_place
        && let Some(place) = &old_place
    {
        step.tables.remove_row::<AddressEndpoints>(place);
    }
    if let Some(place) = new_place {
        if let Some(displaced) = displaced {
            write(step, *displaced, waits)?;
        }
        step.tables.store_row::<AddressEndpoints>(place, new.id.clone());
    }
    let from = old.and_then(|old| old.user.as_ref());
    users::relink(step, new.app, &new.id, from, new.user.as_ref());
    former::follow(step, &mut change)?;
    blocks::follow(step, &mut change, decision, waits)?;
    let new = change.new;
    step.tables.store_row::<Endpoints>((new.app, new.id.clone()), new.clone());
    Ok(new)
}

/// Removes an endpoint with all that follows but its block.
pub(crate) fn erase<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    old: &Endpoint,
    waits: &mut Waits,
) -> Result<(), TableError> {
    if let Some(place) = active_place(old) {
        step.tables.remove_row::<AddressEndpoints>(&place);
    }
    users::relink(step, old.app, &old.id, old.user.as_ref(), None);
    users::forget_without_endpoints(step, old.app, old.user.as_ref())?;
    blocks::bury(step, old, waits)?;
    former::bury(step, old);
    step.tables.remove_row::<Endpoints>(&(old.app, old.id.clone()));
    Ok(())
}

/// Makes an endpoint inactive and takes it from its user, who has one too many.
pub(crate) fn retired(old: Endpoint) -> Change {
    let new = Endpoint { status: EndpointStatus::Inactive, user: None, revision: old.revision.next(), ..old.clone() };
    Change { old: Some(old), new, insist: false }
}

/// Says why changes are refused that are made together: nothing when there is room for all that follows from them.
pub(crate) fn room<'a, T: Tables + ?Sized>(
    step: &Step<'_, T>,
    planned: impl IntoIterator<Item = &'a Planned>,
) -> Result<Option<Refusal>, TableError> {
    let all = planned.into_iter().flat_map(|planned| std::iter::once(planned).chain(planned.displaced.as_deref()));
    follow_up::room(step, all.flat_map(|planned| blocks::targets(step, &planned.blocks)))
}

/// Makes the endpoint inactive that was active where `new` is now, if there was one that doesn't yield anyway.
fn displaced<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    place: &<AddressEndpoints as Table>::Key,
    new: &Endpoint,
    yields: impl Fn(&EndpointId) -> bool,
) -> Result<Option<Change>, TableError> {
    let other = step.tables.row::<AddressEndpoints>(place)?.filter(|other| *other != new.id && !yields(other));
    let Some(other) = other else {
        return Ok(None);
    };
    let old = step.tables.promised_row::<Endpoints>(&(new.app, other))?;
    let new = Endpoint { status: EndpointStatus::Inactive, revision: old.revision.next(), ..old.clone() };
    Ok(Some(Change { old: Some(old), new, insist: false }))
}

/// Returns the place that an endpoint holds as the active one; one active endpoint holds a place.
fn active_place(endpoint: &Endpoint) -> Option<<AddressEndpoints as Table>::Key> {
    let target = endpoint.target.as_ref()?;
    (endpoint.status == EndpointStatus::Active).then(|| (endpoint.app, target.channel, target.key.clone()))
}
