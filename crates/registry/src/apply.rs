//! The entrance of the registry: one entry of a group's log in, its answers and effects out. Which command belongs to
//! which kind of group is decided here; what it does, in the rooms.

use model::command::{Command, Proposal};
use model::id::GroupId;
use model::outcome::{Outcome, Refusal};

use crate::context::ApplyContext;
use crate::effect::Effect;
use crate::error::ApplyError;
use crate::step::Step;
use crate::tables::{TableError, Tables};
use crate::{control, endpoints, follow_up, forbid, messages, partition, requests, retire, versions};

/// Applies the proposals of one entry in their order, and answers each. The same entries over the same tables give the
/// same rows, answers and effects, on every node and every time; how proposals were merged into entries with one stamp
/// makes no difference.
///
/// Effects are appended to `effects` in the order in which they happened.
///
/// # Errors
/// When the tables can't be read or contradict themselves, when the group is at an apply version that this build doesn't
/// know, and when a command is newer than that version. Everything else is an [`Outcome`].
pub fn apply_entry<T: Tables + ?Sized>(
    tables: &mut T,
    context: ApplyContext,
    proposals: &[Proposal],
    effects: &mut Vec<Effect>,
) -> Result<Vec<Outcome>, ApplyError> {
    let mut step = Step::begin(tables, context, effects)?;
    versions::known(context.known, step.meta.apply_version)?;
    let mut outcomes = Vec::with_capacity(proposals.len());
    for proposal in proposals {
        versions::admits(context.known, step.meta.apply_version, &proposal.command)?;
        outcomes.push(requests::answer_once(&mut step, proposal, run)?);
    }
    step.finish();
    Ok(outcomes)
}

/// Applies one proposal; see [`apply_entry`].
///
/// # Errors
/// As [`apply_entry`].
pub fn apply<T: Tables + ?Sized>(
    tables: &mut T,
    context: ApplyContext,
    proposal: &Proposal,
    effects: &mut Vec<Effect>,
) -> Result<Outcome, ApplyError> {
    let outcomes = apply_entry(tables, context, std::slice::from_ref(proposal), effects)?;
    Ok(outcomes.into_iter().next().expect("one proposal has one outcome"))
}

/// The kind of group that a command belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    Control,
    Partition,
    Both,
}

fn home(command: &Command) -> Home {
    match command {
        Command::CreateApp { .. }
        | Command::DeleteApp { .. }
        | Command::PutChannel { .. }
        | Command::DeleteChannel { .. }
        | Command::CommitPlan { .. } => Home::Control,
        Command::UpsertEndpoint(_)
        | Command::DeleteEndpoint { .. }
        | Command::PutOptOut { .. }
        | Command::DeleteOptOut { .. }
        | Command::PutListedOptOut { .. }
        | Command::DeleteListedOptOut { .. }
        | Command::PutPiece(_)
        | Command::AcceptMessages(_)
        | Command::CloseRequest { .. }
        | Command::Claim { .. }
        | Command::ReleaseClaims { .. }
        | Command::Settle { .. }
        | Command::RecordEvents { .. }
        | Command::ResolveHeld { .. }
        | Command::AdoptPlan { .. }
        | Command::Takeover { .. }
        | Command::BeginIncarnation { .. }
        | Command::Expire { .. }
        | Command::FollowUp { .. } => Home::Partition,
        Command::FollowUpsDone { .. } | Command::Retire { .. } | Command::SetApplyVersion { .. } | Command::Fence => {
            Home::Both
        }
    }
}

fn run<T: Tables + ?Sized>(step: &mut Step<'_, T>, command: &Command) -> Result<Outcome, ApplyError> {
    let control = step.group == GroupId::CONTROL;
    let outcome = match home(command) {
        Home::Control if control => on_control(step, command)?,
        Home::Partition if !control => on_partition(step, command)?,
        Home::Both => on_both(step, command)?,
        Home::Control | Home::Partition => Outcome::Refused(Refusal::WrongGroup),
    };
    Ok(versions::answered(step.meta.version(), outcome))
}

