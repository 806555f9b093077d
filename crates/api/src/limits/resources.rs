//! Limits of apps, channels and endpoints, and of requests as a whole.

use std::collections::BTreeMap;

use model::app::{APP_NAME_MAX, ChannelDetail};
use model::command::PROPOSAL_BYTES_MAX;
use model::content::EMAIL_SIZE_MAX;
use model::endpoint::{
    ATTRIBUTE_NAME_MAX, ATTRIBUTE_VALUE_MAX, Attributes, ENDPOINT_SIZE_MAX, EndpointPatch, VALUES_MAX,
};
use service::ServiceError;
use service::addresses;

use super::values::{at_most, mailbox, on_one_line_if_given, some};

/// The largest body of a request, in bytes (Pinpoint: 7 MB).
pub const BODY_MAX: usize = 7 * 1024 * 1024;
/// The largest gRPC request about messages, in bytes: the largest email, and what its recipients have of their own.
pub(crate) const MESSAGES_REQUEST_MAX: usize = EMAIL_SIZE_MAX + PROPOSAL_BYTES_MAX;
/// The largest encoded request to change an endpoint, in bytes: room for the encoding and for members that are ignored.
pub(crate) const ENDPOINT_REQUEST_MAX: usize = 4 * ENDPOINT_SIZE_MAX;
/// The largest number of tags of an app (Pinpoint: 50).
const TAGS_MAX: usize = 50;
/// The longest name of a tag, in characters (AWS).
const TAG_NAME_MAX: usize = 128;
/// The longest value of a tag, in characters (AWS).
const TAG_VALUE_MAX: usize = 256;
/// The longest free text of a channel's settings (identities, ARNs, sender ids), in characters.
const SETTING_MAX: usize = 2_048;
/// The longest EffectiveDate, in characters.
const EFFECTIVE_DATE_MAX: usize = 64;

/// What a protocol calls the members of an endpoint's change.
pub(crate) struct PatchNames {
    pub(crate) attributes: &'static str,
    pub(crate) metrics: &'static str,
    pub(crate) user_attributes: &'static str,
    pub(crate) effective: &'static str,
}

/// What a protocol calls the members of a channel's settings.
pub(crate) struct ChannelNames {
    pub(crate) from_address: &'static str,
    pub(crate) identity: &'static str,
    pub(crate) configuration_set: &'static str,
    pub(crate) role_arn: &'static str,
    pub(crate) sender_id: &'static str,
    pub(crate) short_code: &'static str,
    pub(crate) default_country: &'static str,
}

/// Checks an app's name and tags.
pub(crate) fn app(name_field: &str, name: &str, tags: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    some(name_field, name.chars().count(), APP_NAME_MAX, "characters")?;
    at_most("tags", tags.len(), TAGS_MAX, "tags")?;
    for (name, value) in tags {
        some("tags", name.chars().count(), TAG_NAME_MAX, "characters of a name")?;
        at_most(&format!("tags.{name}"), value.chars().count(), TAG_VALUE_MAX, "characters")?;
    }
    Ok(())
}

/// Checks a channel's settings.
pub(crate) fn channel(detail: &ChannelDetail, names: &ChannelNames) -> Result<(), ServiceError> {
    let setting = |field: &str, text: Option<&String>| on_one_line_if_given(field, text, SETTING_MAX);
    match detail {
        ChannelDetail::Email { from_address, identity, configuration_set, role_arn } => {
            mailbox(names.from_address, from_address)?;
            setting(names.identity, Some(identity))?;
            setting(names.configuration_set, configuration_set.as_ref())?;
            setting(names.role_arn, role_arn.as_ref())
        }
        ChannelDetail::Sms { sender_id, short_code, default_country } => {
            setting(names.sender_id, sender_id.as_ref())?;
            setting(names.short_code, short_code.as_ref())?;
            match default_country {
                Some(country) if !addresses::has_numbering(*country) => {
                    let text = format!("{country} is no country with telephone numbers of its own");
                    Err(ServiceError::invalid(names.default_country, text))
                }
                _ => Ok(()),
            }
        }
        ChannelDetail::Custom => Ok(()),
    }
}

/// Checks a change of an endpoint. How large the endpoint becomes is checked when the change is applied.
pub(crate) fn patch(patch: &EndpointPatch, names: &PatchNames) -> Result<(), ServiceError> {
    attributes(names.attributes, &patch.attributes)?;
    attributes(names.user_attributes, &patch.user_attributes)?;
    for name in patch.metrics.keys() {
        attribute_name(names.metrics, name)?;
    }
    let effective = patch.effective.as_ref().map_or(0, |text| text.chars().count());
    at_most(names.effective, effective, EFFECTIVE_DATE_MAX, "characters")
}

fn attributes(field: &str, attributes: &Attributes) -> Result<(), ServiceError> {
    for (name, values) in attributes {
        attribute_name(field, name)?;
        at_most(&format!("{field}.{name}"), values.len(), VALUES_MAX, "values")?;
        for value in values {
            at_most(&format!("{field}.{name}"), value.chars().count(), ATTRIBUTE_VALUE_MAX, "characters of a value")?;
        }
    }
    Ok(())
}

fn attribute_name(field: &str, name: &str) -> Result<(), ServiceError> {
    some(field, name.chars().count(), ATTRIBUTE_NAME_MAX, "characters of a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tags_of_apps_are_bounded() {
        app("Name", &"n".repeat(64), &BTreeMap::new()).unwrap();
        for bad in ["", &"n".repeat(65)] {
            assert_eq!(app("Name", bad, &BTreeMap::new()).unwrap_err().field.as_deref(), Some("Name"));
        }
        let many = (0..51).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(app("Name", "n", &many).unwrap_err().field.as_deref(), Some("tags"));
        let long = BTreeMap::from([("team".to_owned(), "v".repeat(257))]);
        assert_eq!(app("Name", "n", &long).unwrap_err().field.as_deref(), Some("tags.team"));
    }
}
