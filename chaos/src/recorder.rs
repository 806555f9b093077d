//! Takes down what happens, with the run's own clock. It goes to the history's file and isn't kept: a run may be long.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
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
    path: PathBuf,
    began: Instant,
    /// The wall clock at the same moment, in microseconds since 1970: the provider stamps what it takes with it.
    began_wall_us: u64,
    written: Mutex<Written>,
}

struct Written {
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
        let written = Written { tally: Tally::default(), file: BufWriter::new(file), failed: None };
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let began_wall_us = u64::try_from(wall.as_micros()).unwrap_or(u64::MAX);
        Ok(Recorder { path: path.to_owned(), began: Instant::now(), began_wall_us, written: Mutex::new(written) })
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
    }

    /// Returns what became of the messages so far.
    pub fn tally(&self) -> Tally {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).tally
    }

    /// Makes sure that everything taken down so far is in the file, and returns where that is.
    ///
    /// # Errors
    /// When the file could not be written.
    pub fn flush(&self) -> anyhow::Result<&Path> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let flushed = written.file.flush();
        match written.failed.take().or(flushed.err()) {
            Some(error) => Err(error).context("failed to write the history"),
            None => Ok(&self.path),
        }
    }
}

/// Reads a history line by line.
///
/// # Errors
/// When the file can't be opened; of a line, when it can't be read or isn't one of a history.
pub fn read(path: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Line>>> {
    let file = File::open(path).with_context(|| format!("failed to read {}", path.display()))?;
    let path = path.to_owned();
    Ok(BufReader::new(file).lines().enumerate().map(move |(number, line)| {
        let place = || format!("{}:{}", path.display(), number + 1);
        serde_json::from_str(&line.with_context(place)?).with_context(place)
    }))
}

impl Tally {
    fn count(&mut self, line: &Line) {
        let Line::Call(Call { op: Op::Send { .. }, answer, .. }) = line else { return };
        self.sends += 1;
        self.accepted += u64::from(matches!(answer, Answer::Accepted { .. }));
        self.unknown += u64::from(matches!(answer, Answer::Unknown { .. }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Books, MessageSeen};

    #[test]
    fn what_was_taken_down_is_read_again_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(&folder.path().join("history.jsonl")).unwrap();
        let message =
            |number: u64| Line::Message(MessageSeen { message: number.to_string(), status: "held".to_owned() });
        let lines: Vec<Line> = (0..2_000).map(message).collect();
        lines.iter().cloned().for_each(|line| recorder.record(line));
        let before: Vec<Line> = read(recorder.flush().unwrap()).unwrap().map(Result::unwrap).collect();
        assert_eq!(before, lines);
        let last = Line::Books(Books { listener: 1, accepted: 2, by_status: [("held".to_owned(), 2)].into() });
        recorder.record(last.clone());
        assert_eq!(read(recorder.flush().unwrap()).unwrap().last().unwrap().unwrap(), last);
    }

    #[test]
    fn a_line_that_is_none_of_a_history_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        std::fs::write(&path, "{\"what\":\"message\",\"message\":\"m\",\"status\":\"held\"}\n{\"what\":\"call\"")
            .unwrap();
        let outcomes: Vec<anyhow::Result<Line>> = read(&path).unwrap().collect();
        assert!(outcomes[0].is_ok() && outcomes.len() == 2);
        assert!(outcomes[1].as_ref().is_err_and(|error| error.to_string().ends_with("history.jsonl:2")));
    }
}
