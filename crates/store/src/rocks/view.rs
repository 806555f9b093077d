//! Scans, and a moment of a database that stays readable while it changes.

use std::sync::Arc;

use rocksdb::{DB, DBRawIterator, ReadOptions, Snapshot};
use self_cell::self_cell;

use super::faults::Faults;
use crate::engine::{EngineView, Range, Row};
use crate::error::EngineError;

self_cell!(
    /// A snapshot, and the database that it is a snapshot of.
    struct Moment {
        owner: Arc<DB>,
        #[covariant]
        dependent: Pinned,
    }
);

/// A snapshot, and the options of every point read in it.
struct Pinned<'d> {
    snapshot: Snapshot<'d>,
    options: ReadOptions,
}

impl Pinned<'_> {
    fn of(database: &Arc<DB>) -> Pinned<'_> {
        let snapshot = database.snapshot();
        let mut options = ReadOptions::default();
        options.set_snapshot(&snapshot);
        Pinned { snapshot, options }
    }
}

/// One moment of a database.
pub(super) struct RocksView {
    moment: Moment,
    faults: Arc<Faults>,
}

impl RocksView {
    pub fn of(database: Arc<DB>, faults: Arc<Faults>) -> RocksView {
        RocksView { moment: Moment::new(database, Pinned::of), faults }
    }
}

impl EngineView for RocksView {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        let options = &self.moment.borrow_dependent().options;
        self.moment.borrow_owner().get_opt(key, options).map_err(|error| self.faults.met(&error))
    }

    fn scan(&self, range: Range<'_>) -> Result<Vec<Row>, EngineError> {
        let snapshot = &self.moment.borrow_dependent().snapshot;
        rows_of(|options| snapshot.raw_iterator_opt(options), range).map_err(|error| self.faults.met(&error))
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>, EngineError> {
        let snapshot = &self.moment.borrow_dependent().snapshot;
        last_of(|options| snapshot.raw_iterator_opt(options), from, to).map_err(|error| self.faults.met(&error))
    }
}

/// Reads the rows of a range.
pub(super) fn rows_of<'a>(
    iterate: impl FnOnce(ReadOptions) -> DBRawIterator<'a>,
    range: Range<'_>,
) -> Result<Vec<Row>, rocksdb::Error> {
    let mut found: Vec<Row> = Vec::new();
    if range.from >= range.to || range.limit == 0 {
        return Ok(found);
    }
    let mut rows = iterate(bounded(range.from, range.to));
    let mut bytes = 0_usize;
    rows.seek(range.from);
    while let Some((key, value)) = rows.item() {
        bytes = bytes.saturating_add(key.len() + value.len());
        if bytes > range.bytes_max && !found.is_empty() {
            return Ok(found);
        }
        found.push((key.to_vec(), value.to_vec()));
        if found.len() >= range.limit {
            return Ok(found);
        }
        rows.next();
    }
    // The end of the rows and a failure look alike until the status is asked for.
    rows.status()?;
    Ok(found)
}

/// Reads the last row from `from` to before `to`.
pub(super) fn last_of<'a>(
    iterate: impl FnOnce(ReadOptions) -> DBRawIterator<'a>,
    from: &[u8],
    to: &[u8],
) -> Result<Option<Row>, rocksdb::Error> {
    if from >= to {
        return Ok(None);
    }
    let mut rows = iterate(bounded(from, to));
    rows.seek_to_last();
    let found = rows.item().map(|(key, value)| (key.to_vec(), value.to_vec()));
    rows.status()?;
    Ok(found)
}

fn bounded(from: &[u8], to: &[u8]) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_iterate_lower_bound(from);
    options.set_iterate_upper_bound(to);
    options
}
