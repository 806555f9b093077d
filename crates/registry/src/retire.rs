//! Removing what was kept long enough: settled messages and later their traces, bodies that nobody accepted, answers to
//! requests, where deleted endpoints were, and what belonged to deleted apps.

use model::address::{AddressKey, partition_of_app};
use model::channel::CHANNELS;
use model::command::{CHUNK_MAX, FollowUpAction};
use model::endpoint::FORMER_KEPT;
use model::id::{AppId, BodyId, EndpointId, GroupId, RequestId, UserId};
use model::outcome::Outcome;
use model::request::REQUEST_KEPT;
use model::time::Timestamp;

use crate::follow_up;
use crate::forbid;
use crate::messages;
use crate::step::Step;
use crate::tables::{
    AddressEndpoints, BlockedKeys, Blocks, DeletedEndpointAges, DeletedEndpoints, Deletions, Endpoints, FormerPlaces,
    OpenBodies, OptOuts, RequestAges, Requests, RowAccess, Table, TableError, Tables, UserEndpoints, Users, WriteRows,
};

/// How many deleted apps are looked at each time, whatever may be removed: those that wait for something (a pending
/// message) must not keep the others from going.
const DELETIONS_READ: usize = 1_000;

/// Removes at most `limit` rows of each kind. Answers how many, and whether there is more to remove now.
pub(crate) fn retire<T: Tables + ?Sized>(step: &mut Step<'_, T>, limit: u32) -> Result<Outcome, TableError> {
    let limit = limit.min(CHUNK_MAX) as usize;
    let (settled, more_settled) = messages::retire_settled(step, limit)?;
    let (traces, more_traces) = messages::retire_traces(step, limit)?;
    let (bodies, more_bodies) = messages::retire_open(step, limit)?;
    let (answers, more_answers) = retire_requests(step, limit)?;
    let (endpoints, more_endpoints) = retire_deleted_endpoints(step, limit)?;
    let (rows, more_rows) = retire_apps(step, limit)?;
    Ok(Outcome::Chunk {
        touched: settled + traces + bodies + answers + endpoints + rows,
        next: None,
        more: more_settled || more_traces || more_bodies || more_answers || more_endpoints || more_rows,
    })
}

fn retire_requests<T: Tables + ?Sized>(step: &mut Step<'_, T>, limit: usize) -> Result<(u32, bool), TableError> {
    let now = step.now;
    let from = (Timestamp(0), RequestId(0));
    let mut rows = step.tables.rows_while::<RequestAges>(&from, limit + 1, |key| key.0.plus(REQUEST_KEPT) <= now)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    for (key, ()) in &rows {
        step.tables.remove_row::<RequestAges>(key);
        step.tables.remove_row::<Requests>(&key.1);
    }
    Ok((rows.len() as u32, more))
}

/// Forgets where messages to deleted endpoints were decided.
fn retire_deleted_endpoints<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    limit: usize,
) -> Result<(u32, bool), TableError> {
    let now = step.now;
    let from = (Timestamp(0), AppId(0), EndpointId::from_stored(""));
    let mut rows =
        step.tables.rows_while::<DeletedEndpointAges>(&from, limit + 1, |key| key.0.plus(FORMER_KEPT) <= now)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    for (key, ()) in &rows {
        step.tables.remove_row::<DeletedEndpointAges>(key);
        step.tables.remove_row::<DeletedEndpoints>(&(key.1, key.2.clone()));
    }
    Ok((rows.len() as u32, more))
}

