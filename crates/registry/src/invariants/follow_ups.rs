//! Rules of follow-ups and of answers to requests.

use std::collections::BTreeMap;

use model::command::FOLLOW_UPS_MAX;
use model::id::{AppId, EndpointId, GroupId, RequestId};
use model::time::Timestamp;

use super::broken::{Broken, all, hold};
use crate::tables::{
    DeletedEndpointAges, DeletedEndpoints, Endpoints, FollowUpCounts, FollowUpNumbers, FollowUps, RequestAges,
    Requests, RowAccess, View,
};

/// The follow-ups to a group that are not done are the last ones that were numbered, without a gap; they are counted,
/// and not more than may be.
pub(super) fn invariant_follow_ups<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let mut numbers: BTreeMap<GroupId, Vec<u64>> = BTreeMap::new();
    for ((target, number), _) in all::<FollowUps>(view, &(GroupId(0), 0))? {
        numbers.entry(target).or_default().push(number);
    }
    let counted: BTreeMap<GroupId, u64> = all::<FollowUpCounts>(view, &GroupId(0))?.into_iter().collect();
    let counts: BTreeMap<GroupId, u64> =
        numbers.iter().map(|(target, numbers)| (*target, numbers.len() as u64)).collect();
    let few = counts.values().all(|count| *count <= FOLLOW_UPS_MAX);
    hold("invariant_follow_ups", few && counted == counts, || format!("{counts:?} wait, {counted:?} are counted"))?;
    for (target, numbers) in numbers {
        let last = view.row::<FollowUpNumbers>(&target)?.unwrap_or_default();
        let contiguous = numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        hold("invariant_follow_ups", contiguous && numbers.last() == Some(&last), || {
            format!("group {target} is owed {numbers:?}, the last number is {last}")
        })?;
    }
    Ok(())
}

/// Every answer to a request is listed by its age, once.
pub(super) fn invariant_requests<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let expected: BTreeMap<_, _> =
        all::<Requests>(view, &RequestId(0))?.into_iter().map(|(id, row)| ((row.time, id), ())).collect();
    let found: BTreeMap<_, _> = all::<RequestAges>(view, &(Timestamp(0), RequestId(0)))?.into_iter().collect();
    hold("invariant_requests", found == expected, || format!("found {found:?}, expected {expected:?}"))
}

/// Every deleted endpoint is listed by its age, once, unless one of its id is there again.
pub(super) fn invariant_deleted_endpoints<V: View + ?Sized>(view: &V) -> Result<(), Broken> {
    let rule = "invariant_deleted_endpoints";
    let none = || EndpointId::from_stored("");
    let mut expected = BTreeMap::new();
    for ((app, id), row) in all::<DeletedEndpoints>(view, &(AppId(0), none()))? {
        let gone = view.row::<Endpoints>(&(app, id.clone()))?.is_none();
        hold(rule, gone, || format!("{id} is there and was deleted"))?;
        expected.insert((row.deleted, app, id), ());
    }
    let found: BTreeMap<_, _> =
        all::<DeletedEndpointAges>(view, &(Timestamp(0), AppId(0), none()))?.into_iter().collect();
    hold(rule, found == expected, || format!("found {found:?}, expected {expected:?}"))
}
