//! What the sandbox keeps: the newest messages and records within one budget, their counts, and the repeated ids.
//! Pure: no clock, no IO, no lock. Callers put it behind a lock and look at it in bounded slices.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::message::{Message, Status};
use crate::retention::{Cost, Window};
use crate::stats::CountsByName;

/// What holding a record costs beside its text. Estimated.
const RECORD_OVERHEAD_BYTES: usize = 96;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Messages.
    pub(crate) messages_max: usize,
    /// Event stream records.
    pub(crate) records_max: usize,
    /// Bytes of both together.
    pub(crate) bytes_max: usize,
}

/// An event stream record, as it came, on one line.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) app_id: Box<str>,
    pub(crate) raw: Box<RawValue>,
}

impl Cost for Record {
    fn bytes(&self) -> usize {
        RECORD_OVERHEAD_BYTES + self.app_id.len() + self.raw.get().len()
    }
}

/// Everything kept. Invariant: see [`Store::invariant_within_budget`] and [`Store::invariant_duplicates_exact`].
#[derive(Debug)]
pub(crate) struct Store {
    budget: Budget,
    messages: Window<Message>,
    records: Window<Record>,
    /// How often each id among the kept messages was accepted.
    accepted_ids: HashMap<Arc<str>, u32>,
    counts: Counts,
}

/// Counts since the start, except `duplicates`.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Counts {
    /// Messages dispatched, whatever the answer.
    pub(crate) total: u64,
    /// Of these, accepted.
    pub(crate) accepted: u64,
    /// Accepted messages by sending region.
    pub(crate) by_region: CountsByName,
    /// Accepted messages by channel.
    pub(crate) by_channel: CountsByName,
    /// All messages by what became of them.
    pub(crate) by_status: CountsByName,
    /// Acceptances beyond the first of an id, exact over the messages kept now.
    pub(crate) duplicates: u64,
    /// Acceptances that found their id among the messages kept at that time.
    pub(crate) duplicates_seen: u64,
}

impl Store {
    pub(crate) fn new(budget: Budget) -> Self {
        let (messages, records) = (Window::new(), Window::new());
        Self { budget, messages, records, accepted_ids: HashMap::new(), counts: Counts::default() }
    }

    /// Keeps a message, letting the oldest entries fall out if there is no room.
    pub(crate) fn add_message(&mut self, message: Arc<Message>) {
        self.count(&message);
        self.messages.push(message);
        self.make_room();
    }

    /// Keeps a record, letting the oldest entries fall out if there is no room.
    pub(crate) fn add_record(&mut self, record: Record) {
        self.records.push(Arc::new(record));
        self.make_room();
    }

    /// Forgets all messages; the counts since the start stay. Returns how many there were.
    pub(crate) fn clear_messages(&mut self) -> usize {
        self.accepted_ids = HashMap::new();
        self.counts.duplicates = 0;
        self.messages.clear().len()
    }

    pub(crate) fn messages(&self) -> &Window<Message> {
        &self.messages
    }

