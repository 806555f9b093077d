//! A group's state behaves as the tables in memory do, in every engine, over commits, crashes, snapshots.

use std::sync::Arc;

use bytes::Bytes;
use model::accounting::Accounting;
use model::address::AddressKey;
use model::channel::Channel;
use model::id::{AppId, EndpointId, GroupId, MessageId, NodeId, RegionId};
use model::rows::OutboxRow;
use model::time::Timestamp;
use model::{Class, Incarnation};
use proptest::prelude::*;
use registry::tables::{
    AccountingOf, AddressEndpoints, Claims, FollowUpNumbers, MemoryTables, Outbox, ReadRows, Table, Tables, View,
    WriteRows,
};
use store::memory::MemoryOperation;
use store::{AppliedRow, Engine, EngineError, StateStore, StoreError};

const GROUP: GroupId = GroupId(3);

/// One write of one of five tables; keys come from a few, so that writes meet. Rows of the last one stay in memory.
#[derive(Debug, Clone, Copy)]
struct Change {
    table: u8,
    key: u8,
    /// Nothing removes the row.
    value: Option<u8>,
}

/// What happens between reads.
#[derive(Debug, Clone)]
enum Step {
    Change(Change),
    Seal,
    Commit,
    /// Stores what was sealed; what came after it is forgotten.
    CommitSealed,
    /// Forgets all that was not stored.
    Forget,
    /// Stores everything and makes it durable.
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let value = prop_oneof![2 => any::<u8>().prop_map(Some), 1 => Just(None)];
    prop_oneof![
        12 => (0..5_u8, 0..24_u8, value)
            .prop_map(|(table, key, value)| Step::Change(Change { table, key, value })),
        2 => Just(Step::Seal),
        1 => Just(Step::Commit),
        1 => Just(Step::CommitSealed),
        1 => Just(Step::Forget),
        1 => Just(Step::Flush),
    ]
}

fn outbox_key(key: u8) -> <Outbox as Table>::Key {
    let region = if key.is_multiple_of(2) { "a" } else { "a-b" };
    (RegionId::from_stored(region), Timestamp(u64::from(key / 4)), MessageId(u128::from(key)))
}

fn address_key(key: u8) -> <AddressEndpoints as Table>::Key {
    let address = "x".repeat(usize::from(key % 6));
    (AppId(u128::from(key / 12)), Channel::Sms, AddressKey::from_stored(address))
}

fn claim_key(key: u8) -> <Claims as Table>::Key {
    (NodeId(u64::from(key % 3)), Incarnation(u64::from(key % 2)), MessageId(u128::from(key)))
}

fn outbox_row(value: u8) -> OutboxRow {
    OutboxRow {
        channel: Channel::Email,
        class: Class::AtMostOnce,
        attempts: u32::from(value),
        expires: Timestamp(u64::from(value)),
    }
}

fn set<T: Table>(tables: &mut impl WriteRows<T>, key: T::Key, row: Option<T::Row>) {
    match row {
        Some(row) => tables.put(key, row),
        None => tables.delete(&key),
    }
}

fn change(tables: &mut impl Tables, change: Change) {
    let Change { table, key, value } = change;
    match table {
        0 => set::<Outbox>(tables, outbox_key(key), value.map(outbox_row)),
        1 => {
            let row = value.map(|value| EndpointId::from_stored(format!("e{value}")));
            set::<AddressEndpoints>(tables, address_key(key), row);
        }
        2 => set::<Claims>(tables, claim_key(key), value.map(|_| ())),
        3 => {
            let row = value.map(|value| Accounting { accepted: u64::from(value), ..Accounting::default() });
            set::<AccountingOf>(tables, AppId(u128::from(key)), row);
        }
        _ => set::<FollowUpNumbers>(tables, GroupId(u16::from(key)), value.map(u64::from)),
    }
}

/// Reads a table by every key and in pieces of several lengths, and compares.
fn same_table<T: Table<Key: std::fmt::Debug, Row: PartialEq + std::fmt::Debug>>(
    left: &impl ReadRows<T>,
    right: &impl ReadRows<T>,
    keys: impl Iterator<Item = T::Key>,
) {
    for key in keys {
        assert_eq!(left.get(&key).unwrap(), right.get(&key).unwrap(), "{} {key:?}", T::NAME);
        for limit in [0, 1, 3, 1_000] {
            assert_eq!(left.scan(&key, limit).unwrap(), right.scan(&key, limit).unwrap(), "{} {key:?}", T::NAME);
        }
    }
}

fn same(left: &impl View, right: &impl View) {
    same_table::<Outbox>(left, right, (0..24).map(outbox_key));
    same_table::<AddressEndpoints>(left, right, (0..24).map(address_key));
    same_table::<Claims>(left, right, (0..24).map(claim_key));
    same_table::<AccountingOf>(left, right, (0..24).map(AppId));
    same_table::<FollowUpNumbers>(left, right, (0..24).map(GroupId));
}

