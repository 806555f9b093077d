//! Sending messages: recipients are resolved, gathered by channel, body and partition, and proposed to all partitions
//! at once. A request isn't atomic over partitions: each recipient has its own answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::address::{partition_of_app, stable_hash};
use model::channel::{CHANNELS, Channel};
use model::command::{AcceptMessages, Command, Proposal, Recipient};
use model::content::{Content, Substitutions, VALUE_NAME_MAX, VALUE_NAME_PARTS_MAX};
use model::id::{AppId, BodyId, EndpointId, GroupId, MessageId, RequestId};
use model::message::{Class, RECIPIENTS_MAX};
use model::outcome::{Acceptance, Outcome, Refusal};
use registry::tables::{Channels, RowAccess as _, View};

use super::apps::numbering_in;
use super::batches::{BatchKey, Batches, Placed, shared_bytes};
use super::endpoints::{EndpointWithUser, endpoint_in};
use super::variables::endpoint_values;
use super::{REQUEST_DEADLINE, Service, unexpected};
use crate::addresses::{self, Numbering};
use crate::error::{ErrorCode, ServiceError};
use crate::ports::{Applied, LogError, PreparedContent};

/// Messages to send: 1 to 100 recipients, each on a channel that has a content.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct SendRequest {
    pub app: AppId,
    /// Who gets one; answered in this order.
    pub targets: Vec<SendTarget>,
    /// What is said on each channel.
    pub contents: BTreeMap<Channel, Arc<dyn PreparedContent>>,
    /// Values of variables for all recipients.
    pub substitutions: Substitutions,
    /// What the caller traces the messages by; providers are shown it.
    pub trace: Option<String>,
    /// The caller's context for all recipients.
    pub context: BTreeMap<String, String>,
    /// How often each message may be dispatched; by channel and purpose if not given.
    pub class: Option<Class>,
    /// How long the messages are worth sending; the channel's default if not given.
    pub time_to_live: Option<Duration>,
    /// The caller's request, when a repetition must be answered with the first answer.
    pub request: Option<RequestId>,
}

/// One recipient.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct SendTarget {
    pub to: To,
    /// What is said to this recipient instead of what is said on the channel.
    pub content: Option<Arc<dyn PreparedContent>>,
    /// Values of variables for this recipient alone.
    pub substitutions: Substitutions,
    /// The caller's context for this recipient alone.
    pub context: BTreeMap<String, String>,
}

/// How a recipient is named.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum To {
    /// By an address, as the caller wrote it.
    Address { channel: Channel, address: String },
    /// By an endpoint.
    Endpoint(EndpointId),
}

/// The answer for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct SendAnswer {
    /// Where the message goes, as it was written; nothing when that isn't known.
    pub address: Option<String>,
    pub outcome: SendOutcome,
}

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// A message was accepted: it survives the loss of any one region.
    Accepted(MessageId),
    /// The recipient opted out.
    OptedOut,
    /// The endpoint takes no messages.
    Inactive,
    /// There is no such endpoint, or it has no address.
    EndpointNotFound,
    /// The channel is not enabled for the app.
    ChannelDisabled(Channel),
    /// The address is none of its channel.
    InvalidAddress(String),
    /// Nothing is said on the recipient's channel.
    NoContent(Channel),
    /// What the recipient would get can't be sent, or nothing can be sent to the address: why. Repeating is useless.
    Unsendable(String),
    /// The partition did not take it now; repeating is safe for this recipient.
    Unavailable(String),
    /// Nobody knows whether it was accepted; repeating with the same request id is safe.
    Unknown(String),
}

/// A recipient that was found and has something to be told.
struct Resolved<'r> {
    channel: Channel,
    content: &'r Content,
    /// The address as it was written.
    written: String,
    recipient: Recipient,
}

/// What a request needs of the tables.
struct Known {
    numbering: Numbering,
    /// The channels of the app that are enabled.
    channels: BTreeSet<Channel>,
    /// The endpoints that the request names, those that exist.
    endpoints: BTreeMap<EndpointId, EndpointWithUser>,
}

