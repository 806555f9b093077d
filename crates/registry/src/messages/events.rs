//! What providers say about messages that they took, and the opt-outs that follow from it.

use model::command::CHUNK_MAX;
use model::event::{EventKind, ProviderEvent};
use model::id::MessageId;
use model::message::Status;
use model::opt_out::OptOutSource;
use model::outcome::Outcome;

use super::moves::{self, Loaded, Note};
use crate::effect::Effect;
use crate::forbid;
use crate::step::Step;
use crate::tables::{Events, MessageEvents, RowAccess, TableError, Tables};

/// How many events of one message are looked at for a repetition: more than its retries and every kind of report make.
const EVENTS_READ: usize = 256;

/// How many of them are read at a time: a message seldom has more, and rows of other messages follow its own.
const EVENTS_AT_ONCE: usize = 4;

/// Records what providers said; answers how many events were new. Events about unknown messages, repetitions, and kinds
/// that no provider reports are ignored. An event that forbids is fenced also when it is a repetition.
///
/// # Errors
/// When the tables can't be read.
pub(crate) fn record_events<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    events: &[ProviderEvent],
) -> Result<Outcome, TableError> {
    let mut changed = 0;
    for event in events.iter().take(CHUNK_MAX as usize) {
        if opt_out_of(event.kind).is_some() {
            step.effects.push(Effect::Forbids);
        }
        let Some(loaded) = moves::load(step, event.message)? else {
            continue;
        };
        if reported(event.kind) && !has_event(step, event.message, event.kind)? {
            record_event(step, &loaded, event)?;
            changed += 1;
        }
    }
    Ok(Outcome::Recorded { changed })
}

/// Says whether a message has an event of a kind.
///
/// # Errors
/// When the tables can't be read.
pub(crate) fn has_event<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    message: MessageId,
    kind: EventKind,
) -> Result<bool, TableError> {
    let mut from = (message, 0);
    for _ in 0..EVENTS_READ / EVENTS_AT_ONCE {
        let rows = step.tables.rows_while::<MessageEvents>(&from, EVENTS_AT_ONCE, |key| key.0 == message)?;
        for ((_, number), ()) in &rows {
            if step.tables.promised_row::<Events>(number)?.kind == kind {
                return Ok(true);
            }
        }
        match rows.last() {
            Some(((_, last), ())) if rows.len() == EVENTS_AT_ONCE => from = (message, last.saturating_add(1)),
            _ => return Ok(false),
        }
    }
    Ok(false)
}

fn record_event<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    loaded: &Loaded,
    event: &ProviderEvent,
) -> Result<(), TableError> {
    let attempt = loaded.progress.attempts;
    let note = Note { kind: event.kind, attempt, detail: event.detail.as_deref() };
    if loaded.progress.status == Status::Held && event.kind == EventKind::Delivered {
        moves::end(step, loaded, loaded.progress_at(Status::Delivered), note)?;
    } else {
        moves::record(step, loaded, note);
    }
    let message = &loaded.message;
    if let Some(source) = opt_out_of(event.kind)
        && step.open_gate(message.app)?.is_some()
    {
        forbid::opt_out(step, (message.app, message.key.clone(), message.channel), source)?;
    }
    Ok(())
}

/// Says whether providers report a kind; the others are the group's own.
fn reported(kind: EventKind) -> bool {
    match kind {
        EventKind::Delivered
        | EventKind::HardBounce
        | EventKind::SoftBounce
        | EventKind::Complaint
        | EventKind::Unsubscribed
        | EventKind::Undelivered => true,
        EventKind::Sent
        | EventKind::Retried
        | EventKind::Failed
        | EventKind::OptedOut
        | EventKind::Expired
        | EventKind::Held => false,
    }
}

/// Returns the source of the opt-out that follows from a kind of event.
fn opt_out_of(kind: EventKind) -> Option<OptOutSource> {
    match kind {
        EventKind::HardBounce => Some(OptOutSource::HardBounce),
        EventKind::Complaint => Some(OptOutSource::Complaint),
        EventKind::Unsubscribed => Some(OptOutSource::Unsubscribe),
        _ => None,
    }
}
