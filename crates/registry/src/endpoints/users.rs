//! Users: their attributes, which belong to no single endpoint, and how many endpoints they may have.

use model::channel::Channel;
use model::endpoint::{Attributes, ENDPOINTS_PER_USER_MAX, Endpoint, merge_attributes};
use model::id::{AppId, EndpointId, UserId};

use crate::step::Step;
use crate::tables::{Endpoints, RowAccess, TableError, Tables, UserEndpoints, Users};

/// Whether a user has room for an endpoint (Pinpoint developer guide, "audience-define-auto-inactive").
#[derive(Debug)]
pub(crate) enum Room {
    /// There is room, or no user.
    Free,
    /// There is room once this endpoint, the user's oldest of a kind that yields, has left.
    Instead(Box<Endpoint>),
    /// There is none.
    Full,
}

/// Says why an endpoint is refused when there is no room. Clients look at how this begins: older Amplify unlinks
/// endpoints then (aws-amplify/amplify-js#1378).
pub(crate) fn full_text() -> String {
    format!("Exceeded maximum endpoint per user count {ENDPOINTS_PER_USER_MAX}")
}

/// Finds out whether the user of `new` has room for it.
pub(crate) fn room<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    old: Option<&Endpoint>,
    new: &Endpoint,
) -> Result<Room, TableError> {
    let Some(user) = &new.user else {
        return Ok(Room::Free);
    };
    if old.and_then(|old| old.user.as_ref()) == Some(user) {
        return Ok(Room::Free);
    }
    let ids = endpoints_of(step, new.app, user, ENDPOINTS_PER_USER_MAX)?;
    if ids.len() < ENDPOINTS_PER_USER_MAX {
        return Ok(Room::Free);
    }
    if !yields(new) {
        return Ok(Room::Full);
    }
    let mut oldest: Option<Endpoint> = None;
    for id in ids {
        let endpoint = step.tables.promised_row::<Endpoints>(&(new.app, id))?;
        if yields(&endpoint) && oldest.as_ref().is_none_or(|oldest| endpoint.effective < oldest.effective) {
            oldest = Some(endpoint);
        }
    }
    Ok(oldest.map_or(Room::Full, |oldest| Room::Instead(Box::new(oldest))))
}

/// Says whether an endpoint is of a kind whose oldest yields to a new one. APNS_SANDBOX is not, in Pinpoint neither.
fn yields(endpoint: &Endpoint) -> bool {
    endpoint.target.as_ref().is_some_and(|target| {
        matches!(
            target.channel,
            Channel::Adm | Channel::Gcm | Channel::Apns | Channel::ApnsVoip | Channel::ApnsVoipSandbox | Channel::Baidu
        )
    })
}

/// Returns the attributes of an endpoint's user.
pub(crate) fn attributes_of<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    endpoint: &Endpoint,
) -> Result<Attributes, TableError> {
    match &endpoint.user {
        Some(user) => Ok(step.tables.row::<Users>(&(endpoint.app, user.clone()))?.unwrap_or_default()),
        None => Ok(Attributes::new()),
    }
}

/// Merges the attributes that an update gives a user. Returns those of the endpoint's user when they change; while the
/// endpoint has none, it keeps what is given for the next one.
pub(crate) fn merged_attributes<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    endpoint: &mut Endpoint,
    newer: &Attributes,
) -> Result<Option<Attributes>, TableError> {
    if endpoint.user.is_none() {
        endpoint.awaiting_user.extend(newer.iter().map(|(name, values)| (name.clone(), values.clone())));
        return Ok(None);
    }
    let awaiting = std::mem::take(&mut endpoint.awaiting_user);
    if awaiting.is_empty() && newer.is_empty() {
        return Ok(None);
    }
    let mut attributes = attributes_of(step, endpoint)?;
    merge_attributes(&mut attributes, &awaiting);
    merge_attributes(&mut attributes, newer);
    Ok(Some(attributes))
}

/// Stores the attributes of an endpoint's user; a user without any has no row.
pub(crate) fn store_attributes<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    endpoint: &Endpoint,
    attributes: Attributes,
) {
    if let Some(user) = &endpoint.user {
        let key = (endpoint.app, user.clone());
        if attributes.is_empty() {
            step.tables.remove_row::<Users>(&key);
        } else {
            step.tables.store_row::<Users>(key, attributes);
        }
    }
}

/// Moves an endpoint from a user to another. A user whom all endpoints left keeps its attributes, because no update
/// that said so removes them.
pub(crate) fn relink<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    app: AppId,
    endpoint: &EndpointId,
    from: Option<&UserId>,
    to: Option<&UserId>,
) {
    if from == to {
        return;
    }
    if let Some(user) = from {
        step.tables.remove_row::<UserEndpoints>(&(app, user.clone(), endpoint.clone()));
    }
    if let Some(user) = to {
        step.tables.store_row::<UserEndpoints>((app, user.clone(), endpoint.clone()), ());
    }
}

/// Forgets the attributes of a deleted endpoint's user, if that was the user's last.
pub(crate) fn forget_without_endpoints<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    app: AppId,
    user: Option<&UserId>,
) -> Result<(), TableError> {
    if let Some(user) = user
        && endpoints_of(step, app, user, 1)?.is_empty()
    {
        step.tables.remove_row::<Users>(&(app, user.clone()));
    }
    Ok(())
}

fn endpoints_of<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    app: AppId,
    user: &UserId,
    limit: usize,
) -> Result<Vec<EndpointId>, TableError> {
    let from = (app, user.clone(), EndpointId::from_stored(""));
    let rows = step.tables.rows_while::<UserEndpoints>(&from, limit, |key| key.0 == app && key.1 == *user)?;
    Ok(rows.into_iter().map(|((_, _, endpoint), ())| endpoint).collect())
}
