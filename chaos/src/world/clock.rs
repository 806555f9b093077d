//! A node's wall clock that jumps while the node runs: a small library, loaded before the C library, shifts what the
//! node reads by what a file says. Its monotonic clocks go on as they are.
//!
//! `libfaketime` can't be used: a program with an allocator of its own for everything crashes when that library begins.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

const SOURCE: &str = include_str!("clock.c");
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// The library that nodes are started with, if their clocks are to jump.
#[derive(Debug, Clone)]
pub struct ClockLibrary(PathBuf);

/// A clock that can be set.
pub(super) struct Clock {
    library: ClockLibrary,
    path: PathBuf,
    /// What is read at every look at the clock.
    offset: File,
}

impl ClockLibrary {
    /// Compiles the library into a folder.
    ///
    /// # Errors
    /// When there is no C compiler or it fails.
    pub fn compile(folder: &Path) -> anyhow::Result<ClockLibrary> {
        let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
        std::fs::write(&source, SOURCE).with_context(|| format!("failed to write {}", source.display()))?;
        let done = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).args([&library, &source]).output();
        let done = done.context("failed to run the C compiler, cc")?;
        if !done.status.success() {
            bail!("cc: {}", String::from_utf8_lossy(&done.stderr).trim());
        }
        Ok(ClockLibrary(library))
    }
}

impl Clock {
    /// Makes a clock that goes right, and keeps its offset in a file.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn make(library: ClockLibrary, path: PathBuf) -> anyhow::Result<Clock> {
        let offset = File::create(&path).with_context(|| format!("failed to make {}", path.display()))?;
        let clock = Clock { library, path, offset };
        clock.set(0)?;
        Ok(clock)
    }

    /// Sets the clock this many seconds off.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set(&self, seconds: i64) -> anyhow::Result<()> {
        let offset = seconds.saturating_mul(NANOS_PER_SECOND);
        self.offset
            .write_all_at(&offset.to_ne_bytes(), 0)
            .with_context(|| format!("failed to set {}", self.path.display()))
    }

    /// Returns the environment of a process that goes by this clock.
    pub fn environment(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library.0), ("CHAOS_CLOCK", &self.path)]
    }
}
