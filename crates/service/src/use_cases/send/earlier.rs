//! What a request's recipients were answered before, when it comes again: found before they are resolved anew, because
//! what they resolve to may have changed.
//!
//! Where a recipient is resolved as before, its partition answers it as before when it is asked to accept (`registry`'s
//! `requests`): a first request pays nothing for that. Three kinds of recipients are looked for beside: endpoints that
//! left other groups lately, numbers that were read in another country lately, and those to whom nothing could be sent
//! now.

use std::collections::BTreeMap;

use futures::future::join_all;
use model::command::{Command, Proposal};
use model::id::{GroupId, MessageId, RequestId};
use model::outcome::{Acceptance, Outcome};
use model::request::RecipientName;
use model::rows::RequestAnswer;
use registry::tables::{Messages, ReadRows, Requests, View};

use super::outcome::{SendOutcome, not_taken};
use super::request::{SendAnswer, SendRequest, SendTarget, To};
use super::resolve::Known;
use crate::error::ServiceError;
use crate::use_cases::{REQUEST_DEADLINE, Service, only, unexpected};

/// Recipients by the group that may have answered them, each with its place in the request.
pub(super) type Places = BTreeMap<GroupId, Vec<usize>>;

/// What became of asking one group: the answers by place, or nothing known of these places.
type Asked = (Vec<usize>, Result<Vec<Option<Acceptance>>, ServiceError>);

/// Returns how a request names each of its recipients; those that are named alike are numbered.
pub(super) fn names(targets: &[SendTarget]) -> Vec<RecipientName> {
    let mut seen: BTreeMap<RecipientName, u32> = BTreeMap::new();
    let numbered = |target| {
        let alike = seen.entry(name(target, 0)).or_default();
        *alike += 1;
        name(target, *alike - 1)
    };
    targets.iter().map(numbered).collect()
}

/// Returns how a request names a recipient.
fn name(target: &SendTarget, occurrence: u32) -> RecipientName {
    match &target.to {
        To::Endpoint(endpoint) => RecipientName::endpoint(endpoint, occurrence),
        To::Address { channel, address } => RecipientName::address(*channel, address, occurrence),
    }
}

/// A request that may have been answered before.
pub(super) struct Earlier<'r> {
    pub service: &'r Service,
    pub id: RequestId,
    pub request: &'r SendRequest,
    /// Of its recipients; see [`names`].
    pub names: &'r [RecipientName],
}

impl Earlier<'_> {
    /// Asks the groups that endpoints left lately, or numbers by the country they are read in, and closes the request
    /// there: whoever still goes by where a recipient was accepts nothing under it any more. Returns the answers of
    /// those that were answered, or may have been.
    pub(super) async fn elsewhere(&self, known: &Known) -> BTreeMap<usize, SendAnswer> {
        let mut places = Places::new();
        for (place, target) in self.request.targets.iter().enumerate() {
            let groups = self.service.former_groups(target, known);
            groups.into_iter().for_each(|group| places.entry(group).or_default().push(place));
        }
        self.answers(join_all(places.into_iter().map(|(group, places)| self.close(group, places))).await).await
    }

    /// Looks for the answers of recipients to whom nothing can be sent now, in the groups that they belong to.
    pub(super) async fn kept(&self, places: Places) -> BTreeMap<usize, SendAnswer> {
        self.answers(join_all(places.into_iter().map(|(group, places)| self.look(group, places))).await).await
    }

    async fn close(&self, group: GroupId, places: Vec<usize>) -> Asked {
        let recipients = places.iter().map(|place| self.names[*place]).collect();
        let command = Command::CloseRequest { request: self.id, recipients };
        let proposal = vec![Proposal { request: None, command }];
        let answered = self.service.log.propose(group, proposal, REQUEST_DEADLINE).await;
        let acceptances = match answered.map_err(ServiceError::from).and_then(only) {
            Ok(Outcome::Accepted(acceptances)) => Ok(acceptances.into_iter().map(Some).collect()),
            Ok(_) => Err(unexpected("something else than acceptances")),
            Err(error) => Err(error),
        };
        (places, acceptances)
    }

    async fn look(&self, group: GroupId, places: Vec<usize>) -> Asked {
        let names: Vec<RecipientName> = places.iter().map(|place| self.names[*place]).collect();
        let answers = |view: &dyn View| {
            let row = ReadRows::<Requests>::get(view, &self.id)?;
            Ok(match row.map(|row| row.answer) {
                Some(RequestAnswer::Recipients(answers)) => {
                    names.iter().map(|name| answers.get(name).cloned()).collect()
                }
                _ => vec![None; names.len()],
            })
        };
        let current = self.service.reads.linearize(group, REQUEST_DEADLINE).await;
        let found = match current {
            Ok(()) => self.service.read(group, answers).await,
            Err(error) => Err(error.into()),
        };
        (places, found)
    }

    /// Makes answers of what groups said. What was accepted counts more than that another group wasn't reached.
    async fn answers(&self, asked: Vec<Asked>) -> BTreeMap<usize, SendAnswer> {
        let mut answers = BTreeMap::new();
        for (places, said) in asked {
            match said {
                Ok(acceptances) => {
                    for (place, acceptance) in places.into_iter().zip(acceptances) {
                        if let Some(answer) = self.answer(place, acceptance).await {
                            answers.insert(place, answer);
                        }
                    }
                }
                Err(error) => {
                    for place in places {
                        let unknown = || SendAnswer { address: None, outcome: not_taken(&error) };
                        answers.entry(place).or_insert_with(unknown);
                    }
                }
            }
        }
        answers
    }

    async fn answer(&self, place: usize, acceptance: Option<Acceptance>) -> Option<SendAnswer> {
        let outcome = match acceptance? {
            Acceptance::Accepted(message) => SendOutcome::Accepted(message),
            Acceptance::OptedOut => SendOutcome::OptedOut,
            Acceptance::Inactive => SendOutcome::Inactive,
            Acceptance::Refused(_) | Acceptance::Closed => return None,
        };
        let address = match outcome {
            SendOutcome::Accepted(message) => self.service.first_address(&self.request.targets[place], message).await,
            _ => None,
        };
        Some(SendAnswer { address, outcome })
    }
}

impl Service {
    /// Returns where a recipient's message goes that was accepted before: the address that the request names, or that
    /// of the endpoint then, in normal form and as far as this region knows.
    pub(super) async fn first_address(&self, target: &SendTarget, message: MessageId) -> Option<String> {
        if let To::Address { address, .. } = &target.to {
            return Some(address.clone());
        }
        let look = |view: &dyn View| Ok(ReadRows::<Messages>::get(view, &message)?);
        let found = self.read(message.group(), look).await.ok().flatten();
        found.map(|message| message.address.as_str().to_owned())
    }
}