impl Service {
    /// Accepts messages. The answers are in the order of the targets.
    ///
    /// # Errors
    /// `Invalid` when there are no or too many recipients; `NotFound` when there is no such app; `Overloaded` when no
    /// recipient could be taken because of too much work.
    pub async fn send_messages(&self, request: SendRequest) -> Result<Vec<SendAnswer>, ServiceError> {
        if !(1..=RECIPIENTS_MAX).contains(&request.targets.len()) {
            let text = format!("1 to {RECIPIENTS_MAX} recipients are allowed, found {}", request.targets.len());
            return Err(ServiceError::invalid("Addresses", text));
        }
        let named = request.targets.iter().flat_map(|target| target.substitutions.keys());
        request.substitutions.keys().chain(named).try_for_each(|name| value_name(name))?;
        let known = self.known(&request).await?;
        let mut answers: Vec<Option<SendAnswer>> = vec![None; request.targets.len()];
        let mut batches = Batches::default();
        for (place, target) in request.targets.iter().enumerate() {
            match self.resolve(&request, target, &known) {
                Ok(Resolved { channel, content, written, recipient }) => {
                    let own = target.content.as_ref().map(|_| place);
                    let first = BatchKey { group: recipient.message.group(), channel, own, part: 0 };
                    batches.add(first, || shared(&request, content), (place, written, recipient));
                }
                Err(answer) => answers[place] = Some(answer),
            }
        }
        let accepted =
            futures::future::join_all(batches.into_commands().map(|(key, batch)| self.accept(&request, key, batch)));
        let mut overloaded = None;
        for (places, answer) in accepted.await {
            match answer {
                Ok(outcomes) => {
                    for ((place, address), outcome) in places.into_iter().zip(outcomes) {
                        answers[place] = Some(SendAnswer { address: Some(address), outcome });
                    }
                }
                Err(error) => {
                    overloaded = overloaded.or_else(|| (error.code == ErrorCode::Overloaded).then(|| error.clone()));
                    for (place, address) in places {
                        answers[place] = Some(SendAnswer { address: Some(address), outcome: not_taken(&error) });
                    }
                }
            }
        }
        finish(answers, overloaded)
    }

    /// Reads what the request needs: the channels of its app, which must exist, and the endpoints that it names.
    async fn known(&self, request: &SendRequest) -> Result<Known, ServiceError> {
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
        let endpoints = |view: &dyn View| {
            let mut found = BTreeMap::new();
            for id in &named {
                found.extend(endpoint_in(view, app, id)?.map(|endpoint| ((*id).clone(), endpoint)));
            }
            Ok(found)
        };
        let endpoints = match named.is_empty() {
            true => BTreeMap::new(),
            false => self.read(partition_of_app(app, self.facts.partitions), endpoints).await?,
        };
        Ok(Known { numbering, channels: enabled.collect(), endpoints })
    }

    /// Finds a recipient, or says why it gets nothing.
    fn resolve<'r>(
        &self,
        request: &'r SendRequest,
        target: &'r SendTarget,
        known: &Known,
    ) -> Result<Resolved<'r>, SendAnswer> {
        let (channel, written, (address, key), endpoint) = match &target.to {
            To::Address { channel, address } => match addresses::read(*channel, address, known.numbering) {
                Ok(read) => (*channel, address.clone(), read, None),
                Err(reason) => return Err(answer(Some(address), SendOutcome::InvalidAddress(reason.to_string()))),
            },
            To::Endpoint(id) => {
                let found = known.endpoints.get(id).and_then(|found| Some((found, found.endpoint.target.clone()?)));
                let (found, target) = found.ok_or_else(|| answer(None, SendOutcome::EndpointNotFound))?;
                (target.channel, target.as_written().to_owned(), (target.address, target.key), Some(found))
            }
        };
        if !known.channels.contains(&channel) {
            return Err(answer(Some(&written), SendOutcome::ChannelDisabled(channel)));
        }
        let Some(content) = target.content.as_ref().or_else(|| request.contents.get(&channel)) else {
            return Err(answer(Some(&written), SendOutcome::NoContent(channel)));
        };
        let unsendable = |reason: String| answer(Some(&written), SendOutcome::Unsendable(reason));
        self.destinations.check(channel, &address).map_err(unsendable)?;
        let mut substitutions = target.substitutions.clone();
        if let Some(EndpointWithUser { endpoint, user_attributes }) = endpoint {
            for (name, values) in endpoint_values(content.content(), endpoint, user_attributes) {
                if !request.substitutions.contains_key(&name) {
                    substitutions.entry(name).or_insert(values);
                }
            }
        }
        content.check(&substitutions, &request.substitutions).map_err(unsendable)?;
        let group = key.partition(self.facts.partitions);
        // It only sorts ids: a time that isn't known yet is no reason to refuse.
        let at = self.time.now(group).unwrap_or_default();
        let message = MessageId::new(group, at, self.random.next_u64());
        let endpoint = endpoint.map(|found| found.endpoint.id.clone());
        let context = target.context.clone();
        let recipient = Recipient { message, address, key, endpoint, substitutions, context };
        Ok(Resolved { channel, content: content.content(), written, recipient })
    }

    /// Proposes one batch and returns where its answers belong.
    async fn accept(
        &self,
        request: &SendRequest,
        key: BatchKey,
        batch: Vec<Placed>,
    ) -> (Vec<(usize, String)>, Result<Vec<SendOutcome>, ServiceError>) {
        let (places, recipients) = batch
            .into_iter()
            .map(|(place, written, recipient)| ((place, written), recipient))
            .unzip::<_, _, Vec<(usize, String)>, Vec<Recipient>>();
        let BatchKey { group, channel, own, .. } = key;
        let own_content = own.and_then(|place| request.targets[place].content.clone());
        let Some(content) = own_content.or_else(|| request.contents.get(&channel).cloned()) else {
            return (places, Err(unexpected("a recipient without content")));
        };
        let time_to_live = request.time_to_live.unwrap_or_else(|| channel.default_time_to_live());
        let command = Command::AcceptMessages(Box::new(AcceptMessages {
            app: request.app,
            channel,
            body: BodyId(self.random.next_u128()),
            content: content.content().clone(),
            substitutions: request.substitutions.clone(),
            trace: request.trace.clone(),
            class: request.class,
            time_to_live_ms: u64::try_from(time_to_live.as_millis()).unwrap_or(u64::MAX).max(1),
            context: request.context.clone(),
            recipients,
        }));
        let request_id = request.request.map(|id| part_of_request(id, key));
        let proposal = vec![Proposal { request: request_id, command }];
        let answer = self.log.propose(group, proposal, REQUEST_DEADLINE).await;
        (places, accepted(channel, answer))
    }
}

