//! SendMessages: from the request to the recipients and back to an answer for each.

use http::StatusCode;
use model::id::{AppId, EndpointId};
use model::message::RECIPIENTS_MAX;
use service::ErrorCode;
use service::use_cases::{EndpointWithUser, ReadMode, SendAnswer, SendOutcome, SendRequest, SendTarget, To};

use super::call::Call;
use super::error::RestError;
use super::json::{given, given_texts, parse};
use super::message_content::Said;
use super::message_request::{AddressConfiguration, EndpointSendConfiguration, MessageRequest};
use super::message_response::{Named, message_response};
use super::reply::Reply;

pub(super) async fn send_messages(call: &Call<'_>) -> Result<Reply, RestError> {
    let app = call.app()?;
    let request: MessageRequest = parse(&call.body)?;
    let recipients = Recipients::of(&request)?;
    let said = Said::of(&request)?;
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
        let addresses: Vec<_> = given(request.addresses.clone()).collect();
        let endpoints: Vec<_> = request
            .endpoints
            .clone()
            .into_iter()
            .flatten()
            .map(|(id, configuration)| (id, configuration.unwrap_or_default()))
            .collect();
        let count = addresses.len() + endpoints.len();
        if (1..=RECIPIENTS_MAX).contains(&count) {
            return Ok(Recipients { addresses, endpoints });
        }
        let text = format!("Addresses and Endpoints must name 1 to {RECIPIENTS_MAX} recipients, found {count}.");
        Err(RestError::bad_request("", text))
    }
}

/// Recipients that are answered already, and those to send to, each with the name that its answer goes by.
type Sorted = (Vec<(Named, SendAnswer)>, Vec<(Named, SendTarget)>);

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
        let content = match &configuration.body_override {
            Some(body) => self.said.overridden(channel, body)?,
            None => None,
        };
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
        let content = match &configuration.body_override {
            Some(body) => match self.channel_of(&endpoint).await? {
                Some(channel) => self.said.overridden(channel, body)?,
                None => None,
            },
            None => None,
        };
        Ok(SendTarget {
            to: To::Endpoint(endpoint),
            content,
            substitutions: given_texts(configuration.substitutions),
            context: given(configuration.context).collect(),
        })
    }

    /// Returns the channel on which a body of its own would be said; nothing when the endpoint can't be sent to anyway.
    async fn channel_of(&self, endpoint: &EndpointId) -> Result<Option<model::channel::Channel>, RestError> {
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
            context: given(self.request.context.clone()).collect(),
            class: None,
            time_to_live: None,
            request: self.call.retry_id,
        };
        let answers = self.call.api.service.send_messages(send).await?;
        Ok(names.into_iter().zip(answers).collect())
    }
}
