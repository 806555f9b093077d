//! What is remembered of messages that were retired: their provider may tell of a complaint or a bounce long after, and
//! knows nothing but the reference that it was given, which is the message's id.

use std::time::Duration;

use model::event::{EventKind, ProviderEvent};
use model::id::MessageId;
use model::message::{Status, Trace};
use model::opt_out::OptOutSource;
use model::time::Timestamp;

use super::moves::Loaded;
use crate::forbid;
use crate::step::Step;
use crate::tables::{RowAccess, TableError, Tables, TraceAges, Traces};

/// For how long opt-outs follow from what a provider says, from the time at which a message was settled
/// (docs/design/recipients.md, "Late complaints and bounces").
pub const TRACES_KEPT: Duration = Duration::from_secs(90 * 24 * 3_600);

/// Remembers a message that is retired, unless it certainly never left or its app is gone. An id that is remembered
/// already is that of a copy.
pub(crate) fn leave<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    loaded: Loaded,
    settled: Timestamp,
) -> Result<(), TableError> {
    let Loaded { message, progress } = loaded;
    let left = progress.status != Status::OptedOut || progress.attempts > 0 || progress.has_event(EventKind::Sent);
    if !left || step.live_send_state(message.app)?.is_none() || step.tables.row::<Traces>(&message.id)?.is_some() {
        return Ok(());
    }
    let heard = progress.events.iter().map(|event| event.kind).filter(|kind| kind.opts_out()).collect();
    let trace = Trace { app: message.app, channel: message.channel, key: message.key, heard };
    step.tables.store_row::<Traces>(message.id, trace);
    step.tables.store_row::<TraceAges>((settled, message.id), ());
    Ok(())
}

/// Records what a provider says of a message that was retired: an opt-out follows, and no event. Says whether it is
/// new.
pub(crate) fn hear<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    event: &ProviderEvent,
    source: OptOutSource,
) -> Result<bool, TableError> {
    let Some(mut trace) = step.tables.row::<Traces>(&event.message)? else {
        return Ok(false);
    };
    if !trace.heard.insert(event.kind) || step.live_send_state(trace.app)?.is_none() {
        return Ok(false);
    }
    forbid::opt_out(step, (trace.app, trace.key.clone(), trace.channel), source)?;
    step.tables.store_row::<Traces>(event.message, trace);
    Ok(true)
}

/// Forgets messages that were settled long enough ago. Answers how many, and whether there are more.
pub(crate) fn retire_traces<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    limit: usize,
) -> Result<(u32, bool), TableError> {
    let now = step.now;
    let from = (Timestamp(0), MessageId(0));
    let mut rows = step.tables.rows_while::<TraceAges>(&from, limit + 1, |key| key.0.plus(TRACES_KEPT) <= now)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    for (key, ()) in &rows {
        step.tables.remove_row::<TraceAges>(key);
        step.tables.remove_row::<Traces>(&key.1);
    }
    Ok((rows.len() as u32, more))
}
