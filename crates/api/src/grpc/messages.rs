//! Messages: send, look, decide about held ones. Watching is in `watch`.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use model::content::Content;
use model::id::RequestId;
use model::message::RECIPIENTS_MAX;
use policy::Action;
use service::use_cases::{SendAnswer, SendOutcome, SendRequest, SendTarget, To};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use wire::public::{
    channel_of, parse_app_id, parse_class, parse_endpoint_id, parse_message_id, parse_request_id, parse_resolution,
    parse_values,
};
use wire::v1;

use super::error::GrpcError;
use super::state::{Entered, GrpcApi};
use super::watch::watch;
use crate::limits::{self, ContentNames};
use crate::prepared::prepare;
use crate::requests::scoped_request_id;

/// The longest time to live: whatever outage lasts longer, its messages are stale.
const TIME_TO_LIVE_MAX: Duration = Duration::from_secs(14 * 24 * 3_600);

const NAMES: ContentNames<'static> = ContentNames {
    sms_text: "content.sms.text",
    origination_number: "content.sms.origination_number",
    sender_id: "content.sms.sender_id",
    keyword: "content.sms.keyword",
    entity_id: "content.sms.entity_id",
    template_id: "content.sms.template_id",
    email: "content.email",
    subject: "content.email.subject",
    html: "content.email.html",
    text: "content.email.text",
    headers: "content.email.headers",
    header: ("name", "value"),
    from: "content.from",
    reply_to: "content.email.reply_to",
    raw_email: "content.raw_email.data",
    custom: "content.custom.data",
};

pub(super) struct MessagesService(pub(super) Arc<GrpcApi>);

#[tonic::async_trait]
impl v1::messages_server::Messages for MessagesService {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::WatchResponse, Status>> + Send>>;

    async fn send(
        &self,
        request: Request<v1::SendMessagesRequest>,
    ) -> Result<Response<v1::SendMessagesResponse>, Status> {
        let entered = self.0.enter(request.extensions(), Action::SendMessages)?;
        let request = request.into_inner();
        let named = parse_request_id(&request.request_id, "request_id").map_err(GrpcError::from)?;
        let send = send_request(request, named.map(|id| scoped(&entered, id)))?;
        let answers = self.0.service.send_messages(send).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::SendMessagesResponse {
            request_id: named.unwrap_or_else(|| self.0.service.new_request_id()).to_string(),
            results: answers.into_iter().map(result).collect(),
        }))
    }

    async fn get(&self, request: Request<v1::GetMessageRequest>) -> Result<Response<v1::GetMessageResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::GetMessage)?;
        let id = parse_message_id(&request.get_ref().message_id, "message_id").map_err(GrpcError::from)?;
        let report = self.0.service.get_message(id).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::GetMessageResponse {
            message: Some(report.message.into()),
            progress: Some(report.progress.into()),
            events: report.events.into_iter().map(v1::Event::from).collect(),
        }))
    }

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::WatchMessage)?;
        let updates = watch(&self.0, request.into_inner()).await?;
        Ok(Response::new(Box::pin(updates)))
    }

    async fn list_held(&self, request: Request<v1::ListHeldRequest>) -> Result<Response<v1::ListHeldResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::ListHeld)?;
        let app = parse_app_id(&request.get_ref().app_id, "app_id").map_err(GrpcError::from)?;
        let held = self.0.service.list_held(app).await.map_err(GrpcError::from)?;
        let messages = held
            .into_iter()
            .map(|report| v1::HeldMessage {
                message: Some(report.message.into()),
                progress: Some(report.progress.into()),
            })
            .collect();
        Ok(Response::new(v1::ListHeldResponse { messages }))
    }

    async fn resolve_held(
        &self,
        request: Request<v1::ResolveHeldRequest>,
    ) -> Result<Response<v1::ResolveHeldResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::ResolveHeld)?;
        let request = request.into_inner();
        let resolution = parse_resolution(request.resolution, "resolution").map_err(GrpcError::from)?;
        let messages = request
            .message_ids
            .iter()
            .enumerate()
            .map(|(place, id)| parse_message_id(id, &format!("message_ids[{place}]")))
            .collect::<Result<_, _>>()
            .map_err(GrpcError::from)?;
        let changed = self.0.service.resolve_held(messages, resolution).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::ResolveHeldResponse { changed }))
    }
}

