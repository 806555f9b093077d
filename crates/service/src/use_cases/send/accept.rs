//! Sending messages: recipients are resolved, gathered by channel, body and partition, and proposed to all partitions
//! at once; those whose content is in pieces when the pieces are there. A request isn't atomic over partitions: each
//! recipient has its own answer.

use futures::future::{join, join_all};
use futures::stream::{self, StreamExt as _};
use model::content::Content;
use model::request::RecipientName;

use super::batches::{Batches, BodyKey, Shared, shared_bytes};
use super::earlier::{Earlier, Places, names};
use super::outcome::{SendOutcome, not_taken};
use super::pieces::{BODIES_UNDER_WAY_MAX, Cut};
use super::propose::Asked;
use super::request::{SendAnswer, SendRequest};
use super::resolve::{Known, Resolved, Unresolved};
use crate::error::{ErrorCode, ServiceError};
use crate::use_cases::{Service, unexpected};

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
        let names = request.request.map(|_| names(&request.targets)).unwrap_or_default();
        let earlier = request.request.map(|id| Earlier { service: self, id, request: &request, names: &names });
        if let Some(earlier) = &earlier {
            fill(&mut answers, earlier.elsewhere(&known).await);
        }
        let (batches, doubtful) = self.gather(&request, &known, &names, &mut answers);
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
        names: &[RecipientName],
        answers: &mut Answers,
    ) -> (Batches, Places) {
        let (mut batches, mut doubtful) = (Batches::default(), Places::new());
        for (place, target) in request.targets.iter().enumerate() {
            if answers[place].is_some() {
                continue;
            }
            match self.resolve(request, target, known) {
                Ok(Resolved { channel, content, written, mut recipient }) => {
                    recipient.name = names.get(place).copied().unwrap_or_default();
                    let own = target.content.as_ref().map(|_| place);
                    let whole = BodyKey { group: recipient.message.group(), channel, own, in_pieces: false };
                    batches.add(whole, || shared(request, content), (place, written, recipient));
                }
                Err(Unresolved { answer, group }) => {
                    answers[place] = Some(answer);
                    group.into_iter().for_each(|group| doubtful.entry(group).or_default().push(place));
                }
            }
        }
        (batches, doubtful)
    }

    /// Proposes all batches at once, those in pieces a few bodies at a time, and fills in the answers. Returns the
    /// refusal of a partition that has too much work.
    async fn accept_all(&self, request: &SendRequest, batches: Batches, answers: &mut Answers) -> Option<ServiceError> {
        let (in_pieces, whole): (Vec<_>, Vec<_>) = batches.into_bodies().partition(|(key, _)| key.in_pieces);
        let cut = Cut::of(request, in_pieces.iter().map(|(key, _)| key), self.clock.boot_time());
        let whole = join_all(whole.into_iter().map(|(key, batches)| self.accept_whole(request, key, batches)));
        let in_pieces = stream::iter(in_pieces)
            .map(|(key, batches)| self.accept_in_pieces(request, (key, batches), &cut))
            .buffer_unordered(BODIES_UNDER_WAY_MAX)
            .collect::<Vec<_>>();
        let (whole, in_pieces) = join(whole, in_pieces).await;
        let mut overloaded = None;
        for (batch, answer) in whole.into_iter().chain(in_pieces).flatten() {
            match answer {
                Ok(outcomes) => {
                    for (Asked { place, written, message }, outcome) in batch.into_iter().zip(outcomes) {
                        // A message that wasn't drawn now is that of the first request, and goes where that said.
                        let first = match outcome {
                            SendOutcome::Accepted(found) if found != message => {
                                self.first_address(&request.targets[place], found).await
                            }
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
}

fn fill(answers: &mut Answers, found: impl IntoIterator<Item = (usize, SendAnswer)>) {
    found.into_iter().for_each(|(place, answer)| answers[place] = Some(answer));
}

/// Counts the bytes that each command of a request has for a content, whoever gets it.
fn shared(request: &SendRequest, content: &Content) -> Shared {
    shared_bytes(content, &request.substitutions, request.trace.as_deref(), &request.context)
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
