//! The endpoint's values that a content's variables name. A message stores those alone, so that it says what the
//! endpoint said when the message was accepted.

use std::collections::BTreeMap;

use model::content::{Content, Substitutions};
use model::endpoint::{Attributes, Endpoint};

/// Returns the values that `content` names of an endpoint and its user, by the names that the content uses
/// (`Attributes.Color`, `User.UserAttributes.FirstName`, `Address`, ...).
pub(super) fn endpoint_values(content: &Content, endpoint: &Endpoint, user: &Attributes) -> Substitutions {
    let mut values = Substitutions::new();
    for text in texts(content) {
        for name in names(text) {
            if let Some(value) = value(name, endpoint, user) {
                values.insert(name.to_owned(), value);
            }
        }
    }
    values
}

fn texts(content: &Content) -> Vec<&str> {
    match content {
        Content::Sms { text, .. } => vec![text],
        Content::Email { subject, html, text, headers, from: _, reply_to: _ } => {
            let parts = [Some(subject), html.as_ref(), text.as_ref()].into_iter().flatten().map(String::as_str);
            parts.chain(headers.iter().map(|header| header.value.as_str())).collect()
        }
        Content::Custom { data } => vec![data],
        Content::RawEmail { .. } => Vec::new(),
    }
}

/// Lists the dotted names inside `{{...}}`.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}").map(|(inside, _)| inside))
        .flat_map(|inside| {
            inside
                .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '{' | '}' | '=' | '#' | '/' | '&' | '~'))
        })
        .map(|name| name.split(".[").next().unwrap_or(name))
        .filter(|name| !name.is_empty())
}

fn value(name: &str, endpoint: &Endpoint, user: &Attributes) -> Option<Vec<String>> {
    if let Some(attribute) = name.strip_prefix("User.UserAttributes.") {
        return user.get(attribute).cloned();
    }
    if let Some(attribute) = name.strip_prefix("Attributes.") {
        return endpoint.attributes.get(attribute).cloned();
    }
    if let Some(metric) = name.strip_prefix("Metrics.") {
        return endpoint.metrics.get(metric).map(|metric| vec![metric.value().to_string()]);
    }
    single(name, endpoint).map(|value| vec![value])
}

fn single(name: &str, endpoint: &Endpoint) -> Option<String> {
    let device = &endpoint.demographic;
    let place = &endpoint.location;
    let target = endpoint.target.as_ref();
    let text: BTreeMap<&str, Option<&str>> = BTreeMap::from([
        ("Address", target.map(|target| target.as_written())),
        ("ChannelType", target.map(|target| target.channel.as_str())),
        ("Demographic.AppVersion", device.app_version.as_deref()),
        ("Demographic.Locale", device.locale.as_deref()),
        ("Demographic.Make", device.make.as_deref()),
        ("Demographic.Model", device.model.as_deref()),
        ("Demographic.ModelVersion", device.model_version.as_deref()),
        ("Demographic.Platform", device.platform.as_deref()),
        ("Demographic.PlatformVersion", device.platform_version.as_deref()),
        ("Demographic.Timezone", device.timezone.as_deref()),
        ("EffectiveDate", Some(endpoint.effective.as_str())),
        ("Id", Some(endpoint.display_id.as_str())),
        ("Location.City", place.city.as_deref()),
        ("Location.Country", place.country.as_deref()),
        ("Location.PostalCode", place.postal_code.as_deref()),
        ("Location.Region", place.region.as_deref()),
        ("User.UserId", endpoint.user.as_ref().map(|user| user.as_str())),
    ]);
    text.get(name).copied().flatten().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use model::content::HeaderField;

    use super::*;

    #[test]
    fn names_are_found_inside_braces_and_helpers() {
        let text =
            "Hi {{User.UserAttributes.First.[0]}}, {{capitalize Attributes.Color}} {{{Address}}} {{#if Id}}x{{/if}} {{";
        let found: Vec<_> = names(text).collect();
        for wanted in ["User.UserAttributes.First", "Attributes.Color", "Address", "Id"] {
            assert!(found.contains(&wanted), "{wanted} in {found:?}");
        }
        let bare: Vec<_> = names("{{&Attributes.A}} {{~Attributes.B~}}").collect();
        assert_eq!(bare, ["Attributes.A", "Attributes.B"]);
    }

    #[test]
    fn every_part_of_an_email_with_variables_is_looked_at() {
        let variable = |name: &str| format!("{{{{{name}}}}}");
        let email = Content::Email {
            subject: variable("a"),
            html: Some(variable("b")),
            text: Some(variable("c")),
            from: None,
            reply_to: Vec::new(),
            headers: vec![HeaderField { name: "X".to_owned(), value: variable("d") }],
        };
        let found: Vec<_> = texts(&email).into_iter().flat_map(names).collect();
        assert_eq!(found, ["a", "b", "c", "d"]);
    }
}
