//! Where messages to endpoints were decided before: a repeated request finds its first answer there.

use model::address::AddressKey;
use model::endpoint::{Endpoint, FormerGroup};
use model::id::{AppId, EndpointId, GroupId};
use model::rows::DeletedEndpoint;

use super::blocks::place_of;
use super::change::Change;
use crate::step::Step;
use crate::tables::{DeletedEndpointAges, DeletedEndpoints, RowAccess, TableError, Tables};

/// Notes in a changed endpoint which group it leaves. A new one takes over what a deleted one of its id left.
pub(crate) fn follow<T: Tables + ?Sized>(step: &mut Step<'_, T>, change: &mut Change) -> Result<(), TableError> {
    let now = group_of(step, &change.new);
    change.new.former = match &change.old {
        Some(old) => after(step, old, now),
        None => taken_over(step, &change.new)?,
    };
    Ok(())
}

/// Keeps what is known of a deleted endpoint's groups.
pub(crate) fn bury<T: Tables + ?Sized>(step: &mut Step<'_, T>, old: &Endpoint) {
    let former = after(step, old, None);
    if !former.is_empty() {
        let row = DeletedEndpoint { former, deleted: step.now };
        step.tables.store_row::<DeletedEndpoints>((old.app, old.id.clone()), row);
        step.tables.store_row::<DeletedEndpointAges>((step.now, old.app, old.id.clone()), ());
    }
}

/// Lists the former groups of an endpoint that is decided in group `now` from here on.
fn after<T: Tables + ?Sized>(step: &Step<'_, T>, old: &Endpoint, now: Option<GroupId>) -> Vec<FormerGroup> {
    let left = group_of(step, old).filter(|left| Some(*left) != now);
    let stays = |former: &&FormerGroup| former.counts(step.now) && Some(former.group) != left;
    let mut former: Vec<FormerGroup> = old.former.iter().filter(stays).copied().collect();
    former.extend(left.map(|group| FormerGroup { group, left: step.now }));
    former
}

fn taken_over<T: Tables + ?Sized>(step: &mut Step<'_, T>, new: &Endpoint) -> Result<Vec<FormerGroup>, TableError> {
    let key = (new.app, new.id.clone());
    let Some(row) = step.tables.row::<DeletedEndpoints>(&key)? else {
        return Ok(Vec::new());
    };
    forget(step, key, &row);
    Ok(row.former.into_iter().filter(|former| former.counts(step.now)).collect())
}

/// Forgets where a deleted endpoint was.
fn forget<T: Tables + ?Sized>(step: &mut Step<'_, T>, key: (AppId, EndpointId), row: &DeletedEndpoint) {
    step.tables.remove_row::<DeletedEndpointAges>(&(row.deleted, key.0, key.1.clone()));
    step.tables.remove_row::<DeletedEndpoints>(&key);
}

fn group_of<T: Tables + ?Sized>(step: &Step<'_, T>, endpoint: &Endpoint) -> Option<GroupId> {
    let key: Option<AddressKey> = place_of(endpoint).map(|(key, _)| key);
    key.map(|key| key.partition(step.partitions))
}
