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

/// SendMessages.
pub(super) async fn send_messages(call: &Call<'_>) -> Result<Reply, RestError> {
    let app = call.app()?;
    let request: MessageRequest = parse(&call.body)?;
    let recipients = Recipients::of(&request)?;
    let said = Said::of(&request)?;
    let (answered, targets) = targets(call, app, &said, recipients).await?;
    let answers = send(call, &request, (app, &said), targets).await?;
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

async fn targets(call: &Call<'_>, app: AppId, said: &Said<'_>, recipients: Recipients) -> Result<Sorted, RestError> {
    let mut answered = Vec::new();
    let mut targets = Vec::new();
    for (address, configuration) in recipients.addresses {
        let target = address_target(said, &address, configuration)?;
        targets.push((Named::Address(address), target));
    }
    for (id, configuration) in recipients.endpoints {
        match EndpointId::new(&id) {
            Ok(endpoint) => {
                let target = endpoint_target(call, (app, said), endpoint, configuration).await?;
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

fn address_target(
    said: &Said<'_>,
    address: &str,
    configuration: AddressConfiguration,
) -> Result<SendTarget, RestError> {
    let field = || format!("Addresses.{address}.ChannelType");
    let text = configuration.channel_type.ok_or_else(|| RestError::bad_request(&field(), "is required"))?;
    let channel = text
        .parse()
        .map_err(|reason: model::channel::UnknownChannel| RestError::bad_request(&field(), reason.to_string()))?;
    let content = match &configuration.body_override {
        Some(body) => said.overridden(channel, body)?,
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
    call: &Call<'_>,
    (app, said): (AppId, &Said<'_>),
    endpoint: EndpointId,
    configuration: EndpointSendConfiguration,
) -> Result<SendTarget, RestError> {
    let content = match &configuration.body_override {
        Some(body) => match channel_of(call, app, &endpoint).await? {
            Some(channel) => said.overridden(channel, body)?,
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
async fn channel_of(
    call: &Call<'_>,
    app: AppId,
    endpoint: &EndpointId,
) -> Result<Option<model::channel::Channel>, RestError> {
    match call.api.service.get_endpoint(app, endpoint, ReadMode::Local).await {
        Ok(EndpointWithUser { endpoint, .. }) => Ok(endpoint.target.map(|target| target.channel)),
        Err(error) if error.code == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn send(
    call: &Call<'_>,
    request: &MessageRequest,
    (app, said): (AppId, &Said<'_>),
    targets: Vec<(Named, SendTarget)>,
) -> Result<Vec<(Named, SendAnswer)>, RestError> {
    if targets.is_empty() {
        call.api.service.get_app(app).await?;
        return Ok(Vec::new());
    }
    let (names, targets): (Vec<Named>, Vec<SendTarget>) = targets.into_iter().unzip();
    let send = SendRequest {
        app,
        targets,
        contents: said.contents()?,
        substitutions: said.substitutions()?,
        context: given(request.context.clone()).collect(),
        class: None,
        time_to_live: None,
        request: call.retry_id,
    };
    let answers = call.api.service.send_messages(send).await?;
    Ok(names.into_iter().zip(answers).collect())
}
