//! SendMessages: from the request to the recipients and back to an answer for each.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use model::channel::{AddressFamily, Channel};
use model::id::{AppId, EndpointId};
use model::message::RECIPIENTS_MAX;
use service::ErrorCode;
use service::ports::PreparedContent;
use service::use_cases::{EndpointWithUser, ReadMode, SendAnswer, SendOutcome, SendRequest, SendTarget, To};

use super::call::Call;
use super::error::RestError;
use super::json::{given, given_texts, parse};
use super::message_content::Said;
use super::message_member::Text;
use super::message_request::{AddressConfiguration, EndpointSendConfiguration, MessageRequest};
use super::message_response::{Named, message_response};
use super::reply::Reply;
use crate::limits;

pub(super) async fn send_messages(call: &Call<'_>) -> Result<Reply, RestError> {
    let app = call.app()?;
    let request: MessageRequest = parse(&call.body)?;
    let recipients = Recipients::of(&request)?;
    let said = Said::of(&request)?;
    limits::trace("TraceId", request.trace_id())?;
    let sending = Sending { call, app, request: &request, said };
    let (answered, targets) = sending.targets(recipients).await?;
    let answers = sending.send(targets).await?;
    let body = message_response(call.value(0), call.request_id, answered.into_iter().chain(answers));
    Ok(Reply::json(StatusCode::OK, &body))
}

/// The recipients of a request, as they are named.
struct Recipients {
    addresses: Vec<(String, AddressConfiguration)>,
    endpoints: Vec<(String, EndpointSendConfiguration)>,
}

impl Recipients {
    fn of(request: &MessageRequest) -> Result<Recipients, RestError> {
        let addresses = named(request.addresses.as_ref());
        let endpoints = named(request.endpoints.as_ref());
        let count = addresses.len() + endpoints.len();
        if (1..=RECIPIENTS_MAX).contains(&count) {
            return Ok(Recipients { addresses, endpoints });
        }
        let text = format!("Addresses and Endpoints must name 1 to {RECIPIENTS_MAX} recipients, found {count}.");
        Err(RestError::bad_request("", text))
    }
}

/// Lists recipients. One whose configuration isn't given is a recipient all the same.
fn named<T: Clone + Default>(recipients: Option<&BTreeMap<String, Option<T>>>) -> Vec<(String, T)> {
    let recipients = recipients.into_iter().flatten();
    recipients.map(|(name, configuration)| (name.clone(), configuration.clone().unwrap_or_default())).collect()
}

/// Recipients that are answered already, and those to send to, each with the name that its answer goes by.
type Sorted = (Vec<(Named, SendAnswer)>, Vec<(Named, SendTarget)>);

/// What is for one recipient alone, by its path in the request.
struct Own<'o> {
    recipient: &'o str,
    body: Option<&'o str>,
    title: Option<&'o str>,
    raw: Option<&'o str>,
}

impl Own<'_> {
    fn says_something(&self) -> bool {
        self.body.or(self.title).or(self.raw).is_some()
    }
}

/// A request to send: who asks, and what is said.
struct Sending<'c> {
    call: &'c Call<'c>,
    app: AppId,
    request: &'c MessageRequest,
    said: Said<'c>,
}

