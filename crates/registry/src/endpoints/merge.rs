//! What an update makes of an endpoint. Pure: reads and writes no table.

use model::command::UpsertEndpoint;
use model::date::iso_8601;
use model::endpoint::{Endpoint, EndpointOptOut, EndpointStatus, Target, UserLink, merge_attributes};
use model::id::Revision;
use model::outcome::Refusal;
use model::time::Timestamp;

/// How many cohorts there are; Pinpoint's CohortId is 0..=99.
const COHORTS: u64 = 100;

/// Returns the endpoint that an update makes of `old`, or of nothing. An update reactivates the endpoint unless it says
/// otherwise, and touches the opt-out only when it says so. Refused when what is then its address is none of what is
/// then its channel, or one of the two is missing.
pub(crate) fn merged(old: Option<&Endpoint>, upsert: &UpsertEndpoint, now: Timestamp) -> Result<Endpoint, Refusal> {
    let patch = &upsert.patch;
    let target = target(old, upsert)?;
    let mut new = match old {
        Some(old) => Endpoint { revision: old.revision.next(), ..old.clone() },
        None => created(upsert, now),
    };
    new.target = target.or(new.target);
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
    Ok(new)
}

/// Joins the channel and address that an update names with those that the endpoint has; nothing when it names neither.
fn target(old: Option<&Endpoint>, upsert: &UpsertEndpoint) -> Result<Option<Target>, Refusal> {
    let patch = &upsert.patch;
    if patch.channel.is_none() && patch.address.is_none() {
        return Ok(None);
    }
    let stored = old.and_then(|old| old.target.as_ref());
    let channel = patch.channel.or(stored.map(|target| target.channel)).ok_or(Refusal::ChannelTypeMissing)?;
    let target = match (&patch.address, stored) {
        (Some(given), _) => Target::of(upsert.app, &upsert.endpoint, channel, given),
        (None, Some(stored)) => stored.clone().moved(upsert.app, &upsert.endpoint, channel),
        (None, None) => return Err(Refusal::AddressMissing),
    };
    target.map(Some).map_err(|reason| Refusal::AddressInvalid(reason.to_string()))
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
        awaiting_user: Default::default(),
        created: now,
        effective: String::new(),
        request: upsert.request,
        cohort: (upsert.seed % COHORTS) as u8,
        revision: Revision(1),
        former: Vec::new(),
    }
}
