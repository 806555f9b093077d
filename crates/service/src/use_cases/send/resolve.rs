//! Finding the recipients of a request: where messages to them go, and what they are told.

use std::collections::{BTreeMap, BTreeSet};

use model::address::partition_of_app;
use model::channel::{CHANNELS, Channel};
use model::command::Recipient;
use model::content::{Content, Substitutions};
use model::country::Country;
use model::endpoint::FormerGroup;
use model::id::{AppId, EndpointId, GroupId, MessageId};
use model::request::RecipientName;
use model::time::Timestamp;
use registry::tables::{Channels, DeletedEndpoints, ReadRows, RowAccess as _, View};

use super::outcome::SendOutcome;
use super::request::{SendAnswer, SendRequest, SendTarget, To};
use crate::addresses::{self, Numbering};
use crate::error::ServiceError;
use crate::use_cases::Service;
use crate::use_cases::apps::{app_in, numbering_of};
use crate::use_cases::endpoints::{EndpointWithUser, endpoint_in};
use crate::use_cases::variables::endpoint_values;

/// A recipient that gets nothing, and the group that may have answered it when its request came first.
pub(super) struct Unresolved {
    pub answer: SendAnswer,
    pub group: Option<GroupId>,
}

/// A recipient that was found and has something to be told.
pub(super) struct Resolved<'r> {
    pub channel: Channel,
    pub content: &'r Content,
    /// The address as it was written.
    pub written: String,
    pub recipient: Recipient,
}

/// What a request needs of the tables.
pub(super) struct Known {
    numbering: Numbering,
    /// The channels of the app that are enabled.
    channels: BTreeSet<Channel>,
    /// The endpoints that the request names, those that exist.
    endpoints: BTreeMap<EndpointId, EndpointWithUser>,
    /// The groups, other than its present one, that may have answered the request for an endpoint.
    former: BTreeMap<EndpointId, Vec<GroupId>>,
    /// The countries, other than the present one, that telephone numbers were read in when the request may have been
    /// answered.
    former_countries: Vec<Country>,
}

impl Service {
    /// Reads what the request needs: the channels of its app, which must exist, and the endpoints that it names.
    pub(super) async fn known(&self, request: &SendRequest) -> Result<Known, ServiceError> {
        let app = request.app;
        let of_app = |view: &dyn View| {
            let found = app_in(view, app)?;
            let first = (app, Channel::Email);
            let channels = view.rows_while::<Channels>(&first, CHANNELS.len(), |(owner, _)| *owner == app)?;
            Ok((found, numbering_of(view, app)?, channels))
        };
        let (found, numbering, channels) = self.read(GroupId::CONTROL, of_app).await?;
        let enabled = channels.into_iter().filter(|(_, settings)| settings.enabled).map(|((_, channel), _)| channel);
        let named: BTreeSet<&EndpointId> = request
            .targets
            .iter()
            .filter_map(|target| if let To::Endpoint(id) = &target.to { Some(id) } else { None })
            .collect();
        let group = partition_of_app(app, self.facts.partitions);
        let (repeats, now) = (request.request.is_some(), self.time.now(group).unwrap_or_default());
        let former_countries = found.former_countries.iter().filter(|row| repeats && row.counts(now));
        let former_countries = former_countries.map(|row| row.country).collect();
        let endpoints = |view: &dyn View| {
            let (mut found, mut former) = (BTreeMap::new(), BTreeMap::new());
            for id in &named {
                let endpoint = endpoint_in(view, app, id)?;
                if repeats {
                    let groups = former_groups(view, (app, id), endpoint.as_ref(), now)?;
                    former.extend((!groups.is_empty()).then(|| ((*id).clone(), groups)));
                }
                found.extend(endpoint.map(|endpoint| ((*id).clone(), endpoint)));
            }
            Ok((found, former))
        };
        let (endpoints, mut former) = match named.is_empty() {
            true => (BTreeMap::new(), BTreeMap::new()),
            false => self.read(group, endpoints).await?,
        };
        for (id, groups) in &mut former {
            let present = endpoints.get(id).and_then(|found: &EndpointWithUser| found.endpoint.target.as_ref());
            let present = present.map(|target| target.key.partition(self.facts.partitions));
            groups.retain(|group| Some(*group) != present);
        }
        Ok(Known { numbering, channels: enabled.collect(), endpoints, former, former_countries })
    }

