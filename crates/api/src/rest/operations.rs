//! Finding the Pinpoint operation that a method and a path mean.

use percent_encoding::percent_decode_str;

use super::operation_table::OPERATIONS;

/// What a method and a path mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// An operation of Pinpoint, with the decoded values of its path's variables in their order.
    Operation { name: &'static str, values: Vec<String> },
    /// The path exists, with other methods.
    WrongMethod(Vec<&'static str>),
    /// A variable of the path isn't UTF-8 when decoded.
    NotText,
    /// No operation has such a path.
    Nothing,
}

/// Finds an operation. The path is as sent: a variable is split off before it is decoded, so that it may hold slashes.
/// One slash at the end is ignored, because AWS's own examples have it. Signing resolves `.` and `..`, so a path that
/// has them is nobody's: what is signed and what is done must be the same.
pub(super) fn find(method: &str, path: &str) -> Found {
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<&str> = path.split('/').collect();
    if segments.iter().any(|segment| matches!(*segment, "." | "..")) {
        return Found::Nothing;
    }
    let mut methods = Vec::new();
    for (name, wanted, pattern) in OPERATIONS {
        let Some(raw) = matched(pattern, &segments) else { continue };
        if wanted == method {
            let decoded: Result<Vec<String>, _> = raw
                .iter()
                .map(|segment| percent_decode_str(segment).decode_utf8().map(|text| text.into_owned()))
                .collect();
            return decoded.map_or(Found::NotText, |values| Found::Operation { name, values });
        }
        methods.push(wanted);
    }
    methods.sort_unstable();
    methods.dedup();
    if methods.is_empty() { Found::Nothing } else { Found::WrongMethod(methods) }
}

/// Returns the segments that stand at a pattern's variables, when the path has the pattern's form.
fn matched<'p>(pattern: &str, segments: &[&'p str]) -> Option<Vec<&'p str>> {
    let mut values = Vec::new();
    let mut given = segments.iter();
    for wanted in pattern.split('/') {
        let segment = given.next()?;
        if wanted.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            values.push(*segment);
        } else if wanted != *segment {
            return None;
        }
    }
    given.next().is_none().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_by_its_own_path() {
        for (name, method, pattern) in OPERATIONS {
            let path = pattern.replace(['{', '}'], "");
            match find(method, &path) {
                Found::Operation { name: found, .. } => assert_eq!(found, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_variable_may_hold_encoded_slashes() {
        let found = find("GET", "/v1/apps/a/endpoints/x%20y%2Fz%2B");
        assert_eq!(found, Found::Operation { name: "GetEndpoint", values: vec!["a".into(), "x y/z+".into()] });
    }

    #[test]
    fn what_is_no_operation_is_told_apart() {
        assert_eq!(find("PATCH", "/v1/apps/a"), Found::WrongMethod(vec!["DELETE", "GET"]));
        assert_eq!(find("GET", "/v1/no/such/thing"), Found::Nothing);
        assert_eq!(find("GET", "/v1/apps//endpoints/x"), Found::Nothing);
        assert_eq!(find("DELETE", "/v1/apps/a/endpoints/.."), Found::Nothing);
        assert_eq!(find("GET", "/v1/apps/a/endpoints/."), Found::Nothing);
        assert_eq!(find("GET", "/v1/apps/%ff"), Found::NotText);
        let validate = find("POST", "/v1/phone/number/validate/");
        assert_eq!(validate, Found::Operation { name: "PhoneNumberValidate", values: vec![] });
    }
}
