//! Removing what was kept long enough: settled messages, answers to requests, and what belonged to deleted apps.

use model::address::AddressKey;
use model::channel::CHANNELS;
use model::command::{CHUNK_MAX, REQUEST_KEPT};
use model::id::{AppId, EndpointId, RequestId, UserId};
use model::outcome::Outcome;
use model::time::Timestamp;

use crate::messages;
use crate::step::Step;
use crate::tables::{
    AddressEndpoints, BanCounts, BlockedKeys, Blocks, Deletions, Endpoints, FormerPlaces, OptOuts, RequestAges,
    Requests, RowAccess, Table, TableError, Tables, UserEndpoints, Users, WriteRows,
};

/// Removes at most `limit` rows of each kind. Answers how many, and whether there is more to remove now.
pub(crate) fn retire<T: Tables + ?Sized>(step: &mut Step<'_, T>, limit: u32) -> Result<Outcome, TableError> {
    let limit = limit.min(CHUNK_MAX) as usize;
    let (settled, more_settled) = messages::retire_settled(step, limit)?;
    let (answers, more_answers) = retire_requests(step, limit)?;
    let (rows, more_rows) = retire_apps(step, limit)?;
    Ok(Outcome::Chunk {
        touched: settled + answers + rows,
        next: None,
        more: more_settled || more_answers || more_rows,
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

/// Removes rows of deleted apps. An app is done with when none are left and no message of it is pending: senders settle
/// those as forbidden when they are due, and the last of them expire.
fn retire_apps<T: Tables + ?Sized>(step: &mut Step<'_, T>, limit: usize) -> Result<(u32, bool), TableError> {
    let mut left = limit;
    for (app, ()) in step.tables.rows_while::<Deletions>(&AppId(0), limit, |_| true)? {
        let before = left;
        clear_app(step, app, &mut left)?;
        if left == 0 {
            return Ok((limit as u32, true));
        }
        let accounting = step.accounting(app)?;
        if before == left && accounting.pending == 0 && accounting.held == 0 {
            step.tables.remove_row::<Deletions>(&app);
        }
    }
    Ok(((limit - left) as u32, false))
}

/// Removes at most `left` rows of a deleted app's tables and ends its held messages; counts `left` down. Its send state
/// stays: it keeps the app's id from coming back. So do its accounting.
fn clear_app<T: Tables + ?Sized>(step: &mut Step<'_, T>, app: AppId, left: &mut usize) -> Result<(), TableError> {
    let (key, channel) = (AddressKey::from_stored(String::new()), CHANNELS[0]);
    let (endpoint, user) = (EndpointId::from_stored(String::new()), UserId::from_stored(String::new()));
    let tables = &mut *step.tables;
    clear::<T, Endpoints>(tables, &(app, endpoint.clone()), |key| key.0 == app, left)?;
    clear::<T, Users>(tables, &(app, user.clone()), |key| key.0 == app, left)?;
    clear::<T, UserEndpoints>(tables, &(app, user, endpoint.clone()), |key| key.0 == app, left)?;
    clear::<T, AddressEndpoints>(tables, &(app, channel, key.clone()), |key| key.0 == app, left)?;
    clear::<T, BlockedKeys>(tables, &(app, endpoint.clone(), key.clone()), |key| key.0 == app, left)?;
    clear::<T, FormerPlaces>(tables, &(app, endpoint.clone(), key.clone()), |key| key.0 == app, left)?;
    clear::<T, OptOuts>(tables, &(app, key.clone(), channel), |key| key.0 == app, left)?;
    clear::<T, Blocks>(tables, &(app, key.clone(), endpoint), |key| key.0 == app, left)?;
    clear::<T, BanCounts>(tables, &(app, key), |key| key.0 == app, left)?;
    *left -= messages::forbid_held(step, app, *left)?;
    Ok(())
}

fn clear<T, X>(
    tables: &mut T,
    from: &X::Key,
    belongs: impl Fn(&X::Key) -> bool,
    left: &mut usize,
) -> Result<(), TableError>
where
    T: Tables + WriteRows<X> + ?Sized,
    X: Table,
{
    let rows = tables.rows_while::<X>(from, *left, belongs)?;
    *left -= rows.len();
    for (key, _) in rows {
        tables.remove_row::<X>(&key);
    }
    Ok(())
}
