//! A crash at any step of putting a snapshot in the place of a group's rows leaves the old rows or the new ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::id::GroupId;
use registry::tables::{FollowUpNumbers, ReadRows, WriteRows};
use store::engine::{FaultListener, Row};
use store::{Batch, Engine, EngineError, EngineView, MemoryEngine, Range, Staging, StateStore, StoreError};

const GROUP: GroupId = GroupId(3);
const NEIGHBOUR: GroupId = GroupId(4);
/// The rows of the snapshot.
const NEW_ROWS: u16 = 40;
/// More operations than an installation has.
const STEPS_MAX: usize = 20;

/// An engine that fails before an operation and from then on: nothing more reaches the disk.
struct Cut {
    inner: Arc<dyn Engine>,
    left: Arc<AtomicUsize>,
}

impl Cut {
    fn step(left: &AtomicUsize) -> Result<(), EngineError> {
        let less = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        less.map(|_| ()).map_err(|_| EngineError::Io { store: "here".to_owned(), detail: "cut off".to_owned() })
    }
}

impl EngineView for Cut {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.inner.get(key)
    }

    fn scan(&self, range: Range<'_>) -> Result<Vec<Row>, EngineError> {
        self.inner.scan(range)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>, EngineError> {
        self.inner.last(from, to)
    }
}

impl Engine for Cut {
    fn write(&self, batch: &Batch) -> Result<(), EngineError> {
        Cut::step(&self.left)?;
        self.inner.write(batch)
    }

    fn sync(&self) -> Result<(), EngineError> {
        Cut::step(&self.left)?;
        self.inner.sync()
    }

    fn view(&self) -> Arc<dyn EngineView> {
        self.inner.view()
    }

    fn stage(&self) -> Result<Box<dyn Staging>, EngineError> {
        Cut::step(&self.left)?;
        Ok(Box::new(CutStaging { inner: self.inner.stage()?, left: self.left.clone() }))
    }

    fn ingest(&self, parts: &[String]) -> Result<(), EngineError> {
        Cut::step(&self.left)?;
        self.inner.ingest(parts)
    }

    fn discard_staged(&self) -> Result<(), EngineError> {
        Cut::step(&self.left)?;
        self.inner.discard_staged()
    }

    fn on_fault(&self, listener: FaultListener) {
        self.inner.on_fault(listener);
    }

    fn approximate_bytes(&self) -> u64 {
        self.inner.approximate_bytes()
    }
}

struct CutStaging {
    inner: Box<dyn Staging>,
    left: Arc<AtomicUsize>,
}

impl Staging for CutStaging {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        self.inner.put(key, value)
    }

    fn seal(self: Box<Self>) -> Result<Vec<String>, EngineError> {
        Cut::step(&self.left)?;
        self.inner.seal()
    }
}

/// A disk, as a crash treats it.
trait Disk {
    /// Opens what is there.
    fn open(&self) -> Arc<dyn Engine>;
    /// Returns what a crash at this moment leaves, with the engines still open.
    fn crashed(self) -> Self;
}

impl Disk for MemoryEngine {
    fn open(&self) -> Arc<dyn Engine> {
        Arc::new(self.clone())
    }

    fn crashed(self) -> MemoryEngine {
        self.crash();
        self
    }
}

impl Disk for tempfile::TempDir {
    fn open(&self) -> Arc<dyn Engine> {
        crate::common::open(self.path()).state
    }

    fn crashed(self) -> tempfile::TempDir {
        let left = tempfile::tempdir().unwrap();
        crate::common::copy(self.path(), left.path());
        left
    }
}

/// What can be seen of a group: how far it got, its hash, and its rows.
type Seen = (store::AppliedRow, Vec<(GroupId, u64)>);

fn seen(store: &StateStore, group: GroupId) -> Seen {
    let rows = ReadRows::<FollowUpNumbers>::scan(&*store.view(group), &GroupId(0), usize::MAX).unwrap();
    (store.applied(group), rows)
}

