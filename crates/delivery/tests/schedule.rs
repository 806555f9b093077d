//! The schedule against a plain outbox: whatever is offered, missed, taken and removed, in the end every row is found,
//! in order, and never more is held than allowed.

use std::collections::BTreeMap;

use delivery::schedule::{Entry, Inserted, Lane, Schedule};
use model::command::OutboxCursor;
use model::message::Class;
use model::{Channel, MessageId, Timestamp};
use proptest::prelude::*;

const LANES: [Lane; 2] = [
    Lane { channel: Channel::Sms, class: Class::AtLeastOnce },
    Lane { channel: Channel::Email, class: Class::AtMostOnce },
];

#[derive(Debug, Clone)]
enum Action {
    /// A message becomes due; the schedule hears of it, or not.
    Put { message: u128, due: u64, heard: bool },
    /// A message leaves the outbox; the schedule hears of it.
    Remove { message: u128 },
    /// Due messages are taken and leave the outbox.
    Take { lane: usize, now: u64, limit: usize },
    /// The table is read if the schedule wants it.
    Read,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        5 => (0_u128..60, 0_u64..100).prop_map(|(message, due)| Action::Put { message, due, heard: true }),
        1 => (0_u128..60, 0_u64..100).prop_map(|(message, due)| Action::Put { message, due, heard: false }),
        1 => (0_u128..60).prop_map(|message| Action::Remove { message }),
        2 => (0_usize..2, 0_u64..100, 1_usize..9).prop_map(|(lane, now, limit)| Action::Take { lane, now, limit }),
        2 => Just(Action::Read),
    ]
}

fn entry(message: u128, due: u64) -> Entry {
    let lane = LANES[(message % 2) as usize];
    Entry { due: Timestamp(due), message: MessageId(message), lane, attempts: 0 }
}

/// The outbox: due time by message.
type Rows = BTreeMap<u128, u64>;

fn read(schedule: &mut Schedule, rows: &Rows) {
    let Some((from, room)) = schedule.wanted() else { return };
    let mut sorted: Vec<(u64, u128)> = rows.iter().map(|(message, due)| (*due, *message)).collect();
    sorted.sort_unstable();
    let behind: Vec<_> = sorted
        .into_iter()
        .filter(|(due, message)| (Timestamp(*due), MessageId(*message)) >= (from.due, from.message))
        .collect();
    let next =
        behind.get(room).map(|(due, message)| OutboxCursor { due: Timestamp(*due), message: MessageId(*message) });
    schedule.read_up_to(next);
    for (due, message) in behind.into_iter().take(room) {
        assert_eq!(schedule.insert(entry(message, due)), Inserted::Scheduled);
    }
}

fn act(schedule: &mut Schedule, rows: &mut Rows, action: &Action) {
    match *action {
        Action::Put { message, due, heard } => {
            rows.insert(message, due);
            if heard {
                schedule.insert(entry(message, due));
            } else {
                schedule.forget();
            }
        }
        Action::Remove { message } => {
            rows.remove(&message);
            schedule.remove(MessageId(message));
        }
        Action::Take { lane, now, limit } => {
            let taken = schedule.take_due(LANES[lane], Timestamp(now), limit);
            assert!(taken.len() <= limit);
            assert!(taken.is_sorted_by_key(|entry| (entry.due, entry.message)));
            for entry in taken {
                assert!(entry.due <= Timestamp(now));
                assert_eq!(rows.remove(&entry.message.0), Some(entry.due.0), "taken twice or never there");
            }
        }
        Action::Read => read(schedule, rows),
    }
}

proptest! {
    #[test]
    fn every_row_is_found_in_the_end(capacity in 1_usize..20, actions in proptest::collection::vec(action(), 0..200)) {
        let mut schedule = Schedule::new(capacity);
        let mut rows = Rows::new();
        for action in &actions {
            act(&mut schedule, &mut rows, action);
            prop_assert!(schedule.invariant_bounded() && schedule.invariant_before_horizon());
            prop_assert!(schedule.overflowed() || schedule.len() == rows.len());
        }
        for round in 0..200 {
            read(&mut schedule, &rows);
            for lane in 0..2 {
                act(&mut schedule, &mut rows, &Action::Take { lane, now: 1_000, limit: 3 });
            }
            prop_assert!(round < 199 || rows.is_empty(), "left behind: {rows:?}");
        }
    }
}

#[test]
fn the_earliest_are_kept_and_the_table_is_read_again_when_half_is_used_up() {
    let mut schedule = Schedule::new(4);
    schedule.read_up_to(None);
    for message in (0..6).rev() {
        schedule.insert(entry(message * 2, message as u64));
    }
    assert_eq!((schedule.len(), schedule.overflowed()), (4, true));
    assert_eq!(schedule.wanted(), None);
    assert_eq!(schedule.take_due(LANES[0], Timestamp(1), 9).len(), 2);
    let horizon = OutboxCursor { due: Timestamp(4), message: MessageId(8) };
    assert_eq!(schedule.wanted(), Some((horizon, 2)));
}

#[test]
fn late_news_does_not_bring_back_an_earlier_attempt() {
    let mut schedule = Schedule::new(4);
    schedule.read_up_to(None);
    schedule.insert(Entry { attempts: 1, ..entry(2, 50) });
    assert_eq!(schedule.insert(entry(2, 10)), Inserted::Outdated);
    assert_eq!(schedule.insert(Entry { attempts: 2, ..entry(2, 70) }), Inserted::Scheduled);
    assert_eq!(schedule.len(), 1);
    assert_eq!(schedule.lanes().collect::<Vec<_>>(), [(LANES[0], Timestamp(70))]);
}
