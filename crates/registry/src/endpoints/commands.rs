//! The commands of endpoints: creating or changing one, and deleting one.

use model::address::partition_of_app;
use model::command::UpsertEndpoint;
use model::endpoint::{Attributes, Endpoint};
use model::id::{AppId, EndpointId};
use model::outcome::{Outcome, Refusal};

use super::change::{Change, Waits};
use super::{blocks, limits, merge, users, write};
use crate::follow_up;
use crate::step::Step;
use crate::tables::{Endpoints, RowAccess, TableError, Tables};

/// Creates an endpoint or merges a change into it (Pinpoint API reference, UpdateEndpoint).
pub(crate) fn upsert<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    upsert: &UpsertEndpoint,
) -> Result<Outcome, TableError> {
    if let Some(refusal) = closed(step, upsert.app)? {
        return Ok(Outcome::Refused(refusal));
    }
    let old = step.tables.row::<Endpoints>(&(upsert.app, upsert.endpoint.clone()))?;
    let mut new = match merge::merged(old.as_ref(), upsert, step.now) {
        Ok(new) => new,
        Err(refusal) => return Ok(Outcome::Refused(refusal)),
    };
    let attributes = users::merged_attributes(step, &mut new, &upsert.patch.user_attributes)?;
    if let Some(text) = too_large(step, old.as_ref(), &new, attributes.as_ref())? {
        return Ok(Outcome::Refused(Refusal::EndpointLimit(text)));
    }
    let yielding = match users::room(step, old.as_ref(), &new)? {
        users::Room::Free => None,
        users::Room::Instead(oldest) => Some(write::retired(*oldest)),
        users::Room::Full => {
            return Ok(Outcome::Refused(Refusal::EndpointLimit(users::full_text())));
        }
    };
    let created = old.is_none();
    let insist = upsert.patch.forbids_sending();
    let yielding = yielding.map(|yielding| write::plan(step, yielding, None)).transpose()?;
    let planned = write::plan(step, Change { old, new, insist }, yielding.as_ref())?;
    if let Some(refusal) = write::room(step, yielding.iter().chain([&planned]))? {
        return Ok(Outcome::Refused(refusal));
    }
    let mut waits = Waits::new();
    if let Some(yielding) = yielding {
        write::write(step, yielding, &mut waits)?;
    }
    let new = write::write(step, planned, &mut waits)?;
    if let Some(attributes) = attributes {
        users::store_attributes(step, &new, attributes);
    }
    Ok(Outcome::Endpoint { endpoint: Box::new(new), created, follow_ups: waits })
}

/// Deletes an endpoint and answers it as it was. Its block stays, because messages to it may wait.
pub(crate) fn delete<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    app: AppId,
    endpoint: &EndpointId,
) -> Result<Outcome, TableError> {
    if let Some(refusal) = closed(step, app)? {
        return Ok(Outcome::Refused(refusal));
    }
    let Some(old) = step.tables.row::<Endpoints>(&(app, endpoint.clone()))? else {
        return Ok(Outcome::Refused(Refusal::EndpointNotFound));
    };
    if let Some(refusal) = follow_up::room(step, blocks::burial_targets(step, &old)?)? {
        return Ok(Outcome::Refused(refusal));
    }
    let user_attributes = users::attributes_of(step, &old)?;
    let mut waits = Waits::new();
    write::erase(step, &old, &mut waits)?;
    Ok(Outcome::EndpointDeleted { endpoint: Box::new(old), user_attributes, follow_ups: waits })
}

/// Says which limit an update breaks, if it does; `attributes` are those of the endpoint's user if they change.
fn too_large<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    old: Option<&Endpoint>,
    new: &Endpoint,
    attributes: Option<&Attributes>,
) -> Result<Option<String>, TableError> {
    let before = match old {
        Some(old) => limits::Size::of(old, &users::attributes_of(step, old)?),
        None => limits::Size::default(),
    };
    let after = match attributes {
        Some(attributes) => limits::Size::of(new, attributes),
        None => limits::Size::of(new, &users::attributes_of(step, new)?),
    };
    Ok(limits::exceeded(before, after))
}

fn closed<T: Tables + ?Sized>(step: &mut Step<'_, T>, app: AppId) -> Result<Option<Refusal>, TableError> {
    if partition_of_app(app, step.partitions) != step.group {
        return Ok(Some(Refusal::WrongGroup));
    }
    Ok(step.live_send_state(app)?.is_none().then_some(Refusal::AppNotFound))
}
