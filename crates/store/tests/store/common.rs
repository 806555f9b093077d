//! What several tests of the store need.

use std::path::Path;
use std::sync::Arc;

use store::{Engine, MemoryEngine, RocksConfig, RocksEngines};

/// Opens two engines in a directory of their own, which lives as long as the first part.
pub fn rocks() -> (tempfile::TempDir, RocksEngines) {
    let directory = tempfile::tempdir().unwrap();
    let engines = open(directory.path());
    (directory, engines)
}

/// Opens the engines of a directory.
pub fn open(directory: &Path) -> RocksEngines {
    RocksEngines::open(RocksConfig::small(directory)).unwrap()
}

/// Returns an engine in memory twice: to crash, and to open stores on.
pub fn memory() -> (MemoryEngine, Arc<dyn Engine>) {
    let engine = MemoryEngine::new();
    (engine.clone(), Arc::new(engine))
}
