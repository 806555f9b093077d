//! What an update makes of an endpoint. Pure: reads and writes no table.

use model::command::UpsertEndpoint;
use model::endpoint::{Endpoint, EndpointOptOut, EndpointStatus, UserLink, merge_attributes};
use model::id::Revision;
use model::time::Timestamp;

use super::dates::iso_8601;

/// How many cohorts there are; Pinpoint's CohortId is 0..=99.
const COHORTS: u64 = 100;

/// Returns the endpoint that an update makes of `old`, or of nothing. An update reactivates the endpoint unless it says
/// otherwise, and touches the opt-out only when it says so.
pub(crate) fn merged(old: Option<&Endpoint>, upsert: &UpsertEndpoint, now: Timestamp) -> Endpoint {
    let patch = &upsert.patch;
    let mut new = match old {
        Some(old) => Endpoint { revision: old.revision.next(), ..old.clone() },
        None => created(upsert, now),
    };
    if patch.target.is_some() {
        new.target.clone_from(&patch.target);
    }
    merge_attributes(&mut new.attributes, &patch.attributes);
    new.metrics.extend(patch.metrics.iter().map(|(name, metric)| (name.clone(), *metric)));
    new.demographic.merge(&patch.demographic);
    new.location.merge(&patch.location);
    new.status = patch.status.unwrap_or(EndpointStatus::Active);
    new.opt_out = patch.opt_out.unwrap_or(new.opt_out);
    match &patch.user {
        Some(UserLink::To(user)) => new.user = Some(user.clone()),
        Some(UserLink::Nobody) => new.user = None,
        None => {}
    }
    new.effective = patch.effective.clone().unwrap_or_else(|| iso_8601(now));
    new.request = upsert.request;
    new
}

fn created(upsert: &UpsertEndpoint, now: Timestamp) -> Endpoint {
    Endpoint {
        app: upsert.app,
        id: upsert.endpoint.clone(),
        display_id: upsert.display_id.clone(),
        target: None,
        attributes: Default::default(),
        metrics: Default::default(),
        demographic: Default::default(),
        location: Default::default(),
        status: EndpointStatus::Active,
        opt_out: EndpointOptOut::None,
        user: None,
        created: now,
        effective: String::new(),
        request: upsert.request,
        cohort: (upsert.seed % COHORTS) as u8,
        revision: Revision(1),
    }
}
