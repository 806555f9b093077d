//! What the partition hears of waiting messages: by news from apply, and by reading the outbox again.

use delivery::schedule::{Entry, Lane};
use model::command::OutboxCursor;
use model::id::MessageId;
use registry::tables::{Outbox, RowAccess, TableError, View};

use super::Partition;
use super::turn::Wake;

/// The largest number of outbox rows read in one pass.
const ROWS_READ_MAX: usize = 1_000;

impl Partition {
    /// Takes note of a waiting message.
    pub(super) fn hear_of(&mut self, entry: Entry) {
        let begun = self.inflight.get(entry.message).is_some() || self.ending.contains(&entry.message);
        if begun || self.claims.asks(entry.message) {
            self.again.insert(entry.message, entry);
            return;
        }
        if self.claims.holds(entry.message) {
            return;
        }
        self.schedule.insert(entry);
    }

    /// Takes note that a message left the outbox. What is in flight stays so: its result is still to be recorded.
    pub(super) fn forget(&mut self, message: MessageId) {
        self.schedule.remove(message);
        self.again.remove(&message);
        self.claims.forget(message);
    }

    /// Reads a part of the outbox, when the schedule may lack rows and has room for them.
    pub(super) fn rescan(&mut self, view: &dyn View, wake: &mut Wake) -> Result<(), TableError> {
        let Some((from, room)) = self.schedule.wanted() else { return Ok(()) };
        let limit = room.min(ROWS_READ_MAX);
        let region = self.shared.config.region.clone();
        let start = (region.clone(), from.due, from.message);
        let mut rows = view.rows_while::<Outbox>(&start, limit + 1, |(owner, ..)| *owner == region)?;
        let next = rows.get(limit).map(|((_, due, message), _)| OutboxCursor { due: *due, message: *message });
        rows.truncate(limit);
        self.schedule.read_up_to(next);
        for ((_, due, message), row) in rows {
            let lane = Lane { channel: row.channel, class: row.class };
            self.hear_of(Entry { due, message, lane, attempts: row.attempts });
        }
        metrics::counter!("signalbox_sender_outbox_reads_total").increment(1);
        if self.schedule.wanted().is_some() {
            wake.now();
        }
        Ok(())
    }
}