fn on_control<T: Tables + ?Sized>(step: &mut Step<'_, T>, command: &Command) -> Result<Outcome, TableError> {
    match command {
        Command::CreateApp { app, name, tags } => control::create_app(step, *app, name, tags),
        Command::DeleteApp { app } => control::delete_app(step, *app),
        Command::PutChannel { app, channel, enabled, class, detail } => {
            let wish = control::ChannelWish { enabled: *enabled, class: *class, detail };
            control::put_channel(step, *app, *channel, wish)
        }
        Command::DeleteChannel { app, channel } => control::delete_channel(step, *app, *channel),
        Command::CommitPlan { change } => control::commit_plan(step, change),
        _ => Ok(Outcome::Refused(Refusal::WrongGroup)),
    }
}

fn on_partition<T: Tables + ?Sized>(step: &mut Step<'_, T>, command: &Command) -> Result<Outcome, TableError> {
    match command {
        Command::UpsertEndpoint(upsert) => endpoints::upsert(step, upsert),
        Command::DeleteEndpoint { app, endpoint } => endpoints::delete(step, *app, endpoint),
        Command::PutOptOut { app, key, channel, source } => {
            forbid::put_opt_out(step, (*app, key.clone(), *channel), *source)
        }
        Command::DeleteOptOut { app, key, channel } => forbid::delete_opt_out(step, &(*app, key.clone(), *channel)),
        Command::PutListedOptOut { list, key, source } => {
            forbid::put_listed_opt_out(step, (list.clone(), key.clone()), *source)
        }
        Command::DeleteListedOptOut { list, key } => forbid::delete_listed_opt_out(step, &(list.clone(), key.clone())),
        Command::PutPiece(put) => messages::put_piece(step, put),
        Command::AcceptMessages(accept) => messages::accept(step, accept),
        Command::CloseRequest { request, recipients } => requests::close(step, *request, recipients),
        Command::Claim { claim, region, messages } => messages::claim(step, *claim, region, messages),
        Command::ReleaseClaims { claim, messages } => messages::release(step, *claim, messages),
        Command::Settle { region, results } => messages::settle(step, region, results),
        Command::RecordEvents { events } => messages::record_events(step, events),
        Command::ResolveHeld { messages, resolution } => messages::resolve(step, messages, *resolution),
        Command::AdoptPlan { plan } => partition::adopt_plan(step, plan),
        Command::Takeover { region, epoch, cursor, limit } => {
            let chunk = messages::TakeoverChunk { region, epoch: *epoch, cursor: *cursor, limit: *limit };
            messages::take_over(step, &chunk)
        }
        Command::BeginIncarnation { node, incarnation, limit } => {
            messages::begin_incarnation(step, *node, *incarnation, *limit)
        }
        Command::Expire { limit } => messages::expire(step, *limit),
        Command::FollowUp { source, number, action } => follow_up::apply_follow_up(step, *source, *number, action),
        _ => Ok(Outcome::Refused(Refusal::WrongGroup)),
    }
}

fn on_both<T: Tables + ?Sized>(step: &mut Step<'_, T>, command: &Command) -> Result<Outcome, ApplyError> {
    Ok(match command {
        Command::FollowUpsDone { target, through } => follow_up::done(step, *target, *through)?,
        Command::Retire { limit } => retire::retire(step, *limit)?,
        Command::SetApplyVersion { version } => {
            raise(step, *version);
            // Whoever waits for a fence proposes one of these that changes nothing: holders report at once.
            step.effects.push(Effect::Forbids);
            Outcome::Done
        }
        Command::Fence => {
            step.effects.push(Effect::Forbids);
            Outcome::Done
        }
        _ => Outcome::Refused(Refusal::WrongGroup),
    })
}

/// Raises the group's version; what isn't larger changes nothing. Which version it is since when, is a member of the row
/// that came with version 2.
fn raise<T: Tables + ?Sized>(step: &mut Step<'_, T>, version: u32) {
    let before = step.meta.version();
    step.meta.apply_version = step.meta.apply_version.max(version);
    if step.meta.version() > before {
        step.meta.version_since = step.now;
        step.effects.push(Effect::VersionRaised(step.meta.version()));
    }
}
