//! Requests are answered once: a repeated request id gets its first answer, whatever the command is now.

use model::command::{Command, Proposal};
use model::outcome::{Outcome, Refusal};
use model::rows::RequestRow;

use crate::error::ApplyError;
use crate::step::Step;
use crate::tables::{RequestAges, Requests, RowAccess, Tables};

/// Runs a proposal's command, unless its request was answered: then that answer is given again and nothing is changed.
/// A refusal is an answer like any other, because its caller may have been told of it.
pub(crate) fn answer_once<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    proposal: &Proposal,
    run: impl FnOnce(&mut Step<'_, T>, &Command) -> Result<Outcome, ApplyError>,
) -> Result<Outcome, ApplyError> {
    let Some(request) = proposal.request else {
        return run(step, &proposal.command);
    };
    if let Some(answered) = step.tables.row::<Requests>(&request)? {
        return Ok(answered.outcome);
    }
    let outcome = run(step, &proposal.command)?;
    if let Outcome::Refused(Refusal::TooManyFollowUps { .. }) = outcome {
        // Its caller is told to repeat it.
        return Ok(outcome);
    }
    step.tables.store_row::<Requests>(request, RequestRow { outcome: outcome.clone(), time: step.now });
    step.tables.store_row::<RequestAges>((step.now, request), ());
    Ok(outcome)
}