    /// Lists the groups that may have answered the request for a recipient before what it resolves to changed.
    pub(super) fn former_groups(&self, target: &SendTarget, known: &Known) -> Vec<GroupId> {
        match &target.to {
            To::Endpoint(endpoint) => known.former.get(endpoint).cloned().unwrap_or_default(),
            To::Address { channel, address } => {
                let group = |numbering| {
                    let (_, key) = addresses::read(*channel, address, numbering).ok()?;
                    Some(key.partition(self.facts.partitions))
                };
                let former = known.former_countries.iter().filter_map(|country| group(Numbering::Of(*country)));
                let former: BTreeSet<GroupId> = former.collect();
                let present = group(known.numbering).filter(|_| !former.is_empty());
                former.into_iter().filter(|group| Some(*group) != present).collect()
            }
        }
    }

    /// Finds a recipient, or says why it gets nothing.
    pub(super) fn resolve<'r>(
        &self,
        request: &'r SendRequest,
        target: &'r SendTarget,
        known: &Known,
    ) -> Result<Resolved<'r>, Unresolved> {
        let (channel, written, (address, key), endpoint) = match &target.to {
            To::Address { channel, address } => match addresses::read(*channel, address, known.numbering) {
                Ok(read) => (*channel, address.clone(), read, None),
                Err(reason) => return Err(nothing(Some(address), SendOutcome::InvalidAddress(reason.to_string()))),
            },
            To::Endpoint(id) => {
                let found = known.endpoints.get(id).and_then(|found| Some((found, found.endpoint.target.clone()?)));
                let (found, target) = found.ok_or_else(|| nothing(None, SendOutcome::EndpointNotFound))?;
                (target.channel, target.as_written().to_owned(), (target.address, target.key), Some(found))
            }
        };
        let group = key.partition(self.facts.partitions);
        let doubtful = |outcome| Unresolved { group: Some(group), ..nothing(Some(&written), outcome) };
        let unsendable = |reason: String| doubtful(SendOutcome::Unsendable(reason));
        if !known.channels.contains(&channel) {
            return Err(doubtful(SendOutcome::ChannelDisabled(channel)));
        }
        let Some(content) = target.content.as_ref().or_else(|| request.contents.get(&channel)) else {
            return Err(doubtful(SendOutcome::NoContent(channel)));
        };
        self.destinations.check(channel, &address).map_err(unsendable)?;
        let substitutions = substitutions(request, target, content.content(), endpoint);
        content.check(&substitutions, &request.substitutions).map_err(unsendable)?;
        // It only sorts ids: a time that isn't known yet is no reason to refuse.
        let at = self.time.now(group).unwrap_or_default();
        let message = MessageId::new(group, at, self.random.next_u64());
        let endpoint = endpoint.map(|found| found.endpoint.id.clone());
        let context = target.context.clone();
        let recipient =
            Recipient { message, address, key, endpoint, name: RecipientName::default(), substitutions, context };
        Ok(Resolved { channel, content: content.content(), written, recipient })
    }
}

/// Gathers the values that a recipient has of its own: what the request gives it, and what its endpoint says of the
/// rest.
fn substitutions(
    request: &SendRequest,
    target: &SendTarget,
    content: &Content,
    endpoint: Option<&EndpointWithUser>,
) -> Substitutions {
    let mut substitutions = target.substitutions.clone();
    if let Some(EndpointWithUser { endpoint, user_attributes }) = endpoint {
        for (name, values) in endpoint_values(content, endpoint, user_attributes) {
            if !request.substitutions.contains_key(&name) {
                substitutions.entry(name).or_insert(values);
            }
        }
    }
    substitutions
}

/// Lists the groups that may have answered a request for an endpoint before it went elsewhere or was deleted.
fn former_groups(
    view: &dyn View,
    (app, id): (AppId, &EndpointId),
    found: Option<&EndpointWithUser>,
    now: Timestamp,
) -> Result<Vec<GroupId>, ServiceError> {
    let counting = |former: &[FormerGroup]| former.iter().filter(|row| row.counts(now)).map(|row| row.group).collect();
    Ok(match found {
        Some(found) => counting(&found.endpoint.former),
        None => match ReadRows::<DeletedEndpoints>::get(view, &(app, id.clone()))? {
            Some(row) => counting(&row.former),
            None => Vec::new(),
        },
    })
}

fn nothing(address: Option<&str>, outcome: SendOutcome) -> Unresolved {
    Unresolved { answer: SendAnswer { address: address.map(str::to_owned), outcome }, group: None }
}
