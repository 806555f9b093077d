//! The counts of a trace, second by second.

use std::fs::File;
use std::path::{Path, PathBuf};

use csv::StringRecord;
use serde::Deserialize;
use traffic::health::{CellCounts, Counted};

use super::error::TraceError;
use super::header::TraceHeader;

/// A line: what a region counted in a second for one customer's messages to one carrier. What is empty is 0.
#[derive(Debug, Deserialize)]
struct Line {
    t: u64,
    region: usize,
    carrier: usize,
    customer: usize,
    sends: Option<u32>,
    errors: Option<u32>,
    throttled: Option<u32>,
    rejected: Option<u32>,
    ev_0_16s: Option<u32>,
    ev_17_64s: Option<u32>,
    ev_65_255s: Option<u32>,
    missed_d2: Option<u32>,
}

/// Reads the table second by second, so that a long trace needs no more memory than a short one.
pub(crate) struct Rows<'a> {
    header: &'a TraceHeader,
    file: PathBuf,
    reader: csv::Reader<File>,
    columns: StringRecord,
    /// What was read of the next second.
    ahead: Option<(u64, Counted)>,
    last: u64,
}

impl<'a> Rows<'a> {
    pub(crate) fn open(file: &Path, header: &'a TraceHeader) -> Result<Rows<'a>, TraceError> {
        let opened = File::open(file).map_err(|source| TraceError::Read { file: file.to_owned(), source })?;
        let file = file.to_owned();
        let mut reader = csv::Reader::from_reader(opened);
        let columns = reader.headers().cloned();
        let columns = columns.map_err(|source| TraceError::Rows { file: file.clone(), source })?;
        let mut rows = Rows { header, file, reader, columns, ahead: None, last: 0 };
        rows.ahead = rows.read()?;
        Ok(rows)
    }

    /// Reads what was counted in the second `tick`; seconds are asked for in rising order.
    pub(crate) fn second(&mut self, tick: u64) -> Result<Vec<Counted>, TraceError> {
        let mut counted = Vec::new();
        while let Some((_, row)) = self.ahead.take_if(|(at, _)| *at <= tick) {
            counted.push(row);
            self.ahead = self.read()?;
        }
        Ok(counted)
    }

    fn read(&mut self) -> Result<Option<(u64, Counted)>, TraceError> {
        let mut record = StringRecord::new();
        let failed = |source| TraceError::Rows { file: self.file.clone(), source };
        if !self.reader.read_record(&mut record).map_err(failed)? {
            return Ok(None);
        }
        let line: Line = record.deserialize(Some(&self.columns)).map_err(failed)?;
        self.check(&line).map_err(|what| TraceError::Row {
            file: self.file.clone(),
            line: record.position().map_or(0, csv::Position::line),
            what,
        })?;
        self.last = line.t;
        Ok(Some((line.t, line.counted())))
    }

    fn check(&self, line: &Line) -> Result<(), String> {
        let TraceHeader { regions, carriers, customers, ticks, .. } = self.header;
        let indexes = [
            ("region", line.region, regions.len()),
            ("carrier", line.carrier, carriers.len()),
            ("customer", line.customer, customers.len()),
        ];
        if let Some((column, index, count)) = indexes.into_iter().find(|(_, index, count)| index >= count) {
            return Err(format!("{column} is {index}, and the header names {count}, counted from 0"));
        }
        if line.t < self.last {
            return Err(format!("t is {} after {}: lines must be in the order of time", line.t, self.last));
        }
        if line.t >= *ticks {
            return Err(format!("t is {}, and the header says that there are {ticks} seconds", line.t));
        }
        match line.counted().counts.adds_up() {
            true => Ok(()),
            false => Err("errors, throttled and rejected are more than sends".to_owned()),
        }
    }
}

impl Line {
    fn counted(&self) -> Counted {
        let of = |count: Option<u32>| count.unwrap_or_default();
        let events = of(self.ev_0_16s).saturating_add(of(self.ev_17_64s)).saturating_add(of(self.ev_65_255s));
        let counts = CellCounts {
            sends: of(self.sends),
            errors: of(self.errors),
            throttled: of(self.throttled),
            rejected: of(self.rejected),
            events,
            late: of(self.missed_d2),
        };
        Counted { region: self.region, destination: self.carrier, app: self.customer, counts }
    }
}