/// Checks the name of a variable's value.
fn value_name(name: &str) -> Result<(), ServiceError> {
    let parts = name.split('.').count();
    if parts > VALUE_NAME_PARTS_MAX || name.chars().count() > VALUE_NAME_MAX {
        let text = format!(
            "a name has at most {VALUE_NAME_MAX} characters and {VALUE_NAME_PARTS_MAX} parts between dots, found {} and \
             {parts}",
            name.chars().count()
        );
        return Err(ServiceError::invalid("Substitutions", text));
    }
    Ok(())
}

fn answer(address: Option<&str>, outcome: SendOutcome) -> SendAnswer {
    SendAnswer { address: address.map(str::to_owned), outcome }
}

fn accepted(channel: Channel, answer: Result<Applied, LogError>) -> Result<Vec<SendOutcome>, ServiceError> {
    match answer?.outcomes.into_iter().next() {
        Some(Outcome::Accepted(acceptances)) => Ok(acceptances
            .into_iter()
            .map(|acceptance| match acceptance {
                Acceptance::Accepted(message) => SendOutcome::Accepted(message),
                Acceptance::OptedOut => SendOutcome::OptedOut,
                Acceptance::Inactive => SendOutcome::Inactive,
            })
            .collect()),
        Some(Outcome::Refused(Refusal::ChannelNotFound | Refusal::ChannelDisabled)) => {
            Err(ServiceError::new(ErrorCode::Precondition, SendOutcome::ChannelDisabled(channel).to_string()))
        }
        Some(Outcome::Refused(refusal)) => Err(refusal.into()),
        _ => Err(unexpected("something else than acceptances")),
    }
}

fn not_taken(error: &ServiceError) -> SendOutcome {
    match error.code {
        ErrorCode::Unknown => SendOutcome::Unknown(error.message.clone()),
        ErrorCode::TooLarge | ErrorCode::Invalid => SendOutcome::Unsendable(error.message.clone()),
        _ => SendOutcome::Unavailable(error.message.clone()),
    }
}

fn finish(answers: Vec<Option<SendAnswer>>, overloaded: Option<ServiceError>) -> Result<Vec<SendAnswer>, ServiceError> {
    let answers: Vec<SendAnswer> =
        answers.into_iter().collect::<Option<_>>().ok_or_else(|| unexpected("fewer answers than recipients"))?;
    let none_taken = answers.iter().all(|answer| matches!(answer.outcome, SendOutcome::Unavailable(_)));
    match overloaded {
        Some(error) if none_taken => Err(error),
        _ => Ok(answers),
    }
}

/// Counts the bytes that each command of a request has for a content, whoever gets it.
fn shared(request: &SendRequest, content: &Content) -> usize {
    shared_bytes(content, &request.substitutions, request.trace.as_deref(), &request.context)
}

/// Gives each part of a request an id of its own that a repetition of the request finds again.
fn part_of_request(request: RequestId, BatchKey { group, channel, own, part }: BatchKey) -> RequestId {
    let mut bytes = request.0.to_be_bytes().to_vec();
    bytes.extend(group.0.to_be_bytes());
    bytes.push(channel.code());
    bytes.extend(own.map_or(0, |place| place as u64 + 1).to_be_bytes());
    bytes.extend(part.to_be_bytes());
    let high = stable_hash(&bytes);
    bytes.push(1);
    RequestId((u128::from(high) << 64) | u128::from(stable_hash(&bytes)))
}

impl std::fmt::Display for SendOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SendOutcome::Accepted(message) => write!(f, "accepted as {message}"),
            SendOutcome::OptedOut => f.write_str("the recipient opted out"),
            SendOutcome::Inactive => f.write_str("the endpoint takes no messages"),
            SendOutcome::EndpointNotFound => f.write_str("endpoint not found"),
            SendOutcome::ChannelDisabled(channel) => write!(f, "no channel of type {channel} is enabled"),
            SendOutcome::InvalidAddress(reason) => f.write_str(reason),
            SendOutcome::NoContent(channel) => write!(f, "the request says nothing for {channel}"),
            SendOutcome::Unsendable(reason) | SendOutcome::Unavailable(reason) | SendOutcome::Unknown(reason) => {
                f.write_str(reason)
            }
        }
    }
}
