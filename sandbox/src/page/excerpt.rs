//! A short text out of a provider's document: what a recipient would read, if it can be found. Pure.

use serde_json::Value;

/// Characters of an excerpt.
const EXCERPT_CHARS_MAX: usize = 140;
/// Documents larger than this are not searched, only cut off.
const SEARCHED_BYTES_MAX: usize = 16 << 10;
/// Names under which providers carry text for people, in lower case, in the order to show them.
const TEXT_NAMES: [&str; 9] =
    ["subject", "title", "body", "text", "message", "messagebody", "content", "alert", "textpart"];

/// The texts for people in a JSON document, or its beginning if there are none.
pub(super) fn excerpt(payload: &str) -> String {
    let mut texts = Vec::new();
    if payload.len() <= SEARCHED_BYTES_MAX
        && let Ok(document) = serde_json::from_str(payload)
    {
        collect(&document, &mut texts);
    }
    texts.sort_by_key(|(rank, _)| *rank);
    let texts: Vec<_> = texts.into_iter().map(|(_, text)| text).collect();
    let whole = if texts.is_empty() { payload.to_owned() } else { texts.join(" · ") };
    cut(&whole)
}

/// Finds texts with the rank of their names. Depth is bounded by the JSON reader (128), their number by the document.
fn collect(value: &Value, texts: &mut Vec<(usize, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match (field, rank(name)) {
                    (Value::String(text), Some(rank)) if !text.is_empty() => texts.push((rank, text.clone())),
                    _ => collect(field, texts),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn rank(name: &str) -> Option<usize> {
    TEXT_NAMES.iter().position(|text_name| name.eq_ignore_ascii_case(text_name))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_people_read() {
        let cases = [
            (r#"{"Body":"hi","id":"x"}"#, "hi"),
            (r#"{"aps":{"alert":{"title":"T","body":"B"}},"token":"secret"}"#, "T · B"),
            (r#"{"parts":[{"Subject":"S"},{"text":"x"}]}"#, "S · x"),
            (r#"{"k":1}"#, r#"{"k":1}"#),
            (r#"{"body":""}"#, r#"{"body":""}"#),
            ("5", "5"),
        ];
        for (payload, wanted) in cases {
            assert_eq!(excerpt(payload), wanted);
        }
    }

    #[test]
    fn cuts_between_characters_and_survives_any_depth() {
        let long = excerpt(&format!(r#"{{"text":"{}"}}"#, "ä".repeat(500)));
        assert_eq!(long.chars().count(), EXCERPT_CHARS_MAX + 1);
        assert!(excerpt(&"[".repeat(5_000)).starts_with("[[["));
        assert!(excerpt(&format!("\"{}\"", "x".repeat(100_000))).ends_with('…'));
    }
}
