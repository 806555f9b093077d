//! Times as they are typed: a whole number and a unit.

use std::time::Duration;

/// The longest wait that can be asked for.
const DURATION_MAX: Duration = Duration::from_secs(86_400);

/// Reads a time such as `10s`, `500ms`, `5m`, `72h` or `30` (seconds).
///
/// # Errors
/// When it is none, or none that is positive and at most a day.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = parse_any_duration(text)?;
    if duration > DURATION_MAX { Err("must be at most a day".to_owned()) } else { Ok(duration) }
}

/// Reads a time of any length; see [`parse_duration`].
///
/// # Errors
/// When it is none, or not positive.
pub fn parse_any_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a time such as 30s, 500ms, 5m or 2h".to_owned();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit_ms = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let ms = number.checked_mul(unit_ms).filter(|ms| *ms > 0).ok_or_else(wrong)?;
    Ok(Duration::from_millis(ms))
}
