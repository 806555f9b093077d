//! Takes down what happens, with the run's own clock.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;

use crate::history::{Line, Micros};

/// Where everybody in the harness writes what it saw.
pub struct Recorder {
    began: Instant,
    /// The wall clock at the same moment, in microseconds since 1970: the provider stamps what it takes with it.
    began_wall_us: u64,
    written: Mutex<Written>,
}

struct Written {
    lines: Vec<Line>,
    file: BufWriter<File>,
    failed: Option<std::io::Error>,
}

impl Recorder {
    /// Begins a history in a file.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn create(path: &Path) -> anyhow::Result<Recorder> {
        let file = File::create(path).with_context(|| format!("failed to make {}", path.display()))?;
        let written = Written { lines: Vec::new(), file: BufWriter::new(file), failed: None };
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let began_wall_us = u64::try_from(wall.as_micros()).unwrap_or(u64::MAX);
        Ok(Recorder { began: Instant::now(), began_wall_us, written: Mutex::new(written) })
    }

    /// Returns the time since the run began.
    pub fn now(&self) -> Micros {
        Micros::try_from(self.began.elapsed().as_micros()).unwrap_or(Micros::MAX)
    }

    /// Returns the run's time of a moment of the wall clock, in milliseconds since 1970.
    pub fn of_wall_ms(&self, wall_ms: u64) -> Micros {
        wall_ms.saturating_mul(1_000).saturating_sub(self.began_wall_us)
    }

    /// Takes down a line. A file that can't be written is told at the end.
    pub fn record(&self, line: Line) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = serde_json::to_writer(&mut written.file, &line).map_err(std::io::Error::from);
        let outcome = outcome.and_then(|()| written.file.write_all(b"\n"));
        written.failed = written.failed.take().or(outcome.err());
        written.lines.push(line);
    }

    /// Looks at what was taken down so far.
    pub fn look<T>(&self, at: impl FnOnce(&[Line]) -> T) -> T {
        at(&self.written.lock().unwrap_or_else(PoisonError::into_inner).lines)
    }

    /// Ends the history and returns it.
    ///
    /// # Errors
    /// When the file could not be written.
    pub fn finish(&self) -> anyhow::Result<Vec<Line>> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let flushed = written.file.flush();
        if let Some(error) = written.failed.take().or(flushed.err()) {
            return Err(error).context("failed to write the history");
        }
        Ok(std::mem::take(&mut written.lines))
    }
}
