//! Text inside markup, and how figures are written.

use crate::check::Measured;
use crate::history::{Fault, Micros, Setting};

/// Escapes text for the inside of an element or of a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Nothing else below a space is allowed in markup.
            letter if letter.is_control() && !matches!(letter, '\n' | '\t') => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Writes a fault in a few words: "kill berlin".
pub fn label(setting: &Setting, fault: &Fault) -> String {
    let (kind, region) = (fault.kind.name(), setting.name(fault.region));
    match fault.other {
        Some(other) => format!("{kind} {region} – {}", setting.name(other)),
        None => format!("{kind} {region}"),
    }
}

/// Writes a count with a comma between thousands.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Writes how many there are of something, in the singular or the plural.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// Writes seconds to the tenth, which is as much as an operator compares.
pub fn tenths(micros: Micros) -> String {
    let tenths = (micros + 50_000) / 100_000;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

/// Writes how long something took.
pub fn measured(measured: Measured) -> String {
    match measured {
        Measured::After(0) => "at once".to_owned(),
        Measured::After(after) => tenths(after),
        Measured::NotIn(seen) => format!("not in {}", tenths(seen)),
        Measured::Unseen => "–".to_owned(),
    }
}
