//! The waiting messages of one partition that a sender knows of, in memory and bounded. The outbox table is the truth;
//! the schedule holds its earliest rows, and where it had to forget later ones it says from where to read the table
//! again. Reads no table itself.

use std::collections::{BTreeMap, BTreeSet};

use model::command::OutboxCursor;
use model::message::Class;
use model::{Channel, MessageId, Timestamp};

/// Messages that go the same way: what holds one of them up holds up all, and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Lane {
    pub channel: Channel,
    /// Whether a claim is needed first.
    pub class: Class,
}

/// A waiting message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Entry {
    /// When it may be dispatched.
    pub due: Timestamp,
    pub message: MessageId,
    /// The way it goes.
    pub lane: Lane,
    /// How many dispatches of it have a recorded result.
    pub attempts: u32,
}

/// What became of an entry that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum Inserted {
    Scheduled,
    /// It lies at or behind the horizon: reading the table again will find it.
    BeyondHorizon,
    /// The schedule knows the message with more recorded dispatches: the offer was late news.
    Outdated,
}

/// See the module's text.
///
/// Every outbox row in front of the horizon that was offered and not taken or removed is scheduled; without a horizon
/// every such row is.
#[derive(Debug, Clone)]
pub struct Schedule {
    capacity: usize,
    entries: BTreeMap<MessageId, Entry>,
    lanes: BTreeMap<Lane, BTreeSet<(Timestamp, MessageId)>>,
    /// Rows at or behind it may be missing. A new schedule has read nothing: its horizon is the start of the table.
    horizon: Option<OutboxCursor>,
}

const START: OutboxCursor = OutboxCursor { due: Timestamp(0), message: MessageId(0) };

impl Schedule {
    /// Makes an empty schedule of at most `capacity` messages (at least 1) that has yet to read the table.
    pub fn new(capacity: usize) -> Schedule {
        let (entries, lanes) = (BTreeMap::new(), BTreeMap::new());
        Schedule { capacity: capacity.max(1), entries, lanes, horizon: Some(START) }
    }

    /// Forgets everything: the table must be read again from its start. For news that was missed.
    pub fn forget(&mut self) {
        *self = Schedule::new(self.capacity);
    }

    /// Schedules a message, or moves it when it is scheduled for another time. When it is one too many, the last of all
    /// is forgotten and the horizon moves to it.
    pub fn insert(&mut self, entry: Entry) -> Inserted {
        if let Some(known) = self.entries.get(&entry.message) {
            if known.attempts > entry.attempts {
                return Inserted::Outdated;
            }
            self.remove(entry.message);
        }
        if self.horizon.is_some_and(|horizon| cursor_of(&entry) >= horizon) {
            return Inserted::BeyondHorizon;
        }
        self.lanes.entry(entry.lane).or_default().insert((entry.due, entry.message));
        self.entries.insert(entry.message, entry);
        let forgotten = if self.entries.len() > self.capacity { self.forget_last() } else { None };
        debug_assert!(self.invariant_bounded() && self.invariant_before_horizon());
        if forgotten == Some(entry.message) { Inserted::BeyondHorizon } else { Inserted::Scheduled }
    }

    /// Forgets one message: it was settled, or another region sends it.
    pub fn remove(&mut self, message: MessageId) -> Option<Entry> {
        let entry = self.entries.remove(&message)?;
        if let Some(lane) = self.lanes.get_mut(&entry.lane) {
            lane.remove(&(entry.due, message));
            if lane.is_empty() {
                self.lanes.remove(&entry.lane);
            }
        }
        Some(entry)
    }

    /// Takes at most `limit` messages of a lane that are due at `now`, the earliest first.
    pub fn take_due(&mut self, lane: Lane, now: Timestamp, limit: usize) -> Vec<Entry> {
        let waiting = self.lanes.get(&lane).into_iter().flatten();
        let due: Vec<MessageId> =
            waiting.take_while(|(due, _)| *due <= now).take(limit).map(|(_, message)| *message).collect();
        due.into_iter().filter_map(|message| self.remove(message)).collect()
    }

    /// Returns the lanes that hold messages, each with the time at which its first is due, in the order of the lanes.
    pub fn lanes(&self) -> impl Iterator<Item = (Lane, Timestamp)> {
        self.lanes.iter().filter_map(|(lane, waiting)| waiting.first().map(|(due, _)| (*lane, *due)))
    }

    /// Returns from where the table must be read, and how many rows there is room for; nothing when it need not be read
    /// now. After an overflow it is read again when half of the schedule is used up, so that it isn't read row by row.
    pub fn wanted(&self) -> Option<(OutboxCursor, usize)> {
        let room = self.capacity - self.entries.len();
        self.horizon.filter(|_| room > 0 && room >= self.capacity / 2).map(|horizon| (horizon, room))
    }

    /// Says that the table was read on: rows in front of `next` were offered, and rows at or behind it were not;
    /// nothing when it was read to its end. Comes before the rows are offered, while no other news is taken in.
    pub fn read_up_to(&mut self, next: Option<OutboxCursor>) {
        self.horizon = next;
    }

    /// Returns whether rows may be missing.
    pub fn overflowed(&self) -> bool {
        self.horizon.is_some()
    }

    /// Returns how many messages are scheduled.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns how many messages of a lane are scheduled, due or not.
    pub fn len_of(&self, lane: Lane) -> usize {
        self.lanes.get(&lane).map_or(0, BTreeSet::len)
    }

    /// Returns whether nothing is scheduled.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Says that the schedule holds at most its capacity, and each message once.
    pub fn invariant_bounded(&self) -> bool {
        self.entries.len() <= self.capacity
            && self.lanes.values().map(BTreeSet::len).sum::<usize>() == self.entries.len()
    }

    /// Says that everything scheduled lies in front of the horizon.
    pub fn invariant_before_horizon(&self) -> bool {
        let last = self.lanes.values().filter_map(BTreeSet::last).max();
        self.horizon.is_none_or(|horizon| last.is_none_or(|last| *last < (horizon.due, horizon.message)))
    }

    fn forget_last(&mut self) -> Option<MessageId> {
        let (due, message) = self.lanes.values().filter_map(BTreeSet::last).max().copied()?;
        self.remove(message);
        self.horizon = Some(OutboxCursor { due, message });
        Some(message)
    }
}

fn cursor_of(entry: &Entry) -> OutboxCursor {
    OutboxCursor { due: entry.due, message: entry.message }
}
