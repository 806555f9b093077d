//! An engine in memory that forgets what was not synced when it is told to crash. The simulator and tests use it; it
//! touches no disk.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::batch::{Batch, BatchOp};
use crate::engine::{Engine, EngineView, FaultListener, Range, Row, Staging};
use crate::error::EngineError;

/// What stands for the directory in errors.
const NAME: &str = "memory";

type Rows = BTreeMap<Vec<u8>, Bytes>;

/// Decides whether an operation fails.
type Fault = Box<dyn FnMut(MemoryOperation) -> Option<EngineError> + Send>;

/// An operation that a fault hook may refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryOperation {
    /// A batch is about to be written.
    Write,
    /// A sync is about to happen.
    Sync,
    /// Staged rows are about to be made durable.
    Seal,
}

/// Ordered bytes in memory. Clones share them: keep one to reopen a store on it after a crash.
#[derive(Clone, Default)]
pub struct MemoryEngine {
    shared: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// What reads see. Copied when it is changed while a view of it lives.
    visible: Arc<Rows>,
    /// What a crash leaves.
    synced: Rows,
    /// What was written since the last sync, in order.
    unsynced: Vec<Batch>,
    /// Sealed parts by name; a crash leaves them.
    staged: BTreeMap<String, Batch>,
    /// How many parts were sealed.
    sealed: u64,
    fault: Option<Fault>,
    /// Who is told of faults, until a crash.
    listener: Option<FaultListener>,
}

impl MemoryEngine {
    /// Returns an empty engine.
    pub fn new() -> MemoryEngine {
        MemoryEngine::default()
    }

    /// Forgets everything that was not synced, as the loss of power does.
    pub fn crash(&self) {
        let mut inner = self.inner();
        inner.visible = Arc::new(inner.synced.clone());
        inner.unsynced.clear();
        inner.listener = None;
    }

    /// Asks `fault` before every write, sync and seal; the operation fails with the error that it returns. A failed
    /// write changes nothing, a failed sync or seal makes nothing durable.
    pub fn set_fault(&self, fault: impl FnMut(MemoryOperation) -> Option<EngineError> + Send + 'static) {
        self.inner().fault = Some(Box::new(fault));
    }

    /// Makes the next operation of this kind fail with `error`, once.
    pub fn fail_next(&self, operation: MemoryOperation, error: EngineError) {
        let mut error = Some(error);
        self.set_fault(move |met| if met == operation { error.take() } else { None });
    }

    /// Ends all faults.
    pub fn clear_fault(&self) {
        self.inner().fault = None;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rows(&self) -> Arc<Rows> {
        Arc::clone(&self.inner().visible)
    }
}

impl Inner {
    fn refuse(&mut self, operation: MemoryOperation) -> Result<(), EngineError> {
        match self.fault.as_mut().and_then(|fault| fault(operation)) {
            Some(error) => {
                let grave = !matches!(error, EngineError::Refused { .. });
                if let Some(listener) = self.listener.as_ref().filter(|_| grave) {
                    listener(&error);
                }
                Err(error)
            }
            None => Ok(()),
        }
    }

    fn sync(&mut self) {
        for batch in std::mem::take(&mut self.unsynced) {
            change(&mut self.synced, &batch);
        }
    }
}

fn change(rows: &mut Rows, batch: &Batch) {
    for op in batch.ops() {
        match op {
            BatchOp::Put(key, value) => {
                rows.insert(key.to_vec(), Bytes::copy_from_slice(value));
            }
            BatchOp::Delete(key) => {
                rows.remove(key);
            }
            BatchOp::DeleteRange(from, to) => {
                let doomed: Vec<Vec<u8>> = between(rows, from, to).map(|(key, _)| key.clone()).collect();
                for key in doomed {
                    rows.remove(&key);
                }
            }
        }
    }
}

impl EngineView for Rows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(BTreeMap::get(self, key).map(|value| value.to_vec()))
    }

    fn scan(&self, range: Range<'_>) -> Result<Vec<Row>, EngineError> {
        let mut found: Vec<Row> = Vec::new();
        let mut bytes = 0_usize;
        for (key, value) in between(self, range.from, range.to).take(range.limit) {
            bytes = bytes.saturating_add(key.len() + value.len());
            if bytes > range.bytes_max && !found.is_empty() {
                break;
            }
            found.push((key.clone(), value.to_vec()));
        }
        Ok(found)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>, EngineError> {
        Ok(between(self, from, to).next_back().map(|(key, value)| (key.clone(), value.to_vec())))
    }
}

/// Iterates from `from` to before `to`; over nothing when they are in the wrong order, where `BTreeMap` would panic.
fn between<'a>(rows: &'a Rows, from: &[u8], to: &[u8]) -> impl DoubleEndedIterator<Item = (&'a Vec<u8>, &'a Bytes)> {
    let to = if to < from { from } else { to };
    rows.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)))
}

