//! What several tests of the store need.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use store::{Engine, MemoryEngine, RocksConfig, RocksEngines};

/// How often a directory is copied that changes meanwhile.
const COPIES_MAX: usize = 100;

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

/// Copies a directory as it is on the disk now, which is what a killed process leaves. A database that is still open
/// may be removing files: then it is copied again.
pub fn copy(from: &Path, to: &Path) {
    for _ in 0..COPIES_MAX {
        let before = files(from);
        let copied = before.iter().try_for_each(|(path, _)| {
            let target = to.join(path.strip_prefix(from).unwrap());
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(path, target).map(|_| ())
        });
        if copied.is_ok() && files(from) == before {
            return;
        }
        fs::remove_dir_all(to).unwrap();
    }
    panic!("{} changes all the time", from.display());
}

/// Lists the files of a directory with their lengths.
fn files(directory: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => found.extend(files(&entry.path())),
            Ok(metadata) if entry.file_name() != "LOCK" => _ = found.insert(entry.path(), metadata.len()),
            _ => {}
        }
    }
    found
}
