//! The journal's bytes: records one after the other, each with its length and a hash. The first one names the machine's
//! boot. Numbers are big-endian.
//!
//! A process that was killed while it appended leaves a record without its end; what that was to say had not happened.
//! Anything else that doesn't fit means that the journal can't be trusted.

use model::address::stable_hash;
use model::{GroupId, Incarnation, MessageId};

/// What a journal begins with, with the version of its form.
const MAGIC: &[u8; 16] = b"signalbox-begun1";
/// The largest number of dispatches in one record.
const BEGUN_MAX: usize = 1_000;
/// The bytes in front of a record: its length, the same with every bit turned, so that a wrong one isn't taken for a
/// record without its end; and a hash over the record.
const FRAME_BYTES: usize = 16;

/// A dispatch of a message by its number, which is 1 for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Begun {
    pub message: MessageId,
    pub attempt: u32,
}

/// One thing that the journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// The boot of the machine on which the journal was begun. The first record, and only that.
    Boot(u128),
    /// An incarnation of the node claims in a group from here on; nothing that is said before is of interest there.
    Announced(GroupId, Incarnation),
    /// Dispatches are about to begin.
    Begun(Vec<Begun>),
    /// They did not begin after all.
    Withdrawn(Vec<Begun>),
}

/// Says that bytes are not what a journal can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("record at byte {at} is malformed")]
pub(super) struct Malformed {
    /// Where the record begins.
    pub at: usize,
}

impl Record {
    /// Returns records that say that dispatches begin.
    pub(super) fn begun(begun: &[Begun]) -> impl Iterator<Item = Record> + '_ {
        begun.chunks(BEGUN_MAX).map(|chunk| Record::Begun(chunk.to_vec()))
    }

    /// Appends the record's bytes.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let frame = bytes.len();
        bytes.extend([0; FRAME_BYTES]);
        match self {
            Record::Boot(boot) => {
                bytes.push(0);
                bytes.extend(MAGIC);
                bytes.extend(boot.to_be_bytes());
            }
            Record::Announced(group, incarnation) => {
                bytes.push(1);
                bytes.extend(group.0.to_be_bytes());
                bytes.extend(incarnation.0.to_be_bytes());
            }
            Record::Begun(begun) => write_list(bytes, 2, begun),
            Record::Withdrawn(begun) => write_list(bytes, 3, begun),
        }
        let record = &bytes[frame + FRAME_BYTES..];
        let len = u32::try_from(record.len()).expect("a record has at most BEGUN_MAX dispatches");
        let hash = stable_hash(record);
        bytes[frame..frame + 4].copy_from_slice(&len.to_be_bytes());
        bytes[frame + 4..frame + 8].copy_from_slice(&(!len).to_be_bytes());
        bytes[frame + 8..frame + 16].copy_from_slice(&hash.to_be_bytes());
    }
}

fn write_list(bytes: &mut Vec<u8>, kind: u8, list: &[Begun]) {
    bytes.push(kind);
    for begun in list {
        bytes.extend(begun.message.0.to_be_bytes());
        bytes.extend(begun.attempt.to_be_bytes());
    }
}

/// Reads all records; one without its end at the end is left out.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Record>, Malformed> {
    let mut records = Vec::new();
    let mut at = 0;
    while let Some((len, hash)) = frame(&bytes[at..]).map_err(|_| Malformed { at })? {
        let Some(record) = bytes[at + FRAME_BYTES..].get(..len) else { break };
        let read = (stable_hash(record) == hash).then(|| parse(record)).flatten();
        records.push(read.ok_or(Malformed { at })?);
        at += FRAME_BYTES + len;
    }
    Ok(records)
}

