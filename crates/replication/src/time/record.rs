//! The record of the cluster's time that a node keeps, in bytes: a form, the boot that the line belongs to, the line,
//! the era. With it a process that starts again within one boot of its machine goes on where it was.

use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use traffic::cluster_time::{Offset, Record};

/// The only form there is.
const FORM: u8 = 1;
/// How long a record has.
const LEN: usize = 1 + 16 + 16 + 8;
/// How far the line is from the stored one before that is written again. A start within one boot is off by no more.
pub(crate) const MOVED_MIN: Duration = Duration::from_millis(50);

/// Returns the record's bytes; nothing is stored of a line without a boot, nor without a line.
pub(crate) fn encode(record: Record, boot: Option<u128>) -> Option<Bytes> {
    let (line, boot) = record.line.zip(boot)?;
    let mut out = BytesMut::with_capacity(LEN);
    out.put_u8(FORM);
    out.put_u128(boot);
    out.put_i128(line.0);
    out.put_u64(record.era);
    Some(out.freeze())
}

/// Parses a record. Its line counts only in the boot that it was stored in; a record of an unknown form tells nothing.
pub(crate) fn decode(mut bytes: Bytes, boot: Option<u128>) -> Record {
    if bytes.len() != LEN || bytes.get_u8() != FORM {
        return Record::default();
    }
    let stored = bytes.get_u128();
    let line = Offset(bytes.get_i128());
    Record { line: (boot == Some(stored)).then_some(line), era: bytes.get_u64() }
}

/// Says whether what is stored is too old.
pub(crate) fn moved(stored: Record, now: Record) -> bool {
    let line_moved = match (stored.line, now.line) {
        (Some(stored), Some(now)) => stored.distance(now) >= MOVED_MIN,
        (None, now) => now.is_some(),
        (Some(_), None) => false,
    };
    line_moved || stored.era != now.era
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_within_its_boot_only() {
        let record = Record { line: Some(Offset(-5)), era: 7 };
        let bytes = encode(record, Some(1)).unwrap();
        assert_eq!(decode(bytes.clone(), Some(1)), record);
        assert_eq!(decode(bytes.clone(), Some(2)), Record { line: None, era: 7 });
        assert_eq!(decode(bytes.clone(), None), Record { line: None, era: 7 });
        assert_eq!(decode(bytes.slice(1..), Some(1)), Record::default());
        assert_eq!(encode(record, None), None);
    }

    #[test]
    fn it_is_written_again_when_the_line_or_the_era_moved() {
        let at = |ns| Record { line: Some(Offset(ns)), era: 1 };
        assert!(moved(Record::default(), at(0)));
        assert!(!moved(at(0), at(49_999_999)));
        assert!(moved(at(0), at(-50_000_000)));
        assert!(moved(at(0), Record { era: 2, ..at(0) }));
    }
}