/// Writes a row per number, as one entry.
fn write(store: &StateStore, group: GroupId, rows: impl Iterator<Item = u16>, value: u64) {
    let mut write = store.begin(group);
    rows.for_each(|row| WriteRows::<FollowUpNumbers>::put(&mut write, GroupId(row), value));
    write.commit(&value.to_be_bytes(), Some(b"members")).unwrap();
}

fn transfer(source: &StateStore, target: &StateStore) -> Result<(), StoreError> {
    let mut reader = source.snapshot(GROUP)?;
    let mut installer = target.install(GROUP, reader.applied().clone())?;
    while let Some(rows) = reader.next_chunk(100)? {
        installer.put(&rows)?;
    }
    installer.finish()
}

/// Cuts an installation off before each of its operations, and the opening after it before each of its own.
fn survives<D: Disk>(disk: impl Fn() -> D) {
    let (_, source) = crate::common::memory();
    let source = StateStore::open(source).unwrap();
    write(&source, GROUP, (0..NEW_ROWS).filter(|row| row % 2 == 0), 9);
    let new = seen(&source, GROUP);
    let (mut olds, mut finished) = (0, false);
    for cut in 0..STEPS_MAX {
        for second_cut in 0..STEPS_MAX {
            let disk = disk();
            let old = begin(&disk);
            let engine = Arc::new(Cut { inner: disk.open(), left: Arc::new(AtomicUsize::new(usize::MAX)) });
            let store = StateStore::open(engine.clone()).unwrap();
            engine.left.store(cut, Ordering::SeqCst);
            finished = transfer(&source, &store).is_ok();
            let disk = disk.crashed();
            drop((store, engine));
            let left = Arc::new(AtomicUsize::new(second_cut));
            let reopened = StateStore::open(Arc::new(Cut { inner: disk.open(), left }));
            let opened = reopened.is_ok();
            let disk = disk.crashed();
            drop(reopened);
            let store = StateStore::open(disk.open()).unwrap();
            let found = seen(&store, GROUP);
            assert!(found == old || found == new, "{cut} {second_cut}: {found:?}");
            assert!(!finished || found == new, "{cut} {second_cut}: lost what was finished");
            assert_eq!(store.last_flushed(GROUP), found.0);
            assert_eq!(seen(&store, NEIGHBOUR).1, [(GroupId(1), 4)]);
            write(&store, GROUP, 0..1, 10);
            olds += usize::from(found == old);
            if opened {
                break;
            }
        }
        if finished {
            break;
        }
    }
    assert!(finished, "an installation has more operations than are tried");
    assert!(olds >= 3, "some crash comes before the replacement is decided");
}

/// Makes the rows of before, and returns those of the group. Some are where the snapshot has other ones, some are not.
fn begin(disk: &impl Disk) -> Seen {
    let store = StateStore::open(disk.open()).unwrap();
    write(&store, GROUP, 0..NEW_ROWS / 2, 1);
    write(&store, NEIGHBOUR, 1..2, 4);
    store.flush().unwrap();
    seen(&store, GROUP)
}

#[test]
fn a_crash_in_memory_leaves_the_old_rows_or_the_new_ones() {
    survives(MemoryEngine::new);
}

#[test]
fn a_crash_on_rocksdb_leaves_the_old_rows_or_the_new_ones() {
    survives(|| tempfile::tempdir().unwrap());
}

#[test]
fn what_is_staged_without_a_marker_is_thrown_away() {
    let directory = tempfile::tempdir().unwrap();
    let engine = directory.open();
    let mut staging = engine.stage().unwrap();
    staging.put(b"a", b"").unwrap();
    let parts = staging.seal().unwrap();
    let staged = directory.path().join("state").join("staging").join(&parts[0]);
    assert!(staged.exists());
    drop(engine);
    StateStore::open(directory.open()).unwrap();
    assert!(!staged.exists());
}
