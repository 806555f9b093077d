//! Endpoints. They live in their app's partition; what they forbid is written to their address' partition and fenced
//! there before a change is acknowledged.

use model::address::partition_of_app;
use model::channel::{AddressFamily, Channel, FAMILIES};
use model::command::{Command, UpsertEndpoint};
use model::endpoint::{Attributes, Endpoint, EndpointPatch, merge_attributes};
use model::id::{AppId, EndpointId, GroupId, RequestId};
use model::outcome::{FENCE_HERE, Outcome, Refusal};
use registry::tables::{Endpoints, Meta, ReadRows, Users, View};

use super::{REQUEST_DEADLINE, Service, unexpected};
use crate::addresses::{self, Numbering};
use crate::error::ServiceError;

/// A request to create or change an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct UpsertEndpointRequest {
    pub app: AppId,
    pub endpoint: EndpointId,
    /// Its id as the caller wrote it.
    pub display_id: String,
    pub patch: EndpointPatch,
    /// The request, recorded in the endpoint.
    pub request: RequestId,
}

/// An endpoint with the attributes of its user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct EndpointWithUser {
    pub endpoint: Endpoint,
    /// Its user's attributes; those that wait for a user while it has none.
    pub user_attributes: Attributes,
}

/// How current a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadMode {
    /// What this region applied; sees every write that this region's listeners acknowledged.
    Local,
    /// Everything that was acknowledged anywhere before the read began.
    Linearizable,
}

impl Service {
    /// Creates an endpoint or merges a change into it. When this answers, no region begins to dispatch what the
    /// endpoint now forbids.
    ///
    /// # Errors
    /// `Invalid` naming the member when the address doesn't fit the channel or a limit is broken; `NotFound` when there
    /// is no such app; the log's errors.
    pub async fn upsert_endpoint(&self, request: UpsertEndpointRequest) -> Result<Endpoint, ServiceError> {
        let mut patch = request.patch;
        let numbering = match needs_country(&patch) {
            true => self.numbering(request.app).await?,
            false => Numbering::Unknown,
        };
        read_address(&mut patch, numbering)?;
        let group = partition_of_app(request.app, self.facts.partitions);
        let command = Command::UpsertEndpoint(Box::new(UpsertEndpoint {
            app: request.app,
            endpoint: request.endpoint,
            display_id: request.display_id,
            patch,
            request: request.request,
            seed: self.random.next_u64(),
        }));
        match self.propose(group, command).await? {
            Outcome::Endpoint { endpoint, follow_ups, .. } => {
                self.change_carried(group, follow_ups).await?;
                Ok(*endpoint)
            }
            _ => Err(unexpected("something else than an endpoint")),
        }
    }

    /// Returns an endpoint.
    ///
    /// # Errors
    /// `NotFound` when there is no such app or endpoint; the log's errors for linearizable reads.
    pub async fn get_endpoint(
        &self,
        app: AppId,
        endpoint: &EndpointId,
        mode: ReadMode,
    ) -> Result<EndpointWithUser, ServiceError> {
        self.get_app(app).await?;
        let group = partition_of_app(app, self.facts.partitions);
        if mode == ReadMode::Linearizable {
            self.reads.linearize(group, REQUEST_DEADLINE).await?;
        }
        let look = |view: &dyn View| endpoint_in(view, app, endpoint);
        self.read(group, look).await?.ok_or_else(|| Refusal::EndpointNotFound.into())
    }

    /// Deletes an endpoint and returns it as it was. When this answers, no region begins to dispatch a message to it.
    ///
    /// # Errors
    /// `NotFound` when there is no such app or endpoint; the log's errors.
    pub async fn delete_endpoint(&self, app: AppId, endpoint: &EndpointId) -> Result<EndpointWithUser, ServiceError> {
        self.get_app(app).await?;
        let group = partition_of_app(app, self.facts.partitions);
        let command = Command::DeleteEndpoint { app, endpoint: endpoint.clone() };
        match self.propose(group, command).await? {
            Outcome::EndpointDeleted { endpoint, user_attributes, follow_ups } => {
                self.change_carried(group, follow_ups).await?;
                Ok(with_user(*endpoint, user_attributes))
            }
            _ => Err(unexpected("something else than a deleted endpoint")),
        }
    }

    /// Waits until what a change of an endpoint forbids is fenced, here and where it was carried to.
    async fn change_carried(&self, group: GroupId, mut follow_ups: Vec<(GroupId, u64)>) -> Result<(), ServiceError> {
        let count = follow_ups.len();
        follow_ups.retain(|(_, number)| *number != FENCE_HERE);
        if follow_ups.len() < count {
            self.fence(group).await?;
        }
        self.follow_ups_done(group, &follow_ups).await
    }

    /// Waits until every holder is fenced up to what the group has applied: a fenced command that changes nothing comes
    /// after it in the log.
    async fn fence(&self, group: GroupId) -> Result<(), ServiceError> {
        let meta = self.read(group, |view| Ok(ReadRows::<Meta>::get(view, &())?)).await?;
        self.propose_fenced(group, registry::fence(meta.unwrap_or_default().version())).await.map(drop)
    }
}

/// Returns an endpoint with the attributes of its user.
pub(super) fn endpoint_in(
    view: &dyn View,
    app: AppId,
    endpoint: &EndpointId,
) -> Result<Option<EndpointWithUser>, ServiceError> {
    let Some(endpoint) = ReadRows::<Endpoints>::get(view, &(app, endpoint.clone()))? else { return Ok(None) };
    let user_attributes = match &endpoint.user {
        Some(user) => ReadRows::<Users>::get(view, &(app, user.clone()))?.unwrap_or_default(),
        None => Attributes::new(),
    };
    Ok(Some(with_user(endpoint, user_attributes)))
}

fn with_user(endpoint: Endpoint, mut user_attributes: Attributes) -> EndpointWithUser {
    merge_attributes(&mut user_attributes, &endpoint.awaiting_user);
    EndpointWithUser { endpoint, user_attributes }
}

/// Says whether the address of a change may read differently in another country.
fn needs_country(patch: &EndpointPatch) -> bool {
    let family = patch.channel.map(Channel::address_family);
    let may_be_dialled = family.is_none_or(|family| family == AddressFamily::Telephone);
    patch.address.as_ref().is_some_and(|given| may_be_dialled && !addresses::is_international(&given.written))
}

/// Reads the address of a change: on its channel if it names one, otherwise on whatever channel the endpoint may have.
fn read_address(patch: &mut EndpointPatch, numbering: Numbering) -> Result<(), ServiceError> {
    let Some(given) = &mut patch.address else { return Ok(()) };
    let families = match patch.channel {
        Some(channel) => vec![channel.address_family()],
        None => FAMILIES.to_vec(),
    };
    let mut refused = None;
    given.readings.clear();
    for family in families {
        match addresses::reading(family, &given.written, numbering) {
            Ok(reading) => given.readings.push(reading),
            Err(reason) => refused = Some(reason),
        }
    }
    match refused {
        Some(reason) if given.readings.is_empty() => Err(Refusal::AddressInvalid(reason.to_string()).into()),
        _ => Ok(()),
    }
}
