//! What providers say about messages that they took, and the opt-outs that follow from it.

use std::time::Duration;

use model::command::CHUNK_MAX;
use model::event::{EventKind, ProviderEvent};
use model::message::Status;
use model::opt_out::OptOutSource;
use model::outcome::Outcome;
use model::time::Timestamp;

use super::moves::{self, Loaded, Note};
use super::traces;
use crate::effect::Effect;
use crate::forbid;
use crate::step::Step;
use crate::tables::{ProgressOf, RowAccess, TableError, Tables};

/// Records what providers said; answers how many events were new. Events about unknown messages, repetitions, and kinds
/// that no provider reports are ignored; of a message that was retired only opt-outs follow. An event that forbids is
/// fenced also when it is a repetition.
pub(crate) fn record_events<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    events: &[ProviderEvent],
) -> Result<Outcome, TableError> {
    let mut changed = 0;
    for event in events.iter().take(CHUNK_MAX as usize) {
        let source = opt_out_of(event.kind);
        if source.is_some() {
            step.effects.push(Effect::Forbids);
        }
        let Some(loaded) = moves::load(step, event.message)? else {
            if let Some(source) = source {
                changed += u32::from(traces::hear(step, event, source)?);
            }
            continue;
        };
        if reported(event.kind) && !loaded.progress.has_event(event.kind) {
            record_event(step, loaded, event)?;
            changed += 1;
        }
    }
    Ok(Outcome::Recorded { changed })
}

/// Records what a provider said of a message. That it delivered it is the message's end, whatever was known before.
fn record_event<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    loaded: Loaded,
    event: &ProviderEvent,
) -> Result<(), TableError> {
    if !loaded.progress.events.iter().any(|known| reported(known.kind)) {
        step.effects.push(heard_of(step.now, &loaded));
    }
    let attempt = loaded.progress.attempts;
    let note = Note { kind: event.kind, attempt, detail: event.detail.as_deref() };
    let taken = event.kind == EventKind::Delivered;
    match loaded.progress.status {
        Status::Waiting | Status::Held if taken => {
            moves::end(step, &loaded, loaded.progress_at(Status::Delivered), note)?;
        }
        Status::Failed | Status::OptedOut | Status::Expired if taken => {
            moves::correct(step, &loaded, loaded.progress_at(Status::Delivered), note)?;
        }
        _ => {
            let mut progress = loaded.progress;
            moves::record(step, &loaded.message, &mut progress, note);
            step.tables.store_row::<ProgressOf>(event.message, progress);
        }
    }
    let message = &loaded.message;
    if let Some(source) = opt_out_of(event.kind)
        && step.live_send_state(message.app)?.is_some()
    {
        forbid::opt_out(step, (message.app, message.key.clone(), message.channel), source)?;
    }
    Ok(())
}

/// Tells that a provider speaks of a message. What it says doesn't matter: it is heard.
fn heard_of(now: Timestamp, loaded: &Loaded) -> Effect {
    let Loaded { message, progress } = loaded;
    let taken = progress.status == Status::Delivered;
    Effect::HeardOf {
        region: progress.region.clone(),
        app: message.app,
        channel: message.channel,
        address: message.address.clone(),
        age: if taken { now.since(progress.changed) } else { Duration::ZERO },
    }
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

/// Returns the source of the opt-out that follows from a kind of event, if one does ([`EventKind::opts_out`]).
fn opt_out_of(kind: EventKind) -> Option<OptOutSource> {
    match kind {
        EventKind::HardBounce => Some(OptOutSource::HardBounce),
        EventKind::Complaint => Some(OptOutSource::Complaint),
        EventKind::Unsubscribed => Some(OptOutSource::Unsubscribe),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use model::event::EVENT_KINDS;

    use super::*;

    /// What is fenced and what is written must not come apart.
    #[test]
    fn an_event_that_forbids_sending_writes_an_opt_out_and_no_other_does() {
        for (kind, ..) in EVENT_KINDS {
            assert_eq!(kind.opts_out(), opt_out_of(kind).is_some(), "{kind:?}");
        }
    }
}
