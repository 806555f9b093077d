//! An engine whose sync does nothing, as a break.

use std::sync::Arc;

use store::engine::{FaultListener, Row};
use store::{Batch, Engine, EngineError, EngineView, MemoryEngine, Range, Staging};

/// An engine whose sync does nothing.
pub(super) struct LyingEngine(pub(super) MemoryEngine);

impl EngineView for LyingEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.0.get(key)
    }

    fn scan(&self, range: Range<'_>) -> Result<Vec<Row>, EngineError> {
        self.0.scan(range)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>, EngineError> {
        self.0.last(from, to)
    }
}

impl Engine for LyingEngine {
    fn write(&self, batch: &Batch) -> Result<(), EngineError> {
        self.0.write(batch)
    }

    fn sync(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn view(&self) -> Arc<dyn EngineView> {
        self.0.view()
    }

    fn stage(&self) -> Result<Box<dyn Staging>, EngineError> {
        self.0.stage()
    }

    fn ingest(&self, parts: &[String]) -> Result<(), EngineError> {
        self.0.ingest(parts)
    }

    fn discard_staged(&self) -> Result<(), EngineError> {
        self.0.discard_staged()
    }

    fn on_fault(&self, listener: FaultListener) {
        self.0.on_fault(listener);
    }

    fn approximate_bytes(&self) -> u64 {
        self.0.approximate_bytes()
    }
}
