//! Rules of endpoints, their users and blocks, and of what is left of deleted apps.

use std::collections::{BTreeMap, BTreeSet};

use model::address::AddressKey;
use model::channel::CHANNELS;
use model::endpoint::{ENDPOINTS_PER_USER_MAX, Endpoint, EndpointStatus, FORMER_PLACES_MAX};
use model::id::{AppId, EndpointId, UserId};
use model::opt_out::{BlockReason, OptOutList};

use super::broken::{Broken, all, hold};
use crate::endpoints::{place_of, reason_of};
use crate::tables::{
    AddressEndpoints, AppSendStates, BanCounts, BlockedKeys, Blocks, Deletions, Endpoints, FormerPlaces, ListedOptOuts,
    OptOuts, RowAccess, TableError, UserEndpoints, Users, View,
};

/// At most one endpoint is active at an address of a channel, and the index names it. Apps whose rows are being removed
/// are left out.
pub(super) fn invariant_active_endpoints<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let rule = "invariant_active_endpoints";
    let mut expected = BTreeMap::new();
    for endpoint in endpoints(view)? {
        let Some(target) = endpoint.target.filter(|_| endpoint.status == EndpointStatus::Active) else {
            continue;
        };
        let place = (endpoint.app, target.channel, target.key);
        if let Some(other) = expected.insert(place, endpoint.id.clone()) {
            hold(rule, false, || format!("{other} and {} are active at one address", endpoint.id))?;
        }
    }
    let mut found = BTreeMap::new();
    for (key, id) in all::<AddressEndpoints>(view, &(AppId(0), CHANNELS[0], no_key()))? {
        if open(view, key.0)? {
            found.insert(key, id);
        }
    }
    hold(rule, found == expected, || format!("found {found:?}, expected {expected:?}"))
}

/// The endpoints of users are listed, at most 15 each, only endpoints without a user keep attributes for one, and a
/// user without attributes has no row.
pub(super) fn invariant_users<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let rule = "invariant_users";
    let mut expected = BTreeSet::new();
    let mut counts: BTreeMap<(AppId, UserId), usize> = BTreeMap::new();
    for endpoint in endpoints(view)? {
        if let Some(user) = endpoint.user {
            hold(rule, endpoint.awaiting_user.is_empty(), || format!("{} keeps what is its user's", endpoint.id))?;
            *counts.entry((endpoint.app, user.clone())).or_default() += 1;
            expected.insert((endpoint.app, user, endpoint.id));
        }
    }
    let mut found = BTreeSet::new();
    for (key, ()) in all::<UserEndpoints>(view, &(AppId(0), no_user(), no_endpoint()))? {
        if open(view, key.0)? {
            found.insert(key);
        }
    }
    hold(rule, found == expected, || format!("found {found:?}, expected {expected:?}"))?;
    let most = counts.values().max().copied().unwrap_or_default();
    hold(rule, most <= ENDPOINTS_PER_USER_MAX, || format!("a user has {most} endpoints"))?;
    for (key, attributes) in all::<Users>(view, &(AppId(0), no_user()))? {
        if open(view, key.0)? {
            hold(rule, !attributes.is_empty(), || format!("user {} is kept without attributes", key.1))?;
        }
    }
    Ok(())
}

/// The mirror of the blocks tells what endpoints forbid where they are now; where they were, or when they are gone,
/// only that they are not there.
pub(super) fn invariant_blocks_mirrored<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let rule = "invariant_blocks_mirrored";
    for endpoint in endpoints(view)? {
        let Some((key, channel)) = place_of(&endpoint) else {
            continue;
        };
        let expected = reason_of(&endpoint).map(|reason| (reason, channel));
        let found = view
            .row::<BlockedKeys>(&(endpoint.app, endpoint.id.clone(), key))?
            .map(|block| (block.reason, block.channel));
        hold(rule, found == expected, || format!("{} forbids {expected:?}, mirrored {found:?}", endpoint.id))?;
    }
    for ((app, id, key), block) in all::<BlockedKeys>(view, &(AppId(0), no_endpoint(), no_key()))? {
        if !open(view, app)? || block.reason == BlockReason::Deleted {
            continue;
        }
        let endpoint = view.promised_row::<Endpoints>(&(app, id))?;
        let there = place_of(&endpoint).is_some_and(|place| place.0 == key);
        hold(rule, there, || format!("{} has a block where it is not", endpoint.id))?;
    }
    Ok(())
}

