//! The moves of one message, each with every row that has to change with it: progress, outbox, expiry, claim,
//! accounting, events.

use model::event::{Event, EventKind};
use model::id::{MessageId, RegionId};
use model::message::{Claim, DETAIL_MAX, EVENTS_MAX, EventRef, Message, Progress, Status};
use model::rows::OutboxRow;
use model::time::Timestamp;

use crate::effect::Effect;
use crate::step::Step;
use crate::tables::{
    Claims, Events, Expiries, Held, Messages, Outbox, ProgressOf, Retirements, RowAccess, TableError, Tables,
};

/// A message with how far it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// The message as it was accepted.
    pub message: Message,
    /// How far it got, as it is stored.
    pub progress: Progress,
}

impl Loaded {
    /// Returns the progress with another status, to be changed further.
    pub fn progress_at(&self, status: Status) -> Progress {
        Progress { status, ..self.progress.clone() }
    }
}

/// What is said of a move in the message's events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Note<'a> {
    pub kind: EventKind,
    /// The number of the dispatch that this is about; 0 when none was begun.
    pub attempt: u32,
    /// What was said about it.
    pub detail: Option<&'a str>,
}

/// Returns a message with its progress, or nothing when it is unknown or retired.
pub(crate) fn load<T: Tables + ?Sized>(step: &Step<'_, T>, id: MessageId) -> Result<Option<Loaded>, TableError> {
    let Some(progress) = step.tables.row::<ProgressOf>(&id)? else {
        return Ok(None);
    };
    let message = step.tables.promised_row::<Messages>(&id)?;
    Ok(Some(Loaded { message, progress }))
}

/// Returns a message that another row promises.
pub(crate) fn promised<T: Tables + ?Sized>(step: &Step<'_, T>, id: MessageId) -> Result<Loaded, TableError> {
    let progress = step.tables.promised_row::<ProgressOf>(&id)?;
    let message = step.tables.promised_row::<Messages>(&id)?;
    Ok(Loaded { message, progress })
}

/// Puts a new message into its region's outbox.
pub(crate) fn begin<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    message: Message,
    progress: Progress,
) -> Result<(), TableError> {
    let accounting = step.accounting(message.app)?;
    accounting.accepted += 1;
    *accounting.of(Status::Waiting) += 1;
    enter(step, &message, progress);
    step.tables.store_row::<Messages>(message.id, message);
    Ok(())
}

/// Ends a message: `progress` says how, nothing more will happen to it.
pub(crate) fn end<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    old: &Loaded,
    mut progress: Progress,
    note: Note<'_>,
) -> Result<(), TableError> {
    debug_assert!(progress.status.is_final() && !old.progress.status.is_final());
    leave(step, old);
    step.accounting(old.message.app)?.shift(old.progress.status, progress.status);
    progress.claim = None;
    progress.detail = note.detail.map(shortened);
    progress.changed = step.now;
    record(step, &old.message, &mut progress, note);
    step.tables.store_row::<Retirements>((step.now, old.message.id), ());
    step.tables.store_row::<ProgressOf>(old.message.id, progress);
    Ok(())
}

/// Corrects how a message ended: a provider says that it took it after all, as when the node that had it was cut off
/// and the message expired meanwhile. The only move out of a final status.
pub(crate) fn correct<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    old: &Loaded,
    mut progress: Progress,
    note: Note<'_>,
) -> Result<(), TableError> {
    debug_assert!(old.progress.status.is_final() && old.progress.status != Status::Delivered);
    debug_assert_eq!(progress.status, Status::Delivered);
    step.accounting(old.message.app)?.shift(old.progress.status, progress.status);
    step.tables.remove_row::<Retirements>(&(old.progress.changed, old.message.id));
    progress.detail = note.detail.map(shortened);
    progress.changed = step.now;
    record(step, &old.message, &mut progress, note);
    step.tables.store_row::<Retirements>((step.now, old.message.id), ());
    step.tables.store_row::<ProgressOf>(old.message.id, progress);
    Ok(())
}

/// Holds a waiting message until somebody decides, because nobody will ever know whether it was dispatched. That
/// dispatch counts as an attempt, so that what is said of it later is not taken for the result of the next one.
pub(crate) fn hold<T: Tables + ?Sized>(step: &mut Step<'_, T>, old: &Loaded, detail: &str) -> Result<(), TableError> {
    hold_under(step, old, None, detail)
}

/// Holds a waiting message as [`hold`] does, and keeps its claim: whoever has that may yet say that it did not begin,
/// or what came of it.
pub(crate) fn hold_claimed<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    old: &Loaded,
    detail: &str,
) -> Result<(), TableError> {
    hold_under(step, old, old.progress.claim, detail)
}

fn hold_under<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    old: &Loaded,
    claim: Option<Claim>,
    detail: &str,
) -> Result<(), TableError> {
    debug_assert_eq!(old.progress.status, Status::Waiting);
    leave(step, old);
    step.accounting(old.message.app)?.shift(Status::Waiting, Status::Held);
    let mut progress = old.progress_at(Status::Held);
    progress.attempts += 1;
    progress.claim = claim;
    progress.detail = Some(shortened(detail));
    progress.changed = step.now;
    let note = Note { kind: EventKind::Held, attempt: progress.attempts, detail: Some(detail) };
    record(step, &old.message, &mut progress, note);
    step.tables.store_row::<Held>((old.message.app, old.message.id), ());
    if let Some(claim) = claim {
        step.tables.store_row::<Claims>((claim.node, claim.incarnation, old.message.id), ());
    }
    step.tables.store_row::<ProgressOf>(old.message.id, progress);
    Ok(())
}

