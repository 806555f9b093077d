//! Proposing the batches of a request: what each command says, and what became of its recipients.

use futures::future::join_all;
use model::body::BodyContent;
use model::channel::Channel;
use model::command::{AcceptMessages, Command, Proposal, Recipient};
use model::id::{BodyId, MessageId};
use model::outcome::Outcome;

use super::batches::{Batch, BodyKey, Placed};
use super::outcome::SendOutcome;
use super::pieces::Cut;
use super::request::SendRequest;
use crate::error::ServiceError;
use crate::ports::{Applied, LogError};
use crate::use_cases::{REQUEST_DEADLINE, Service, unexpected};

/// A recipient of a batch.
pub(super) struct Asked {
    pub(super) place: usize,
    /// The address as it was written.
    pub(super) written: String,
    /// The id that was drawn for its message.
    pub(super) message: MessageId,
}

/// The recipients of a command, and what became of them.
pub(super) type Answered = (Vec<Asked>, Result<Vec<SendOutcome>, ServiceError>);

impl Service {
    /// Proposes the batches of a body, each with the whole content.
    pub(super) async fn accept_whole(&self, request: &SendRequest, key: BodyKey, batches: Vec<Batch>) -> Vec<Answered> {
        let accept = |batch| async move {
            let (asked, recipients) = asked(batch);
            let Some(content) = request.content_of(key.channel, key.own) else {
                return (asked, Err(unexpected("a recipient without content")));
            };
            let content = BodyContent::Whole(content.content().clone());
            let body = BodyId(self.random.next_u128());
            let outcomes = self.accept(request, (key, body), content, recipients).await;
            (asked, outcomes)
        };
        join_all(batches.into_iter().map(accept)).await
    }

    /// Puts the pieces of a body, and then proposes its batches.
    pub(super) async fn accept_in_pieces(
        &self,
        request: &SendRequest,
        (key, batches): (BodyKey, Vec<Batch>),
        cut: &Cut,
    ) -> Vec<Answered> {
        // Drawn anew for each try: what another one left behind is no part of it.
        let body = BodyId(self.random.next_u128());
        let put = &self.put_pieces(request.app, (key, body), cut).await;
        let accept = |batch| async move {
            let (asked, recipients) = asked(batch);
            let outcomes = match put {
                Ok(content) => self.accept(request, (key, body), content.clone(), recipients).await,
                Err(error) => Err(error.clone()),
            };
            (asked, outcomes)
        };
        join_all(batches.into_iter().map(accept)).await
    }

    /// Proposes one command and returns what became of its recipients.
    async fn accept(
        &self,
        request: &SendRequest,
        (BodyKey { group, channel, .. }, body): (BodyKey, BodyId),
        content: BodyContent,
        recipients: Vec<Recipient>,
    ) -> Result<Vec<SendOutcome>, ServiceError> {
        let count = recipients.len();
        let time_to_live = request.time_to_live.unwrap_or_else(|| channel.default_time_to_live());
        let command = Command::AcceptMessages(Box::new(AcceptMessages {
            app: request.app,
            channel,
            body,
            content,
            substitutions: request.substitutions.clone(),
            trace: request.trace.clone(),
            class: request.class,
            time_to_live_ms: u64::try_from(time_to_live.as_millis()).unwrap_or(u64::MAX).max(1),
            context: request.context.clone(),
            recipients,
        }));
        let proposal = vec![Proposal { request: request.request, command }];
        accepted(channel, count, self.log.propose(group, proposal, REQUEST_DEADLINE).await)
    }
}

/// Parts a batch into what its answers need and what its command says.
fn asked(batch: Batch) -> (Vec<Asked>, Vec<Recipient>) {
    let asked = |(place, written, recipient): Placed| (Asked { place, written, message: recipient.message }, recipient);
    batch.into_iter().map(asked).unzip()
}

/// Makes outcomes of a batch of `count` recipients.
fn accepted(
    channel: Channel,
    count: usize,
    answer: Result<Applied, LogError>,
) -> Result<Vec<SendOutcome>, ServiceError> {
    match answer?.outcomes.into_iter().next() {
        Some(Outcome::Accepted(acceptances)) => {
            Ok(acceptances.into_iter().map(|acceptance| SendOutcome::of(acceptance, channel)).collect())
        }
        Some(Outcome::Refused(refusal)) => Ok(vec![SendOutcome::refused(&refusal, channel); count]),
        _ => Err(unexpected("something else than acceptances")),
    }
}
