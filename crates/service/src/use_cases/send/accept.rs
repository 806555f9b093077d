//! Sending messages: recipients are resolved, gathered by channel, body and partition, and proposed to all partitions
//! at once. A request isn't atomic over partitions: each recipient has its own answer.

use futures::future::join_all;
use model::channel::Channel;
use model::command::{AcceptMessages, Command, Proposal};
use model::content::Content;
use model::id::{BodyId, MessageId};
use model::outcome::Outcome;

use super::batches::{BatchKey, Batches, Placed, shared_bytes};
use super::earlier::{Earlier, Places, occurrences};
use super::outcome::{SendOutcome, not_taken};
use super::request::{SendAnswer, SendRequest};
use super::resolve::{Known, Resolved, Unresolved};
use crate::error::{ErrorCode, ServiceError};
use crate::ports::{Applied, LogError};
use crate::use_cases::{REQUEST_DEADLINE, Service, unexpected};

/// A recipient of a batch.
struct Asked {
    place: usize,
    /// The address as it was written.
    written: String,
    /// The id that was drawn for its message.
    message: MessageId,
}

/// The answers of a request, by the places of its recipients.
type Answers = [Option<SendAnswer>];

impl Service {
    /// Accepts messages. The answers are in the order of the targets.
    ///
    /// # Errors
    /// `Invalid` when there are no or too many recipients; `NotFound` when there is no such app; `Overloaded` when no
    /// recipient could be taken because of too much work.
    pub async fn send_messages(&self, request: SendRequest) -> Result<Vec<SendAnswer>, ServiceError> {
        request.check()?;
        let known = self.known(&request).await?;
        let mut answers: Vec<Option<SendAnswer>> = vec![None; request.targets.len()];
        let occurrences = request.request.map(|_| occurrences(&request.targets)).unwrap_or_default();
        let earlier =
            request.request.map(|id| Earlier { service: self, id, request: &request, occurrences: &occurrences });
        if let Some(earlier) = &earlier {
            fill(&mut answers, earlier.elsewhere(&known).await);
        }
        let (batches, doubtful) = self.gather(&request, &known, &occurrences, &mut answers);
        if let Some(earlier) = &earlier {
            fill(&mut answers, earlier.kept(doubtful).await);
        }
        let overloaded = self.accept_all(&request, batches, &mut answers).await;
        finish(answers, overloaded)
    }

    /// Resolves the recipients that have no answer yet. Returns them by the command that they belong to, and by group
    /// those that get nothing now and may have been answered there.
    fn gather(
        &self,
        request: &SendRequest,
        known: &Known,
        occurrences: &[u32],
        answers: &mut Answers,
    ) -> (Batches, Places) {
        let (mut batches, mut doubtful) = (Batches::default(), Places::new());
        for (place, target) in request.targets.iter().enumerate() {
            if answers[place].is_some() {
                continue;
            }
            match self.resolve(request, target, known) {
                Ok(Resolved { channel, content, written, mut recipient }) => {
                    recipient.occurrence = occurrences.get(place).copied().unwrap_or_default();
                    let own = target.content.as_ref().map(|_| place);
                    let first = BatchKey { group: recipient.message.group(), channel, own, part: 0 };
                    batches.add(first, || shared(request, content), (place, written, recipient));
                }
                Err(Unresolved { answer, group }) => {
                    answers[place] = Some(answer);
                    group.into_iter().for_each(|group| doubtful.entry(group).or_default().push(place));
                }
            }
        }
        (batches, doubtful)
    }

    /// Proposes all batches at once and fills in the answers. Returns the refusal of a partition that has too much work.
    async fn accept_all(&self, request: &SendRequest, batches: Batches, answers: &mut Answers) -> Option<ServiceError> {
        let accepted = join_all(batches.into_commands().map(|(key, batch)| self.accept(request, key, batch)));
        let mut overloaded = None;
        for (batch, answer) in accepted.await {
            match answer {
                Ok(outcomes) => {
                    for (Asked { place, written, message }, outcome) in batch.into_iter().zip(outcomes) {
                        // A message that wasn't drawn now is that of the first request, and goes where that said.
                        let first = match outcome {
                            SendOutcome::Accepted(found) if found != message => self.address_of(found).await,
                            _ => None,
                        };
                        answers[place] = Some(SendAnswer { address: Some(first.unwrap_or(written)), outcome });
                    }
                }
                Err(error) => {
                    overloaded = overloaded.or_else(|| (error.code == ErrorCode::Overloaded).then(|| error.clone()));
                    for Asked { place, written, .. } in batch {
                        answers[place] = Some(SendAnswer { address: Some(written), outcome: not_taken(&error) });
                    }
                }
            }
        }
        overloaded
    }

    /// Proposes one batch and returns where its answers belong.
    async fn accept(
        &self,
        request: &SendRequest,
        BatchKey { group, channel, own, .. }: BatchKey,
        batch: Vec<Placed>,
    ) -> (Vec<Asked>, Result<Vec<SendOutcome>, ServiceError>) {
        let (asked, recipients): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|(place, written, recipient)| (Asked { place, written, message: recipient.message }, recipient))
            .unzip();
        let own_content = own.and_then(|place| request.targets[place].content.clone());
        let Some(content) = own_content.or_else(|| request.contents.get(&channel).cloned()) else {
            return (asked, Err(unexpected("a recipient without content")));
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
        let proposal = vec![Proposal { request: request.request, command }];
        let answer = self.log.propose(group, proposal, REQUEST_DEADLINE).await;
        let outcomes = accepted(channel, asked.len(), answer);
        (asked, outcomes)
    }
}

fn fill(answers: &mut Answers, found: impl IntoIterator<Item = (usize, SendAnswer)>) {
    found.into_iter().for_each(|(place, answer)| answers[place] = Some(answer));
}

/// Counts the bytes that each command of a request has for a content, whoever gets it.
fn shared(request: &SendRequest, content: &Content) -> usize {
    shared_bytes(content, &request.substitutions, request.trace.as_deref(), &request.context)
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

fn finish(answers: Vec<Option<SendAnswer>>, overloaded: Option<ServiceError>) -> Result<Vec<SendAnswer>, ServiceError> {
    let answers: Vec<SendAnswer> =
        answers.into_iter().collect::<Option<_>>().ok_or_else(|| unexpected("fewer answers than recipients"))?;
    let none_taken = answers.iter().all(|answer| matches!(answer.outcome, SendOutcome::Unavailable(_)));
    match overloaded {
        Some(error) if none_taken => Err(error),
        _ => Ok(answers),
    }
}