/// Lets a waiting message wait for another time or in another region; it gives up its claim.
pub(crate) fn requeue<T: Tables + ?Sized>(step: &mut Step<'_, T>, old: &Loaded, mut progress: Progress) {
    debug_assert_eq!(old.progress.status, Status::Waiting);
    debug_assert_eq!(progress.status, Status::Waiting);
    let id = old.message.id;
    step.tables.remove_row::<Outbox>(&outbox_key(id, &old.progress));
    if let Some(claim) = old.progress.claim {
        step.tables.remove_row::<Claims>(&(claim.node, claim.incarnation, id));
    }
    if old.progress.region != progress.region {
        step.effects.push(Effect::Gone { region: old.progress.region.clone(), message: id });
    }
    progress.claim = None;
    progress.detail = progress.detail.as_deref().map(shortened);
    progress.changed = step.now;
    wait(step, &old.message, progress);
}

/// Lets a held message wait again: `progress` says where and until when.
pub(crate) fn release_held<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    old: &Loaded,
    mut progress: Progress,
) -> Result<(), TableError> {
    debug_assert_eq!(old.progress.status, Status::Held);
    debug_assert_eq!(progress.status, Status::Waiting);
    leave(step, old);
    step.accounting(old.message.app)?.shift(Status::Held, Status::Waiting);
    progress.claim = None;
    progress.changed = step.now;
    enter(step, &old.message, progress);
    Ok(())
}

/// Appends an event about a message to the group's stream; the caller stores the progress, which then knows it. Of a
/// message that has as many as are kept, the second one goes: how it began and how it ended stays.
pub(crate) fn record<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    message: &Message,
    progress: &mut Progress,
    note: Note<'_>,
) {
    let event = Event {
        app: message.app,
        message: message.id,
        endpoint: message.endpoint.clone(),
        channel: message.channel,
        kind: note.kind,
        region: progress.region.clone(),
        epoch: progress.epoch,
        attempt: note.attempt,
        time: step.now,
        detail: note.detail.map(shortened),
        context: message.context.clone(),
    };
    step.meta.events += 1;
    let number = step.meta.events;
    step.tables.store_row::<Events>(number, event.clone());
    if progress.events.len() >= EVENTS_MAX {
        let dropped = progress.events.remove(1);
        step.tables.remove_row::<Events>(&dropped.number);
    }
    progress.events.push(EventRef { number, kind: note.kind });
    step.effects.push(Effect::Recorded { number, event: Box::new(event) });
}

/// Stores a claim, or its absence, on a message that nobody else claimed; a held one only gives it up.
pub(crate) fn set_claim<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    id: MessageId,
    mut progress: Progress,
    claim: Option<Claim>,
) {
    if let Some(old) = progress.claim {
        step.tables.remove_row::<Claims>(&(old.node, old.incarnation, id));
    }
    if let Some(claim) = claim {
        step.tables.store_row::<Claims>((claim.node, claim.incarnation, id), ());
    }
    progress.claim = claim;
    progress.changed = step.now;
    step.tables.store_row::<ProgressOf>(id, progress);
}

/// Tells senders that a message waits.
pub(crate) fn announce<T: Tables + ?Sized>(step: &mut Step<'_, T>, message: &Message, progress: &Progress) {
    step.effects.push(Effect::Waiting {
        region: progress.region.clone(),
        due: progress.due,
        message: message.id,
        channel: message.channel,
        class: message.class,
        attempts: progress.attempts,
    });
}

fn enter<T: Tables + ?Sized>(step: &mut Step<'_, T>, message: &Message, progress: Progress) {
    step.tables.store_row::<Expiries>((message.expires, message.id), ());
    wait(step, message, progress);
}

/// Puts a message into an outbox and stores its progress.
fn wait<T: Tables + ?Sized>(step: &mut Step<'_, T>, message: &Message, progress: Progress) {
    let row = OutboxRow {
        channel: message.channel,
        class: message.class,
        attempts: progress.attempts,
        expires: message.expires,
    };
    step.tables.store_row::<Outbox>(outbox_key(message.id, &progress), row);
    announce(step, message, &progress);
    step.tables.store_row::<ProgressOf>(message.id, progress);
}

/// Removes the rows of the place where a message is.
fn leave<T: Tables + ?Sized>(step: &mut Step<'_, T>, loaded: &Loaded) {
    let Loaded { message, progress } = loaded;
    if let Some(claim) = progress.claim {
        step.tables.remove_row::<Claims>(&(claim.node, claim.incarnation, message.id));
    }
    match progress.status {
        Status::Waiting => {
            step.tables.remove_row::<Outbox>(&outbox_key(message.id, progress));
            step.tables.remove_row::<Expiries>(&(message.expires, message.id));
            step.effects.push(Effect::Gone { region: progress.region.clone(), message: message.id });
        }
        Status::Held => step.tables.remove_row::<Held>(&(message.app, message.id)),
        Status::Delivered | Status::Failed | Status::OptedOut | Status::Expired => {}
    }
}

fn outbox_key(message: MessageId, progress: &Progress) -> (RegionId, Timestamp, MessageId) {
    (progress.region.clone(), progress.due, message)
}

fn shortened(detail: &str) -> String {
    let end = detail.char_indices().nth(DETAIL_MAX).map_or(detail.len(), |(end, _)| end);
    detail[..end].to_owned()
}