/// Takes the steps on a store and on tables in memory, comparing before every end of a write.
fn run(store: &StateStore, tables: &mut MemoryTables, steps: &[Step]) {
    let mut write = store.begin(GROUP);
    let (mut sealed, mut stored) = (tables.clone(), tables.clone());
    for (index, step) in steps.iter().enumerate() {
        let last = [index as u8];
        match step {
            Step::Change(one) => {
                change(&mut write, *one);
                change(tables, *one);
                continue;
            }
            Step::Seal => {
                same(&write, tables);
                write.seal(&last, None);
                same(&write, tables);
                sealed.clone_from(tables);
                continue;
            }
            Step::Commit => {
                write.commit(&last, None).unwrap();
            }
            Step::CommitSealed => {
                write.commit_sealed().unwrap();
                tables.clone_from(&sealed);
            }
            Step::Forget => {
                drop(write);
                tables.clone_from(&stored);
            }
            Step::Flush => {
                write.commit(&last, None).unwrap();
                store.flush().unwrap();
            }
        }
        same(&*store.view(GROUP), tables);
        (sealed, stored) = (tables.clone(), tables.clone());
        write = store.begin(GROUP);
    }
    write.commit(b"end", Some(b"members")).unwrap();
    same(&*store.view(GROUP), tables);
    assert_eq!(store.view(GROUP).applied().unwrap(), store.applied(GROUP));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn memory_reads_as_the_tables_do(steps in proptest::collection::vec(step(), 0..120)) {
        let (_, engine) = crate::common::memory();
        run(&StateStore::open(engine).unwrap(), &mut MemoryTables::default(), &steps);
    }

    /// Replicas that store entries one by one or many at once come to the same chain.
    #[test]
    fn the_chain_does_not_depend_on_how_entries_are_stored(steps in proptest::collection::vec(step(), 0..60)) {
        let commit_all = |together: bool| {
            let (_, engine) = crate::common::memory();
            let store = StateStore::open(engine).unwrap();
            let mut write = store.begin(GROUP);
            for step in &steps {
                match step {
                    Step::Change(one) => change(&mut write, *one),
                    Step::Seal if together => {
                        write.seal(b"entry", None);
                    }
                    _ => {
                        write.commit(b"entry", None).unwrap();
                        write = store.begin(GROUP);
                    }
                }
            }
            write.commit(b"end", None).unwrap()
        };
        prop_assert_eq!(commit_all(false), commit_all(true));
    }

    #[test]
    fn a_snapshot_is_the_original(
        steps in proptest::collection::vec(step(), 0..120),
        before in proptest::collection::vec(step(), 0..40),
        chunk_bytes in 1..200_usize,
    ) {
        let (_, source) = crate::common::memory();
        let (source, mut tables) = (StateStore::open(source).unwrap(), MemoryTables::default());
        run(&source, &mut tables, &steps);
        let (memory, engine) = crate::common::memory();
        let target = StateStore::open(engine).unwrap();
        run(&target, &mut MemoryTables::default(), &before);
        transfer(&source, &target, chunk_bytes);
        same(&*target.view(GROUP), &tables);
        same(&target.begin(GROUP), &tables);
        memory.crash();
        let target = StateStore::open(Arc::new(memory)).unwrap();
        same(&*target.view(GROUP), &tables);
        prop_assert_eq!(target.applied(GROUP), source.applied(GROUP));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn rocksdb_reads_as_the_tables_do(steps in proptest::collection::vec(step(), 0..200)) {
        let (directory, engines) = crate::common::rocks();
        let mut tables = MemoryTables::default();
        let store = StateStore::open(engines.state).unwrap();
        run(&store, &mut tables, &steps);
        store.flush().unwrap();
        let before = store.applied(GROUP);
        prop_assert_eq!(&store.last_flushed(GROUP), &before);
        drop(store);
        drop(engines.log);
        let store = StateStore::open(crate::common::open(directory.path()).state).unwrap();
        same(&*store.view(GROUP), &tables);
        prop_assert_eq!(store.applied(GROUP), before);
    }
}

fn transfer(source: &StateStore, target: &StateStore, chunk_bytes: usize) {
    let mut reader = source.snapshot(GROUP).unwrap();
    let mut installer = target.install(GROUP, reader.applied().clone()).unwrap();
    while let Some(rows) = reader.next_chunk(chunk_bytes).unwrap() {
        installer.put(&rows).unwrap();
    }
    installer.finish().unwrap();
}

fn put_number(store: &StateStore, group: GroupId, number: u64) {
    let mut write = store.begin(group);
    WriteRows::<FollowUpNumbers>::put(&mut write, GroupId(1), number);
    write.commit(&number.to_be_bytes(), None).unwrap();
}

fn number(store: &StateStore, group: GroupId) -> Option<u64> {
    ReadRows::<FollowUpNumbers>::get(&*store.view(group), &GroupId(1)).unwrap()
}

fn last(row: &AppliedRow) -> Option<u64> {
    row.last.as_ref().map(|last| u64::from_be_bytes(last[..].try_into().unwrap()))
}

#[test]
fn a_snapshot_goes_from_rocksdb_to_rocksdb() {
    let ((_source_directory, source), (target_directory, target)) = (crate::common::rocks(), crate::common::rocks());
    let source = StateStore::open(source.state).unwrap();
    let mut tables = MemoryTables::default();
    let steps: Vec<Step> =
        (0..96).map(|at| Step::Change(Change { table: at % 4, key: at / 4, value: Some(at) })).collect();
    run(&source, &mut tables, &steps);
    let store = StateStore::open(target.state).unwrap();
    for neighbour in [GroupId(2), GroupId(4)] {
        put_number(&store, neighbour, 1);
    }
    put_number(&store, GROUP, 77);
    let before = store.view(GROUP);
    transfer(&source, &store, 100);
    same(&*store.view(GROUP), &tables);
    assert_eq!(ReadRows::<FollowUpNumbers>::get(&*before, &GroupId(1)).unwrap(), Some(77));
    drop((before, store, target.log));
    let store = StateStore::open(crate::common::open(target_directory.path()).state).unwrap();
    same(&*store.view(GROUP), &tables);
    assert_eq!(store.applied(GROUP), source.applied(GROUP));
    assert_eq!((number(&store, GroupId(2)), number(&store, GroupId(4))), (Some(1), Some(1)));
}

#[test]
fn a_crash_leaves_at_least_what_was_flushed() {
    let (memory, engine) = crate::common::memory();
    let store = StateStore::open(engine).unwrap();
    put_number(&store, GROUP, 1);
    store.flush().unwrap();
    put_number(&store, GROUP, 2);
    assert_eq!(last(&store.applied(GROUP)), Some(2));
    assert_eq!(last(&store.last_flushed(GROUP)), Some(1));
    memory.crash();
    let store = StateStore::open(Arc::new(memory)).unwrap();
    assert_eq!(last(&store.applied(GROUP)), Some(1));
    assert_eq!(number(&store, GROUP), Some(1));
}

#[test]
fn a_failed_flush_counts_for_nothing() {
    let (memory, engine) = crate::common::memory();
    let store = StateStore::open(engine).unwrap();
    put_number(&store, GROUP, 1);
    let full = EngineError::Full { store: "here".to_owned(), detail: "told to".to_owned() };
    memory.fail_next(MemoryOperation::Sync, full.clone());
    assert_eq!(store.flush(), Err(full));
    assert_eq!(last(&store.last_flushed(GROUP)), None);
}

#[test]
fn a_failed_write_is_not_applied() {
    let (memory, engine) = crate::common::memory();
    let store = StateStore::open(engine).unwrap();
    put_number(&store, GROUP, 1);
    let error = EngineError::Io { store: "here".to_owned(), detail: "told to".to_owned() };
    memory.fail_next(MemoryOperation::Write, error.clone());
    let mut write = store.begin(GROUP);
    WriteRows::<FollowUpNumbers>::put(&mut write, GroupId(1), 2);
    assert_eq!(write.commit(b"2", None), Err(StoreError::Engine(error)));
    assert_eq!(last(&store.applied(GROUP)), Some(1));
    assert_eq!(number(&store, GROUP), Some(1));
}

#[test]
fn the_second_of_two_writers_is_refused() {
    let (_, engine) = crate::common::memory();
    let store = StateStore::open(engine).unwrap();
    let (first, second) = (store.begin(GROUP), store.begin(GROUP));
    first.commit(b"1", None).unwrap();
    assert_eq!(second.commit(b"1", None), Err(StoreError::Overtaken { group: GROUP }));
}

#[test]
fn rows_out_of_order_or_outside_the_tables_are_refused() {
    let (_, engine) = crate::common::memory();
    let store = StateStore::open(engine).unwrap();
    let row = |key: &'static [u8]| (Bytes::from_static(key), Bytes::new());
    for rows in
        [vec![row(b"\x05b"), row(b"\x05a")], vec![row(b"\x05"), row(b"\x05")], vec![row(b"\x00a")], vec![row(b"")]]
    {
        let mut installer = store.install(GROUP, AppliedRow::default()).unwrap();
        assert_eq!(installer.put(&rows), Err(StoreError::SnapshotOrder { group: GROUP }));
    }
}

#[test]
fn a_state_without_its_applied_row_is_refused() {
    let (memory, engine) = crate::common::memory();
    let mut batch = store::Batch::new();
    batch.put(store::keys::table_prefix(GROUP, 5), Bytes::new());
    memory.write(&batch).unwrap();
    assert!(matches!(StateStore::open(engine), Err(StoreError::Malformed { group: GROUP, .. })));
}
