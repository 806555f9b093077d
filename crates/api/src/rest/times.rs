//! The two forms in which times travel: ISO 8601 with milliseconds in bodies, the basic form in signatures.

use model::time::Timestamp;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const BODY: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const SIGNATURE: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

/// Writes a time as bodies have it, such as `2018-06-05T21:49:15.288Z`; the first moment of 1970 for times that have no
/// four-digit year.
pub(super) fn body_time(at: Timestamp) -> String {
    written(at, BODY)
}

/// Writes a time as signatures have it, such as `20180605T214915Z`.
pub(super) fn signature_time(at: Timestamp) -> String {
    written(at, SIGNATURE)
}

/// Reads a time as signatures have it; nothing when the text is no such time or lies before 1970.
pub(super) fn parse_signature_time(text: &str) -> Option<Timestamp> {
    let at = time::PrimitiveDateTime::parse(text, SIGNATURE).ok()?.assume_utc();
    u64::try_from(at.unix_timestamp()).ok().map(|seconds| Timestamp(seconds * 1_000))
}

fn written(at: Timestamp, format: &[BorrowedFormatItem<'_>]) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000)
        .ok()
        .filter(|moment| moment.year() <= 9_999)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_their_readers_expect() {
        assert_eq!(body_time(Timestamp(1_528_235_355_288)), "2018-06-05T21:49:15.288Z");
        assert_eq!(body_time(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(body_time(Timestamp(u64::MAX)), "1970-01-01T00:00:00.000Z");
        assert_eq!(parse_signature_time("20180605T214915Z"), Some(Timestamp(1_528_235_355_000)));
        assert_eq!(signature_time(Timestamp(1_528_235_355_000)), "20180605T214915Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in ["", "20180605", "20181305T214915Z", "19690605T214915Z", "2018-06-05T21:49:15Z", "20180605T214915Zx"]
        {
            assert_eq!(parse_signature_time(bad), None, "{bad:?}");
        }
    }
}
