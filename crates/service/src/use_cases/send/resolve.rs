//! Finding the recipients of a request: where messages to them go, and what they are told.

use std::collections::{BTreeMap, BTreeSet};

use model::address::partition_of_app;
use model::channel::{CHANNELS, Channel};
use model::command::Recipient;
use model::content::{Content, Substitutions};
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
use crate::use_cases::apps::numbering_in;
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
    pub former: BTreeMap<EndpointId, Vec<GroupId>>,
}

impl Service {
    /// Reads what the request needs: the channels of its app, which must exist, and the endpoints that it names.
    pub(super) async fn known(&self, request: &SendRequest) -> Result<Known, ServiceError> {
        let app = request.app;
        let channels = |view: &dyn View| {
            let numbering = numbering_in(view, app)?;
            let first = (app, Channel::Email);
            Ok((numbering, view.rows_while::<Channels>(&first, CHANNELS.len(), |(owner, _)| *owner == app)?))
        };
        let (numbering, channels) = self.read(GroupId::CONTROL, channels).await?;
        let enabled = channels.into_iter().filter(|(_, settings)| settings.enabled).map(|((_, channel), _)| channel);
        let named: BTreeSet<&EndpointId> = request
            .targets
            .iter()
            .filter_map(|target| if let To::Endpoint(id) = &target.to { Some(id) } else { None })
            .collect();
        let group = partition_of_app(app, self.facts.partitions);
        let (repeats, now) = (request.request.is_some(), self.time.now(group).unwrap_or_default());
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
        Ok(Known { numbering, channels: enabled.collect(), endpoints, former })
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

/// Gathers the values that a recipient has of its own: what the request gives it, and what its endpoint says of the rest.
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
