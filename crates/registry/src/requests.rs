//! Requests are answered once: a repeated request id gets its first answer, whatever the command is now. A request to
//! send is answered once for each recipient, as the caller named it: what a repetition resolves its recipients to, in
//! which order it names them, and whether the channel still sends makes no difference to what was answered before.

use std::collections::BTreeMap;

use model::command::{AcceptMessages, Command, Proposal};
use model::id::RequestId;
use model::message::RECIPIENTS_MAX;
use model::outcome::{Acceptance, Outcome, Refusal};
use model::request::RecipientName;
use model::rows::{RequestAnswer, RequestRow};

use crate::error::ApplyError;
use crate::messages;
use crate::step::Step;
use crate::tables::{RequestAges, Requests, RowAccess, TableError, Tables};

/// The first answers to a request's recipients.
type Answers = BTreeMap<RecipientName, Acceptance>;

/// Runs a proposal's command, unless its request was answered: then that answer is given again and nothing is changed.
/// A refusal is an answer like any other, because its caller may have been told of it, unless it passes by itself: its
/// caller is told to repeat the request.
pub(crate) fn answer_once<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    proposal: &Proposal,
    run: impl FnOnce(&mut Step<'_, T>, &Command) -> Result<Outcome, ApplyError>,
) -> Result<Outcome, ApplyError> {
    let Some(request) = proposal.request else {
        return run(step, &proposal.command);
    };
    if let Command::AcceptMessages(accept) = &proposal.command {
        return Ok(accept_once(step, request, accept)?);
    }
    let row = step.tables.row::<Requests>(&request)?;
    if let Some(RequestRow { answer: RequestAnswer::Whole(outcome), .. }) = row {
        return Ok(outcome);
    }
    let outcome = run(step, &proposal.command)?;
    if !matches!(&outcome, Outcome::Refused(refusal) if refusal.passes()) {
        keep(step, request, row, RequestAnswer::Whole(outcome.clone()));
    }
    Ok(outcome)
}

/// Accepts messages for those recipients of a request that have no answer yet. What is refused may be repeated, so that
/// it isn't kept.
fn accept_once<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    request: RequestId,
    accept: &AcceptMessages,
) -> Result<Outcome, TableError> {
    let row = step.tables.row::<Requests>(&request)?;
    let mut answers = answers_in(row.as_ref());
    let names: Vec<RecipientName> = accept.recipients.iter().map(|recipient| recipient.name).collect();
    let unanswered: Vec<RecipientName> = names.iter().copied().filter(|name| !answers.contains_key(name)).collect();
    if unanswered.is_empty() {
        return Ok(told(&names, &answers, None));
    }
    let outcome = if answers.len() + unanswered.len() > RECIPIENTS_MAX {
        Outcome::Refused(Refusal::RequestReused(RECIPIENTS_MAX))
    } else if answers.is_empty() {
        messages::accept(step, accept)?
    } else {
        let mut rest = accept.clone();
        rest.recipients.retain(|recipient| !answers.contains_key(&recipient.name));
        messages::accept(step, &rest)?
    };
    match outcome {
        Outcome::Accepted(acceptances) => {
            answers.extend(unanswered.into_iter().zip(acceptances));
            let outcome = told(&names, &answers, None);
            keep(step, request, row, RequestAnswer::Recipients(answers));
            Ok(outcome)
        }
        Outcome::Refused(refusal) if unanswered.len() < names.len() => Ok(told(&names, &answers, Some(&refusal))),
        refused => Ok(refused),
    }
}

/// Answers recipients of a request as they were answered here, and closes the request for the others: none of them will
/// be accepted here under it any more.
pub(crate) fn close<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    request: RequestId,
    names: &[RecipientName],
) -> Result<Outcome, TableError> {
    let row = step.tables.row::<Requests>(&request)?;
    let mut answers = answers_in(row.as_ref());
    let before = answers.len();
    for name in names {
        answers.entry(*name).or_insert(Acceptance::Closed);
    }
    if answers.len() > RECIPIENTS_MAX {
        return Ok(Outcome::Refused(Refusal::RequestReused(RECIPIENTS_MAX)));
    }
    let outcome = told(names, &answers, None);
    if answers.len() > before {
        keep(step, request, row, RequestAnswer::Recipients(answers));
    }
    Ok(outcome)
}

fn answers_in(row: Option<&RequestRow>) -> Answers {
    match row {
        Some(RequestRow { answer: RequestAnswer::Recipients(answers), .. }) => answers.clone(),
        _ => Answers::new(),
    }
}

/// Gives each recipient its answer; those without one are refused.
fn told(names: &[RecipientName], answers: &Answers, refusal: Option<&Refusal>) -> Outcome {
    let answer = |name| match (answers.get(name), refusal) {
        (Some(answer), _) => answer.clone(),
        (None, Some(refusal)) => Acceptance::Refused(refusal.clone()),
        (None, None) => Acceptance::Closed,
    };
    Outcome::Accepted(names.iter().map(answer).collect())
}

fn keep<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    request: RequestId,
    old: Option<RequestRow>,
    answer: RequestAnswer,
) {
    if let Some(old) = old {
        step.tables.remove_row::<RequestAges>(&(old.time, request));
    }
    step.tables.store_row::<Requests>(request, RequestRow { answer, time: step.now });
    step.tables.store_row::<RequestAges>((step.now, request), ());
}
