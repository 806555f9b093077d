//! Endpoints. They live in their app's partition; what they forbid is written to their address' partition and fenced
//! there before a change is acknowledged.

use model::address::{AddressKey, partition_of_app};
use model::channel::{AddressFamily, Channel};
use model::command::{Command, UpsertEndpoint};
use model::endpoint::{Attributes, Endpoint, EndpointPatch, Target};
use model::id::{AppId, EndpointId, GroupId, RequestId};
use model::outcome::{FENCE_HERE, Outcome, Refusal};
use registry::tables::{Endpoints, ReadRows, Users, View};

use super::{REQUEST_DEADLINE, Service, unexpected};
use crate::addresses::{self, Numbering};
use crate::error::ServiceError;

/// A change of an endpoint as a caller gives it: channel and address may come apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointDraft {
    /// The channel, when given.
    pub channel: Option<Channel>,
    /// The address, when given.
    pub address: Option<String>,
    /// The rest; its `target` is not looked at.
    pub patch: EndpointPatch,
}

/// A request to create or change an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct UpsertEndpointRequest {
    pub app: AppId,
    pub endpoint: EndpointId,
    /// Its id as the caller wrote it.
    pub display_id: String,
    pub draft: EndpointDraft,
    /// The request, recorded in the endpoint.
    pub request: RequestId,
}

/// An endpoint with the attributes of its user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct EndpointWithUser {
    pub endpoint: Endpoint,
    /// Its user's attributes; empty when it has none.
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
        let numbering = self.numbering(request.app).await?;
        let group = partition_of_app(request.app, self.facts.partitions);
        let target = self.target(group, &request, numbering).await?;
        let command = Command::UpsertEndpoint(Box::new(UpsertEndpoint {
            app: request.app,
            endpoint: request.endpoint,
            display_id: request.display_id,
            patch: EndpointPatch { target, ..request.draft.patch },
            request: request.request,
            seed: self.random.next_u64(),
        }));
        self.change_endpoint(group, command).await
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
        let before = self.get_endpoint(app, endpoint, ReadMode::Local).await?;
        let group = partition_of_app(app, self.facts.partitions);
        let command = Command::DeleteEndpoint { app, endpoint: endpoint.clone() };
        let endpoint = self.change_endpoint(group, command).await?;
        Ok(EndpointWithUser { endpoint, user_attributes: before.user_attributes })
    }

    async fn change_endpoint(&self, group: GroupId, command: Command) -> Result<Endpoint, ServiceError> {
        match self.propose(group, command).await? {
            Outcome::Endpoint { endpoint, mut follow_ups, .. } => {
                let count = follow_ups.len();
                follow_ups.retain(|(_, number)| *number != FENCE_HERE);
                if follow_ups.len() < count {
                    self.fence(group).await?;
                }
                self.follow_ups_done(group, &follow_ups).await?;
                Ok(*endpoint)
            }
            _ => Err(unexpected("something else than an endpoint")),
        }
    }

    /// Waits until every holder is fenced up to what the group has applied: a fenced command that changes nothing comes
    /// after it in the log.
    async fn fence(&self, group: GroupId) -> Result<(), ServiceError> {
        self.propose_fenced(group, Command::SetApplyVersion { version: 0 }).await.map(drop)
    }

    /// Joins the channel and address that the caller gave with those that the endpoint has.
    async fn target(
        &self,
        group: GroupId,
        request: &UpsertEndpointRequest,
        numbering: Numbering,
    ) -> Result<Option<Target>, ServiceError> {
        let draft = &request.draft;
        if draft.channel.is_none() && draft.address.is_none() {
            return Ok(None);
        }
        let key = (request.app, request.endpoint.clone());
        let stored = self.read(group, |view| Ok(ReadRows::<Endpoints>::get(view, &key)?)).await?;
        let stored = stored.and_then(|endpoint| endpoint.target);
        let channel = draft
            .channel
            .or(stored.as_ref().map(|target| target.channel))
            .ok_or_else(|| ServiceError::invalid("ChannelType", "an endpoint with an address needs a channel type"))?;
        // What is stored was read when it was written: with another default country since, it would be another address.
        let kept = stored.as_ref().map(|target| (target.address.as_str(), target.as_written()));
        let Some((text, written)) = draft.address.as_deref().map(|text| (text, text)).or(kept) else {
            return Err(ServiceError::invalid("Address", "an endpoint with a channel type needs an address"));
        };
        let read = addresses::read(channel, text, numbering);
        let (address, key) = read.map_err(|reason| ServiceError::invalid("Address", reason.to_string()))?;
        let key = recipient_key(request.app, &request.endpoint, channel, key);
        let written = (written != address.as_str()).then(|| written.to_owned());
        Ok(Some(Target { channel, address, key, written }))
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
    Ok(Some(EndpointWithUser { endpoint, user_attributes }))
}

/// Returns what messages to an endpoint go by: its address, or the endpoint itself where addresses mean nothing outside
/// the app.
pub(super) fn recipient_key(app: AppId, endpoint: &EndpointId, channel: Channel, key: AddressKey) -> AddressKey {
    match channel.address_family() {
        AddressFamily::Custom => AddressKey::of_endpoint(app, endpoint),
        _ => key,
    }
}
