//! Reading bodies and query strings: what is wrong is named by its field path. Knows no route.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::problem::Problem;

/// Reads a JSON body.
/// A problem names the path of the first field that is wrong.
pub(crate) fn json_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // The plain reader is the fast one; only a refused body is read again to learn where it went wrong.
    serde_json::from_slice(body).map_err(|plain| {
        let mut reader = serde_json::Deserializer::from_slice(body);
        match serde_path_to_error::deserialize::<_, T>(&mut reader) {
            Err(error) if error.inner().is_data() && error.path().iter().next().is_some() => {
                Problem::field(error.path(), error.inner())
            }
            _ => Problem::field("body", plain),
        }
    })
}

/// Refuses text that is empty or longer than `len_max` bytes.
pub(crate) fn checked_text(field: impl FnOnce() -> String, text: &str, len_max: usize) -> Result<(), Problem> {
    match text.len() {
        0 => Err(Problem::field(field(), "must not be empty")),
        len if len > len_max => Err(Problem::field(field(), format!("{len} bytes, at most {len_max}"))),
        _ => Ok(()),
    }
}

/// Makes a raw JSON value fit on one line. Line breaks in JSON stand only between tokens, so a blank means the same.
pub(crate) fn on_one_line(raw: Box<RawValue>) -> Box<RawValue> {
    if !raw.get().bytes().any(|byte| byte == b'\n' || byte == b'\r') {
        return raw;
    }
    let flat = raw.get().replace(['\n', '\r'], " ");
    RawValue::from_string(flat).expect("a blank may stand wherever a line break may stand in JSON")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "only its refusal matters")]
        items: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "only its refusal matters")]
        count: u32,
    }

    #[test]
    fn names_the_path_of_what_is_wrong() {
        let cases = [
            (r#"{"items":[{"count":1},{"count":"x"}]}"#, "items[1].count: invalid type"),
            (r#"{"items":[{}]}"#, "items[0]: missing field `count`"),
            (r#"{"#, "body: EOF"),
            (r#"{"items":[{"count":"#, "body: EOF"),
            (r#"[]"#, "body: invalid"),
            (r#"{"items":[]} x"#, "body: trailing characters"),
        ];
        for (body, wanted) in cases {
            let problem = json_body::<Outer>(body.as_bytes()).unwrap_err();
            assert!(problem.error().starts_with(wanted), "{body}: {problem:?}");
        }
    }

    #[test]
    fn a_value_over_several_lines_becomes_one_line_with_the_same_meaning() {
        let text = "{\r\n \"a\": [1,\n2], \"b\": \"x\\ny\"}";
        let raw = on_one_line(RawValue::from_string(text.into()).unwrap());
        assert!(!raw.get().contains(['\n', '\r']));
        let meaning = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(meaning(raw.get()), meaning(text));
    }
}
