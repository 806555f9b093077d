//! Takes down what happens, with the run's own clock.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;

use crate::history::{Answer, Call, Line, Micros, Op};

/// What became of the messages so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Sends that were answered or given up.
    pub sends: u64,
    /// Those that were accepted.
    pub accepted: u64,
    /// Those with an unknown outcome.
    pub unknown: u64,
}

/// Where everybody in the harness writes what it saw.
pub struct Recorder {
    began: Instant,
    /// The wall clock at the same moment, in microseconds since 1970: the provider stamps what it takes with it.
    began_wall_us: u64,
    written: Mutex<Written>,
}

struct Written {
    /// All of them: the checks look at a run as a whole.
    lines: Vec<Line>,
    tally: Tally,
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
        let written = Written { lines: Vec::new(), tally: Tally::default(), file: BufWriter::new(file), failed: None };
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
        written.tally.count(&line);
        written.lines.push(line);
    }

    /// Returns what became of the messages so far.
    pub fn tally(&self) -> Tally {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).tally
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

impl Tally {
    fn count(&mut self, line: &Line) {
        let Line::Call(Call { op: Op::Send { .. }, answer, .. }) = line else { return };
        self.sends += 1;
        self.accepted += u64::from(matches!(answer, Answer::Accepted { .. }));
        self.unknown += u64::from(matches!(answer, Answer::Unknown { .. }));
    }
}