/// Removes rows of deleted apps. An app is forgotten when none are left, no message of it is pending (senders settle
/// those as forbidden when they are due, and the last of them expire) and no more blocks of it come.
fn retire_apps<T: Tables + ?Sized>(step: &mut Step<'_, T>, limit: usize) -> Result<(u32, bool), TableError> {
    let mut left = limit;
    for (app, deletion) in step.tables.rows_while::<Deletions>(&AppId(0), DELETIONS_READ, |_| true)? {
        if !deletion.known {
            continue;
        }
        let before = left;
        clear_app(step, app, &mut left)?;
        if left == 0 {
            return Ok((limit as u32, true));
        }
        let accounting = step.accounting(app)?;
        let cleared = before == left && accounting.pending == 0 && accounting.held == 0;
        if cleared && (deletion.ended || end_app(step, app)?) {
            step.tables.remove_row::<Deletions>(&app);
            step.remove_send_state(app);
            left -= 1;
        }
    }
    Ok(((limit - left) as u32, left == 0))
}

/// Ends a deleted app in the group of its endpoints, which are gone: tells every other partition that no more blocks of
/// it come. Says whether it is done: not in other groups, which are told, and not while there is no room to tell.
fn end_app<T: Tables + ?Sized>(step: &mut Step<'_, T>, app: AppId) -> Result<bool, TableError> {
    let others = |group: &GroupId| *group != step.group;
    let targets: Vec<GroupId> = GroupId::partitions(step.partitions).filter(others).collect();
    if partition_of_app(app, step.partitions) != step.group || follow_up::room(step, targets.clone())?.is_some() {
        return Ok(false);
    }
    for target in targets {
        step.queue(target, FollowUpAction::EndApp { app })?;
    }
    Ok(true)
}

/// Removes at most `left` rows of a deleted app's tables and ends its held messages; counts `left` down. Its accounting
/// stays.
fn clear_app<T: Tables + ?Sized>(step: &mut Step<'_, T>, app: AppId, left: &mut usize) -> Result<(), TableError> {
    let (key, channel) = (AddressKey::from_stored(""), CHANNELS[0]);
    let (endpoint, user) = (EndpointId::from_stored(""), UserId::from_stored(""));
    let tables = &mut *step.tables;
    clear::<T, Endpoints>(tables, &(app, endpoint.clone()), |key| key.0 == app, left)?;
    clear::<T, Users>(tables, &(app, user.clone()), |key| key.0 == app, left)?;
    clear::<T, UserEndpoints>(tables, &(app, user, endpoint.clone()), |key| key.0 == app, left)?;
    clear::<T, AddressEndpoints>(tables, &(app, channel, key.clone()), |key| key.0 == app, left)?;
    clear::<T, BlockedKeys>(tables, &(app, endpoint.clone(), key.clone()), |key| key.0 == app, left)?;
    clear::<T, FormerPlaces>(tables, &(app, endpoint.clone(), key.clone()), |key| key.0 == app, left)?;
    for (_, key, _) in clear::<T, OptOuts>(tables, &(app, key.clone(), channel), |key| key.0 == app, left)? {
        forbid::uncounted(tables, &key)?;
    }
    for (_, key, _) in clear::<T, Blocks>(tables, &(app, key, endpoint), |key| key.0 == app, left)? {
        forbid::uncounted(tables, &key)?;
    }
    for (key, open) in step.tables.rows_while::<OpenBodies>(&(app, BodyId(0)), *left, |key| key.0 == app)? {
        messages::remove_open(step, key, &open);
        *left -= 1;
    }
    *left -= messages::forbid_held(step, app, *left)?;
    Ok(())
}

/// Removes at most `left` rows that belong together and begin at `from`; counts `left` down. Returns their keys.
fn clear<T, X>(
    tables: &mut T,
    from: &X::Key,
    belongs: impl Fn(&X::Key) -> bool,
    left: &mut usize,
) -> Result<Vec<X::Key>, TableError>
where
    T: Tables + WriteRows<X> + ?Sized,
    X: Table,
{
    let rows = tables.rows_while::<X>(from, *left, belongs)?;
    *left -= rows.len();
    let keys: Vec<X::Key> = rows.into_iter().map(|(key, _)| key).collect();
    keys.iter().for_each(|key| tables.remove_row::<X>(key));
    Ok(keys)
}