impl EngineView for MemoryEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        EngineView::get(&*self.rows(), key)
    }

    fn scan(&self, range: Range<'_>) -> Result<Vec<Row>, EngineError> {
        self.rows().scan(range)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>, EngineError> {
        self.rows().last(from, to)
    }
}

impl Engine for MemoryEngine {
    fn write(&self, batch: &Batch) -> Result<(), EngineError> {
        let mut inner = self.inner();
        inner.refuse(MemoryOperation::Write)?;
        change(Arc::make_mut(&mut inner.visible), batch);
        inner.unsynced.push(batch.clone());
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        let mut inner = self.inner();
        inner.refuse(MemoryOperation::Sync)?;
        inner.sync();
        Ok(())
    }

    fn view(&self) -> Arc<dyn EngineView> {
        self.rows()
    }

    fn stage(&self) -> Result<Box<dyn Staging>, EngineError> {
        Ok(Box::new(MemoryStaging { engine: self.clone(), last: None, batch: Batch::new() }))
    }

    fn ingest(&self, parts: &[String]) -> Result<(), EngineError> {
        for part in parts {
            let batch = self.inner().staged.get(part).cloned();
            let missing = || EngineError::Io { store: NAME.to_owned(), detail: format!("there is no part {part}") };
            self.write(&batch.ok_or_else(missing)?)?;
        }
        self.sync()?;
        self.inner().staged.retain(|part, _| !parts.contains(part));
        Ok(())
    }

    fn discard_staged(&self) -> Result<(), EngineError> {
        self.inner().staged.clear();
        Ok(())
    }

    /// Memory doesn't fail by itself: `listener` is told of what a test makes fail, and must not come back to the engine.
    fn on_fault(&self, listener: FaultListener) {
        self.inner().listener.get_or_insert(listener);
    }

    fn approximate_bytes(&self) -> u64 {
        self.rows().iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }
}

struct MemoryStaging {
    engine: MemoryEngine,
    last: Option<Vec<u8>>,
    batch: Batch,
}

impl Staging for MemoryStaging {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        if self.last.as_deref().is_some_and(|last| last >= key) {
            return Err(EngineError::Refused { store: NAME.to_owned(), detail: "staged keys must ascend".to_owned() });
        }
        self.last = Some(key.to_vec());
        self.batch.put(key, value.to_vec());
        Ok(())
    }

    fn seal(self: Box<Self>) -> Result<Vec<String>, EngineError> {
        let MemoryStaging { engine, batch, .. } = *self;
        let mut inner = engine.inner();
        inner.refuse(MemoryOperation::Seal)?;
        inner.sealed += 1;
        let part = inner.sealed.to_string();
        inner.staged.insert(part.clone(), batch);
        Ok(vec![part])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(engine: &MemoryEngine, key: &str) {
        let mut batch = Batch::new();
        batch.put(key.as_bytes(), key.as_bytes().to_vec());
        engine.write(&batch).unwrap();
    }

    fn keys(view: &dyn EngineView) -> Vec<String> {
        let range = Range { from: b"", to: b"~", limit: usize::MAX, bytes_max: usize::MAX };
        view.scan(range).unwrap().into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
    }

    #[test]
    fn a_crash_loses_what_was_not_synced() {
        let engine = MemoryEngine::new();
        put(&engine, "a");
        engine.sync().unwrap();
        put(&engine, "b");
        let mut batch = Batch::new();
        batch.delete_range(b"a", b"b");
        engine.write(&batch).unwrap();
        assert_eq!(keys(&engine), ["b"]);
        engine.crash();
        assert_eq!(keys(&engine), ["a"]);
    }

    #[test]
    fn a_view_keeps_its_moment() {
        let engine = MemoryEngine::new();
        put(&engine, "a");
        let view = engine.view();
        put(&engine, "b");
        assert_eq!(keys(&*view), ["a"]);
        assert_eq!(keys(&engine), ["a", "b"]);
    }

    #[test]
    fn a_fault_fails_one_operation_and_changes_nothing() {
        let engine = MemoryEngine::new();
        let error = EngineError::Io { store: NAME.to_owned(), detail: "told to".to_owned() };
        put(&engine, "a");
        engine.fail_next(MemoryOperation::Sync, error.clone());
        assert_eq!(engine.sync(), Err(error));
        engine.crash();
        assert!(keys(&engine).is_empty());
    }

    #[test]
    fn a_scan_ends_at_its_limits() {
        let engine = MemoryEngine::new();
        for key in ["a", "b", "c"] {
            put(&engine, key);
        }
        let range = Range { from: b"a", to: b"c", limit: 9, bytes_max: 1 };
        assert_eq!(engine.scan(range).unwrap().len(), 1);
        assert_eq!(engine.scan(Range { bytes_max: 4, ..range }).unwrap().len(), 2);
        assert_eq!(engine.scan(Range { to: b"a", ..range }).unwrap().len(), 0);
        assert_eq!(engine.last(b"a", b"c").unwrap().map(|row| row.0), Some(b"b".to_vec()));
    }
}