fn scoped(entered: &Entered, id: RequestId) -> RequestId {
    scoped_request_id(&[b"grpc", entered.caller.principal.name.as_bytes(), &id.0.to_be_bytes()])
}

fn send_request(request: v1::SendMessagesRequest, id: Option<RequestId>) -> Result<SendRequest, GrpcError> {
    let content = request.content.ok_or_else(|| GrpcError::invalid("content", "is required"))?;
    let content = Content::try_from(content).map_err(|flaw| flaw.within("content"))?;
    let channel = channel_of(&content);
    let content = prepare(content, &NAMES)?;
    limits::trace("trace_id", request.trace_id.as_ref())?;
    limits::some("recipients", request.recipients.len(), RECIPIENTS_MAX, "recipients")?;
    let targets = request
        .recipients
        .into_iter()
        .enumerate()
        .map(|(place, recipient)| target(channel, recipient, place))
        .collect::<Result<_, _>>()?;
    Ok(SendRequest {
        app: parse_app_id(&request.app_id, "app_id")?,
        targets,
        contents: BTreeMap::from([(channel, content)]),
        substitutions: parse_values(request.substitutions),
        trace: request.trace_id,
        context: request.context,
        class: parse_class(request.class, "class")?,
        time_to_live: request.time_to_live_ms.map(time_to_live).transpose()?,
        request: id,
    })
}

fn target(channel: model::Channel, recipient: v1::Recipient, place: usize) -> Result<SendTarget, GrpcError> {
    let field = |name: &str| format!("recipients[{place}].{name}");
    let to = match recipient.to {
        Some(v1::recipient::To::Address(address)) => To::Address { channel, address },
        Some(v1::recipient::To::EndpointId(id)) => To::Endpoint(parse_endpoint_id(&id, &field("endpoint_id"))?),
        None => return Err(GrpcError::invalid(&field("to"), "is required")),
    };
    let substitutions = parse_values(recipient.substitutions);
    Ok(SendTarget { to, content: None, substitutions, context: recipient.context })
}

fn time_to_live(milliseconds: u64) -> Result<Duration, GrpcError> {
    let time = Duration::from_millis(milliseconds);
    if time.is_zero() || time > TIME_TO_LIVE_MAX {
        let text = format!("1 to {} ms are allowed, found {milliseconds}", TIME_TO_LIVE_MAX.as_millis());
        return Err(GrpcError::invalid("time_to_live_ms", &text));
    }
    Ok(time)
}

fn result(answer: SendAnswer) -> v1::SendResult {
    let status = match &answer.outcome {
        SendOutcome::Accepted(_) => v1::SendStatus::Accepted,
        SendOutcome::OptedOut => v1::SendStatus::OptedOut,
        SendOutcome::Inactive => v1::SendStatus::Inactive,
        SendOutcome::EndpointNotFound => v1::SendStatus::EndpointNotFound,
        SendOutcome::ChannelDisabled(_) => v1::SendStatus::ChannelDisabled,
        SendOutcome::InvalidAddress(_) => v1::SendStatus::InvalidAddress,
        SendOutcome::NoContent(_) => v1::SendStatus::NoContent,
        SendOutcome::Unsendable(_) => v1::SendStatus::Unsendable,
        SendOutcome::Unavailable(_) => v1::SendStatus::Unavailable,
        SendOutcome::Unknown(_) => v1::SendStatus::Unknown,
    };
    let (message_id, detail) = match &answer.outcome {
        SendOutcome::Accepted(message) => (message.to_string(), String::new()),
        other => (String::new(), other.to_string()),
    };
    v1::SendResult { status: status.into(), message_id, detail, address: answer.address.unwrap_or_default() }
}
