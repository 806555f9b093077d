//! Where a group's log lies in the engine: `group u16, kind u8`, then an index for records and marks.

use std::sync::Arc;

use bytes::Bytes;
use model::id::GroupId;
use model::time::Timestamp;

use super::group::GroupLog;
use super::marks::Mark;
use super::meta_row::MetaRow;
use crate::engine::{Engine, Range};
use crate::error::{EngineError, StoreError};
use crate::keys::table_prefix;

/// The kinds of rows; never reused.
const KIND_META: u8 = 0;
const KIND_RECORD: u8 = 1;
const KIND_MARK: u8 = 2;
const KINDS_END: u8 = 3;

/// The key of the number of the last round of syncing. It sorts after those of all groups.
pub(super) const ROUND_KEY: [u8; 5] = [u8::MAX, u8::MAX, u8::MAX, u8::MAX, b'r'];

/// Reads the number of the last round of syncing; 0 when there was none.
pub(super) fn read_round(engine: &dyn Engine) -> Result<u64, EngineError> {
    let stored = engine.get(&ROUND_KEY)?;
    Ok(stored.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes))
}

pub(super) fn meta_key(group: GroupId, row: MetaRow) -> Vec<u8> {
    let letter = match row {
        MetaRow::Vote => b'v',
        MetaRow::Committed => b'c',
        MetaRow::Purged => b'p',
        MetaRow::Time => b't',
    };
    let mut key = table_prefix(group, KIND_META);
    key.push(letter);
    key
}

pub(super) fn record_key(group: GroupId, index: u64) -> Vec<u8> {
    indexed(group, KIND_RECORD, index)
}

pub(super) fn mark_key(group: GroupId, index: u64) -> Vec<u8> {
    indexed(group, KIND_MARK, index)
}

/// Returns the index of a record's or mark's key, or nothing when it is none.
pub(super) fn index_of(key: &[u8]) -> Option<u64> {
    key.get(3..).and_then(|index| index.try_into().ok()).map(u64::from_be_bytes)
}

pub(super) fn mark_value(mark: &Mark) -> Bytes {
    let mut value = Vec::with_capacity(16);
    value.extend_from_slice(&mark.at.0.to_be_bytes());
    value.extend_from_slice(&mark.bytes.to_be_bytes());
    value.into()
}

fn indexed(group: GroupId, kind: u8, index: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(11);
    key.extend_from_slice(&group.0.to_be_bytes());
    key.push(kind);
    key.extend_from_slice(&index.to_be_bytes());
    key
}

/// Reads what is kept in memory of a group's log.
pub(super) fn load(engine: &Arc<dyn Engine>, group: GroupId) -> Result<GroupLog, StoreError> {
    let meta = |row| Ok::<_, StoreError>(engine.get(&meta_key(group, row))?.map(Bytes::from));
    let (from, to) = (table_prefix(group, KIND_RECORD), table_prefix(group, KIND_MARK));
    let first = engine.scan(Range { from: &from, to: &to, limit: 1, bytes_max: usize::MAX })?;
    let last = engine.last(&from, &to)?;
    let bounds = match (first.first(), &last) {
        (Some((first, _)), Some((last, _))) => {
            let malformed = StoreError::Malformed { group, what: "log" };
            let first = index_of(first).ok_or_else(|| malformed.clone())?;
            Some((first, index_of(last).ok_or(malformed)?))
        }
        _ => None,
    };
    Ok(GroupLog::stored(bounds, load_marks(engine, group)?).with_meta(
        meta(MetaRow::Vote)?,
        meta(MetaRow::Committed)?,
        meta(MetaRow::Purged)?,
        meta(MetaRow::Time)?,
    ))
}

fn load_marks(engine: &Arc<dyn Engine>, group: GroupId) -> Result<Vec<Mark>, StoreError> {
    let (from, to) = (table_prefix(group, KIND_MARK), table_prefix(group, KINDS_END));
    let rows = engine.scan(Range { from: &from, to: &to, limit: usize::MAX, bytes_max: usize::MAX })?;
    rows.iter().map(|(key, value)| mark(key, value).ok_or(StoreError::Malformed { group, what: "log" })).collect()
}

fn mark(key: &[u8], value: &[u8]) -> Option<Mark> {
    let (at, bytes) = value.split_first_chunk::<8>()?;
    let bytes = u64::from_be_bytes(bytes.try_into().ok()?);
    Some(Mark { index: index_of(key)?, at: Timestamp(u64::from_be_bytes(*at)), bytes })
}