impl Sending<'_> {
    async fn targets(&self, recipients: Recipients) -> Result<Sorted, RestError> {
        let mut answered = Vec::new();
        let mut targets = Vec::new();
        for (address, configuration) in recipients.addresses {
            let target = self.address_target(&address, configuration)?;
            targets.push((Named::Address(address), target));
        }
        for (id, configuration) in recipients.endpoints {
            match EndpointId::new(&id) {
                Ok(endpoint) => {
                    let target = self.endpoint_target(endpoint, configuration).await?;
                    targets.push((Named::Endpoint(id), target));
                }
                // No endpoint can have such an id, so this one fails alone, like one that nobody made.
                Err(_) => {
                    let answer = SendAnswer { address: None, outcome: SendOutcome::EndpointNotFound };
                    answered.push((Named::Endpoint(id), answer));
                }
            }
        }
        Ok((answered, targets))
    }

    fn address_target(&self, address: &str, configuration: AddressConfiguration) -> Result<SendTarget, RestError> {
        let field = || format!("Addresses.{address}.ChannelType");
        let text = configuration.channel_type.ok_or_else(|| RestError::bad_request(&field(), "is required"))?;
        let channel = text
            .parse()
            .map_err(|reason: model::channel::UnknownChannel| RestError::bad_request(&field(), reason.to_string()))?;
        let own = Own {
            recipient: &format!("Addresses.{address}"),
            body: configuration.body_override.as_deref(),
            title: configuration.title_override.as_deref(),
            raw: configuration.raw_content.as_deref(),
        };
        let content = self.own_content(channel, &own)?;
        Ok(SendTarget {
            to: To::Address { channel, address: address.to_owned() },
            content,
            substitutions: given_texts(configuration.substitutions),
            context: given(configuration.context).collect(),
        })
    }

    async fn endpoint_target(
        &self,
        endpoint: EndpointId,
        configuration: EndpointSendConfiguration,
    ) -> Result<SendTarget, RestError> {
        let own = Own {
            recipient: &format!("Endpoints.{endpoint}"),
            body: configuration.body_override.as_deref(),
            title: configuration.title_override.as_deref(),
            raw: configuration.raw_content.as_deref(),
        };
        let content = match own.says_something() {
            true => match self.channel_of(&endpoint).await? {
                Some(channel) => self.own_content(channel, &own)?,
                None => None,
            },
            false => None,
        };
        Ok(SendTarget {
            to: To::Endpoint(endpoint),
            content,
            substitutions: given_texts(configuration.substitutions),
            context: given(configuration.context).collect(),
        })
    }

    /// Returns what is said to a recipient alone, if anything is. Titles and raw payloads are for push channels, whose
    /// recipients are told that their channel isn't enabled.
    fn own_content(&self, channel: Channel, own: &Own<'_>) -> Result<Option<Arc<dyn PreparedContent>>, RestError> {
        let push_only = [("TitleOverride", own.title), ("RawContent", own.raw)];
        let given = push_only.into_iter().find(|(_, text)| text.is_some());
        if let Some((member, _)) = given
            && channel.address_family() != AddressFamily::Token
        {
            let text = format!("isn't offered on {channel}; leave it out");
            return Err(RestError::bad_request(&format!("{}.{member}", own.recipient), text));
        }
        let Some(text) = own.body else { return Ok(None) };
        self.said.overridden(channel, Text { member: &format!("{}.BodyOverride", own.recipient), text })
    }

    /// Returns the channel on which a body of its own would be said; nothing when the endpoint can't be sent to anyway.
    async fn channel_of(&self, endpoint: &EndpointId) -> Result<Option<Channel>, RestError> {
        match self.call.api.service.get_endpoint(self.app, endpoint, ReadMode::Local).await {
            Ok(EndpointWithUser { endpoint, .. }) => Ok(endpoint.target.map(|target| target.channel)),
            Err(error) if error.code == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn send(&self, targets: Vec<(Named, SendTarget)>) -> Result<Vec<(Named, SendAnswer)>, RestError> {
        if targets.is_empty() {
            self.call.api.service.get_app(self.app).await?;
            return Ok(Vec::new());
        }
        let (names, targets): (Vec<Named>, Vec<SendTarget>) = targets.into_iter().unzip();
        let send = SendRequest {
            app: self.app,
            targets,
            contents: self.said.contents()?,
            substitutions: self.said.substitutions()?,
            trace: self.request.trace_id().cloned(),
            context: given(self.request.context.clone()).collect(),
            class: None,
            time_to_live: None,
            request: self.call.retry_id,
        };
        let answers = self.call.api.service.send_messages(send).await?;
        Ok(names.into_iter().zip(answers).collect())
    }
}