    pub(crate) fn records(&self) -> &Window<Record> {
        &self.records
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Bytes kept, messages and records together.
    pub(crate) fn bytes(&self) -> usize {
        self.messages.bytes() + self.records.bytes()
    }

    fn count(&mut self, message: &Message) {
        self.counts.total += 1;
        self.counts.by_status.add(message.status.name());
        if message.status != Status::Accepted {
            return;
        }
        self.counts.accepted += 1;
        self.counts.by_region.add(&message.region);
        self.counts.by_channel.add(&message.channel);
        let times = self.accepted_ids.entry(Arc::clone(&message.message_id)).or_insert(0);
        *times += 1;
        if *times > 1 {
            self.counts.duplicates += 1;
            self.counts.duplicates_seen += 1;
        }
    }

    fn make_room(&mut self) {
        while self.messages.len() > self.budget.messages_max {
            self.evict_message();
        }
        while self.records.len() > self.budget.records_max {
            self.records.evict();
        }
        while self.bytes() > self.budget.bytes_max {
            if self.messages.bytes() >= self.records.bytes() {
                self.evict_message();
            } else {
                self.records.evict();
            }
        }
        debug_assert!(self.invariant_within_budget());
    }

    fn evict_message(&mut self) {
        let Some(message) = self.messages.evict() else {
            return;
        };
        if message.status != Status::Accepted {
            return;
        }
        let times = self.accepted_ids.get_mut(&message.message_id).expect("each accepted message kept is counted");
        *times -= 1;
        if *times == 0 {
            self.accepted_ids.remove(&message.message_id);
        } else {
            self.counts.duplicates -= 1;
        }
    }

    /// Holds when what is kept is within the budget.
    fn invariant_within_budget(&self) -> bool {
        self.messages.len() <= self.budget.messages_max
            && self.records.len() <= self.budget.records_max
            && self.bytes() <= self.budget.bytes_max
    }

    /// Holds when `duplicates` is what counting the kept messages anew gives.
    #[cfg(test)]
    fn invariant_duplicates_exact(&self) -> bool {
        let look = crate::retention::Look { scan_max: usize::MAX, take_max: usize::MAX };
        let accepted = self.messages.forward(0, look, |message| message.status == Status::Accepted).found;
        let ids: std::collections::BTreeSet<_> = accepted.iter().map(|(_, message)| &message.message_id).collect();
        self.counts.duplicates == (accepted.len() - ids.len()) as u64 && self.accepted_ids.len() == ids.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::Class;

    const BUDGET: Budget = Budget { messages_max: 5, records_max: 3, bytes_max: 4_000 };

    fn message(id: u8, status: Status, payload_len: usize) -> Arc<Message> {
        let payload = RawValue::from_string(format!("\"{}\"", "x".repeat(payload_len))).unwrap();
        Arc::new(Message {
            message_id: format!("m{id}").into(),
            app_id: "a".into(),
            channel: "SMS".into(),
            address: "+1".into(),
            payload,
            region: "r".into(),
            node: "n".into(),
            epoch: 1,
            attempt: 1,
            class: Class::AtLeastOnce,
            origination: None,
            status,
            provider_id: "p".into(),
            at_ms: 0,
        })
    }

    fn record(len: usize) -> Record {
        Record { app_id: "a".into(), raw: RawValue::from_string(format!("\"{}\"", "x".repeat(len))).unwrap() }
    }

    #[test]
    fn counts_by_what_was_accepted() {
        let mut store = Store::new(BUDGET);
        for status in [Status::Accepted, Status::Throttled, Status::Accepted, Status::Hung] {
            store.add_message(message(1, status, 1));
        }
        let counts = store.counts();
        assert_eq!((counts.total, counts.accepted, counts.duplicates), (4, 2, 1));
        assert_eq!(counts.by_region.iter().collect::<Vec<_>>(), [("r", 2)]);
        assert_eq!(counts.by_status.iter().collect::<Vec<_>>(), [("accepted", 2), ("hung", 1), ("throttled", 1)]);
    }

    #[test]
    fn an_entry_larger_than_the_budget_is_not_kept_and_is_counted() {
        let mut store = Store::new(BUDGET);
        store.add_message(message(1, Status::Accepted, 10_000));
        store.add_record(record(10_000));
        assert_eq!((store.messages().len(), store.messages().fell_out()), (0, 1));
        assert_eq!((store.records().len(), store.records().fell_out()), (0, 1));
    }

    #[test]
    fn the_larger_kind_makes_room() {
        let mut store = Store::new(BUDGET);
        store.add_record(record(100));
        for id in 0..4 {
            store.add_message(message(id, Status::Accepted, 1_000));
        }
        assert_eq!((store.messages().fell_out(), store.records().fell_out()), (2, 0));
    }

    #[derive(Debug, Clone)]
    enum Action {
        Accept(u8),
        Refuse(u8),
        Record,
        Clear,
    }

    proptest! {
        #[test]
        fn any_order_keeps_the_budget_and_counts_duplicates_exactly(actions in proptest::collection::vec(prop_oneof![
            6 => (0_u8..4).prop_map(Action::Accept),
            2 => (0_u8..4).prop_map(Action::Refuse),
            2 => Just(Action::Record),
            1 => Just(Action::Clear),
        ], 0..80)) {
            let mut store = Store::new(BUDGET);
            for action in actions {
                match action {
                    Action::Accept(id) => store.add_message(message(id, Status::Accepted, 300 * usize::from(id))),
                    Action::Refuse(id) => store.add_message(message(id, Status::Throttled, 10)),
                    Action::Record => store.add_record(record(500)),
                    Action::Clear => { store.clear_messages(); }
                }
                prop_assert!(store.invariant_within_budget());
                prop_assert!(store.invariant_duplicates_exact());
            }
        }
    }
}