/// Former places belong to endpoints that are elsewhere, at most so many each, and are closed to those that forbid.
pub(super) fn invariant_former_places<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let rule = "invariant_former_places";
    let mut counts: BTreeMap<(AppId, EndpointId), usize> = BTreeMap::new();
    for ((app, id, key), _) in all::<FormerPlaces>(view, &(AppId(0), no_endpoint(), no_key()))? {
        if !open(view, app)? {
            continue;
        }
        let count = counts.entry((app, id.clone())).or_default();
        *count += 1;
        hold(rule, *count <= FORMER_PLACES_MAX, || format!("{id} has {count} former places"))?;
        let endpoint = view.promised_row::<Endpoints>(&(app, id.clone()))?;
        let here = place_of(&endpoint).is_some_and(|place| place.0 == key);
        hold(rule, !here, || format!("{id} is where it was"))?;
        let closed = view.row::<BlockedKeys>(&(app, id.clone(), key))?.is_some();
        hold(rule, closed || reason_of(&endpoint).is_none(), || format!("{id} forbids only where it is"))?;
    }
    Ok(())
}

/// Every recipient has as many opt-outs and blocks as are counted.
pub(super) fn invariant_ban_counts<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let mut expected: BTreeMap<AddressKey, u64> = BTreeMap::new();
    let blocks = all::<Blocks>(view, &(AppId(0), no_key(), no_endpoint()))?.into_iter().map(|((_, key, _), _)| key);
    let opt_outs = all::<OptOuts>(view, &(AppId(0), no_key(), CHANNELS[0]))?.into_iter().map(|((_, key, _), _)| key);
    let first = (OptOutList::from_stored(String::new()), no_key());
    let listed = all::<ListedOptOuts>(view, &first)?.into_iter().map(|((_, key), _)| key);
    for key in blocks.chain(opt_outs).chain(listed) {
        *expected.entry(key).or_default() += 1;
    }
    let found: BTreeMap<AddressKey, u64> = all::<BanCounts>(view, &no_key())?.into_iter().collect();
    hold("invariant_ban_counts", found == expected, || format!("found {found:?}, expected {expected:?}"))
}

/// A deleted app is known until it is done with; then no row is left but its accounting and messages that are settled.
pub(super) fn invariant_deleted_apps<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let mut left: BTreeSet<AppId> = BTreeSet::new();
    left.extend(all::<Endpoints>(view, &(AppId(0), no_endpoint()))?.into_iter().map(|(key, _)| key.0));
    left.extend(all::<BlockedKeys>(view, &(AppId(0), no_endpoint(), no_key()))?.into_iter().map(|(key, _)| key.0));
    left.extend(all::<FormerPlaces>(view, &(AppId(0), no_endpoint(), no_key()))?.into_iter().map(|(key, _)| key.0));
    left.extend(all::<OptOuts>(view, &(AppId(0), no_key(), CHANNELS[0]))?.into_iter().map(|(key, _)| key.0));
    left.extend(all::<Blocks>(view, &(AppId(0), no_key(), no_endpoint()))?.into_iter().map(|(key, _)| key.0));
    for (app, send_state) in all::<AppSendStates>(view, &AppId(0))? {
        let known = view.row::<Deletions>(&app)?.is_some_and(|deletion| deletion.known);
        hold("invariant_deleted_apps", send_state.deleted == known, || format!("app {app} is kept as a tombstone"))?;
    }
    for app in left {
        let done = !open(view, app)? && view.row::<Deletions>(&app)?.is_none();
        hold("invariant_deleted_apps", !done, || format!("app {app} is done with and has rows"))?;
    }
    Ok(())
}

/// Returns the endpoints of apps that exist.
fn endpoints<V: View + ?Sized>(view: &V) -> Result<Vec<Endpoint>, TableError> {
    let mut endpoints = Vec::new();
    for ((app, _), endpoint) in all::<Endpoints>(view, &(AppId(0), no_endpoint()))? {
        if open(view, app)? {
            endpoints.push(endpoint);
        }
    }
    Ok(endpoints)
}

/// Says whether an app was not deleted, as far as the group knows.
fn open<V: View + ?Sized>(view: &V, app: AppId) -> Result<bool, TableError> {
    Ok(!view.row::<AppSendStates>(&app)?.is_some_and(|send_state| send_state.deleted))
}

fn no_key() -> AddressKey {
    AddressKey::from_stored("")
}

fn no_endpoint() -> EndpointId {
    EndpointId::from_stored("")
}

fn no_user() -> UserId {
    UserId::from_stored("")
}