/// Reads what stands in front of a record: nothing when that lacks its end.
fn frame(bytes: &[u8]) -> Result<Option<(usize, u64)>, ()> {
    let number = |bytes: &[u8; 4]| u32::from_be_bytes(*bytes);
    let Some((len, rest)) = bytes.split_first_chunk().map(|(len, rest)| (number(len), rest)) else { return Ok(None) };
    let Some((turned, rest)) = rest.split_first_chunk().map(|(turned, rest)| (number(turned), rest)) else {
        return Ok(None);
    };
    if turned != !len {
        return Err(());
    }
    let hash = rest.first_chunk().map(|hash| u64::from_be_bytes(*hash));
    Ok(hash.zip(usize::try_from(len).ok()).map(|(hash, len)| (len, hash)))
}

fn parse(record: &[u8]) -> Option<Record> {
    let (kind, rest) = record.split_first()?;
    Some(match kind {
        0 => Record::Boot(u128::from_be_bytes(rest.strip_prefix(MAGIC)?.try_into().ok()?)),
        1 => {
            let (group, incarnation) = rest.split_first_chunk()?;
            let incarnation = u64::from_be_bytes(incarnation.try_into().ok()?);
            Record::Announced(GroupId(u16::from_be_bytes(*group)), Incarnation(incarnation))
        }
        2 => Record::Begun(parse_list(rest)?),
        3 => Record::Withdrawn(parse_list(rest)?),
        _ => return None,
    })
}

fn parse_list(bytes: &[u8]) -> Option<Vec<Begun>> {
    let (entries, rest) = bytes.as_chunks::<20>();
    let parse = |entry: &[u8; 20]| {
        let (message, attempt) = entry.split_first_chunk()?;
        let attempt = u32::from_be_bytes(attempt.try_into().ok()?);
        Some(Begun { message: MessageId(u128::from_be_bytes(*message)), attempt })
    };
    rest.is_empty().then(|| entries.iter().map(parse).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = Record> {
        let list = || {
            let begun = (any::<u128>(), any::<u32>());
            let list = prop::collection::vec(begun, 0..5);
            list.prop_map(|list| {
                list.into_iter().map(|(id, attempt)| Begun { message: MessageId(id), attempt }).collect()
            })
        };
        prop_oneof![
            any::<u128>().prop_map(Record::Boot),
            (any::<u16>(), any::<u64>())
                .prop_map(|(group, start)| Record::Announced(GroupId(group), Incarnation(start))),
            list().prop_map(Record::Begun),
            list().prop_map(Record::Withdrawn),
        ]
    }

    fn bytes(records: &[Record]) -> Vec<u8> {
        let mut bytes = Vec::new();
        records.iter().for_each(|record| record.write(&mut bytes));
        bytes
    }

    proptest! {
        #[test]
        fn records_come_back_and_a_torn_end_is_left_out(records in prop::collection::vec(record(), 0..6), cut in any::<prop::sample::Index>()) {
            let written = bytes(&records);
            prop_assert_eq!(read(&written).unwrap(), records.clone());
            let torn = &written[..cut.index(written.len() + 1)];
            let found = read(torn).unwrap();
            prop_assert_eq!(&found[..], &records[..found.len()]);
            prop_assert!(torn.len() - bytes(&found).len() < bytes(&records[found.len()..]).len().max(1));
        }

        #[test]
        fn a_bit_that_turned_is_noticed(records in prop::collection::vec(record(), 1..6), place in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let mut written = bytes(&records);
            let place = place.index(written.len());
            written[place] ^= 1 << bit;
            prop_assert!(read(&written).is_err());
        }
    }

    #[test]
    fn the_bytes_are_these() {
        let begun = Begun { message: MessageId(1), attempt: 2 };
        let written = bytes(&[Record::Announced(GroupId(3), Incarnation(4)), Record::Begun(vec![begun])]);
        let hex: String = written.iter().map(|byte| format!("{byte:02x}")).collect();
        let announced = "0000000bfffffff4e1f4474e32f6da4b0100030000000000000004";
        let list = "00000015ffffffea6389c50ee7d04247020000000000000000000000000000000100000002";
        assert_eq!(hex, announced.to_owned() + list);
    }
}
