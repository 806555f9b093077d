//! Parsing bodies. Members that Pinpoint doesn't have are ignored and `null` means "not given", because SDKs of later
//! dates send the one and Java and Go clients the other. Everything else that doesn't fit is refused with the path of
//! the member: so are the members of Pinpoint's that aren't offered ([`NotOffered`]), which nobody is to believe done.

use std::collections::BTreeMap;

use serde::de::{Deserialize, DeserializeOwned, Deserializer};

use super::error::RestError;

/// Parses a body.
/// An error names the path of the member that is missing or has the wrong type.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, RestError> {
    // Tracking the path costs on every member: only a body that is wrong is read a second time, with it.
    serde_json::from_slice(body).map_err(|_| refusal::<T>(body))
}

fn refusal<T: DeserializeOwned>(body: &[u8]) -> RestError {
    let mut reader = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => RestError::bad_request("", "the body goes on after its JSON document."),
        Err(error) => {
            let path = error.path().to_string();
            let inner = error.into_inner();
            if inner.is_data() && path != "." {
                RestError::bad_request(&path, inner.to_string())
            } else {
                RestError::bad_request("", format!("the body can't be read: {inner}."))
            }
        }
    }
}

/// A member of Pinpoint's that isn't offered. `Option<NotOffered>` takes the absent and the `null`; whoever gives it a
/// value is refused by its path. A contract test holds the members of messages against AWS's service model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotOffered {}

impl<'de> Deserialize<'de> for NotOffered {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<NotOffered, D::Error> {
        Err(serde::de::Error::custom("isn't offered by this server; leave it out"))
    }
}

/// A list of texts; a single text stands for a list of one, as in the AWS CLI's own examples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Texts(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
        deserializer.deserialize_any(TextsVisitor).map(Texts)
    }
}

struct TextsVisitor;

impl<'de> serde::de::Visitor<'de> for TextsVisitor {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of strings")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::with_capacity(list.size_hint().unwrap_or(0).min(64));
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(texts)
    }
}

/// A map of lists, where an entry of `null` isn't given.
pub(super) type TextMap = BTreeMap<String, Option<Texts>>;

/// Takes the entries that are given.
pub(super) fn given<T>(map: Option<BTreeMap<String, Option<T>>>) -> impl Iterator<Item = (String, T)> {
    map.into_iter().flatten().filter_map(|(name, value)| value.map(|value| (name, value)))
}

/// Takes the lists that are given.
pub(super) fn given_texts(map: Option<TextMap>) -> BTreeMap<String, Vec<String>> {
    given(map).map(|(name, texts)| (name, texts.0)).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Sample {
        name: String,
        map: Option<TextMap>,
        inner: Option<Inner>,
        media: Option<NotOffered>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Inner {
        count: Option<u32>,
    }

    fn refused(body: &str) -> String {
        parse::<Sample>(body.as_bytes()).unwrap_err().message
    }

    #[test]
    fn unknown_members_and_nulls_are_passed_over() {
        let sample: Sample =
            parse(br#"{"Name":"n","Future":{"a":[1]},"Inner":null,"Map":{"a":"one","b":["x","y"],"c":null}}"#).unwrap();
        assert_eq!(sample.inner, None);
        let map = given_texts(sample.map);
        assert_eq!(map, BTreeMap::from([("a".into(), vec!["one".into()]), ("b".into(), vec!["x".into(), "y".into()])]));
    }

    #[test]
    fn what_is_not_offered_is_named_by_its_path() {
        assert_eq!(parse::<Sample>(br#"{"Name":"n","Media":null}"#).unwrap().media, None);
        for value in ["\"x\"", "7", "true", "[]", "{}", "{\"a\":[1,{\"b\":null}]}"] {
            let refused = refused(&format!(r#"{{"Name":"n","Media":{value}}}"#));
            assert!(refused.starts_with("Media: isn't offered by this server"), "{refused}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_by_its_path() {
        assert_eq!(refused(r#"{"Name":7}"#), "Name: invalid type: integer `7`, expected a string at line 1 column 9");
        assert!(refused("{}").contains("missing field `Name`"));
        assert!(refused(r#"{"Name":"n","Inner":{"Count":-1}}"#).starts_with("Inner.Count: "));
        assert!(refused(r#"{"Name":"n","Map":{"a":[1]}}"#).starts_with("Map.a"));
        for body in ["{nope", "", "[]", "\"text\"", "{\"Name\":\"n\"} x", "\u{0}", &"[".repeat(10_000)] {
            assert!(!refused(body).is_empty(), "{body:?}");
        }
    }
}
