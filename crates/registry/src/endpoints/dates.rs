//! Dates as Pinpoint writes them.

use crate::time::Timestamp;

/// Writes a time as ISO 8601 in UTC with milliseconds, such as `2018-06-05T21:49:15.288Z`.
///
/// The date is counted in years that begin in March, so that the leap day is a year's last (H. Hinnant,
/// "chrono-compatible low-level date algorithms").
pub fn iso_8601(time: Timestamp) -> String {
    let (milliseconds, seconds) = (time.0 % 1_000, time.0 / 1_000);
    let (second, minute, hour) = (seconds % 60, seconds / 60 % 60, seconds / 3_600 % 24);
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_pinpoint_writes_them() {
        for (time, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (1_528_235_355_288, "2018-06-05T21:49:15.288Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso_8601(Timestamp(time)), text);
        }
    }
}
