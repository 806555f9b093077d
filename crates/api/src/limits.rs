//! Limits of single values, the same at both listeners. Each check takes the name that the caller's protocol has for
//! the member, so that its error names what the caller wrote. Limits that need state are checked when a change is
//! applied.

use std::collections::BTreeMap;

use model::app::{APP_NAME_MAX, ChannelDetail};
use model::channel::Channel;
use model::content::{CUSTOM_SIZE_MAX, Content, EMAIL_SIZE_MAX, SMS_TEXT_MAX};
use model::endpoint::{
    ATTRIBUTE_NAME_MAX, ATTRIBUTE_VALUE_MAX, Attributes, ENDPOINT_SIZE_MAX, EndpointPatch, VALUES_MAX,
};
use service::ServiceError;
use service::addresses::{self, Numbering};

/// The largest body of a request, in bytes (Pinpoint: 7 MB).
pub const BODY_MAX: usize = 7 * 1024 * 1024;
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
/// The longest mailbox with its name, in characters.
const MAILBOX_WITH_NAME_MAX: usize = 512;
/// The largest number of Reply-To mailboxes.
const REPLY_TO_MAX: usize = 50;
/// The longest sender id and origination number, in characters.
const SENDER_MAX: usize = 64;

/// What a protocol calls the members of an endpoint's change.
pub(crate) struct PatchNames {
    pub(crate) attributes: &'static str,
    pub(crate) metrics: &'static str,
    pub(crate) user_attributes: &'static str,
    pub(crate) effective: &'static str,
}

/// What a protocol calls the members of a content.
pub(crate) struct ContentNames {
    pub(crate) sms_text: &'static str,
    pub(crate) origination_number: &'static str,
    pub(crate) sender_id: &'static str,
    pub(crate) email: &'static str,
    pub(crate) from: &'static str,
    pub(crate) reply_to: &'static str,
    pub(crate) raw_email: &'static str,
    pub(crate) custom: &'static str,
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

/// Checks a number of things that must be at least one.
pub(crate) fn some(field: &str, found: usize, max: usize, unit: &str) -> Result<(), ServiceError> {
    if (1..=max).contains(&found) {
        Ok(())
    } else {
        Err(ServiceError::invalid(field, format!("1 to {max} {unit} are allowed, found {found}")))
    }
}

/// Checks a number of things that may be none.
fn at_most(field: &str, found: usize, max: usize, unit: &str) -> Result<(), ServiceError> {
    if found <= max {
        Ok(())
    } else {
        Err(ServiceError::invalid(field, format!("at most {max} {unit} are allowed, found {found}")))
    }
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
    let setting = |field: &str, text: Option<&String>| match text {
        Some(text) => some(field, text.chars().count(), SETTING_MAX, "characters"),
        None => Ok(()),
    };
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

/// Checks what a message says.
pub(crate) fn content(content: &Content, names: &ContentNames) -> Result<(), ServiceError> {
    let sender = |field: &str, text: Option<&String>| match text {
        Some(text) => some(field, text.chars().count(), SENDER_MAX, "characters"),
        None => Ok(()),
    };
    let from = |text: Option<&String>| text.map_or(Ok(()), |text| mailbox(names.from, text));
    match content {
        Content::Sms { text, origination_number, sender_id, .. } => {
            some(names.sms_text, text.chars().count(), SMS_TEXT_MAX, "characters")?;
            sender(names.origination_number, origination_number.as_ref())?;
            sender(names.sender_id, sender_id.as_ref())
        }
        Content::Email { subject, html, text, from: sender, reply_to } => {
            let parts = html.as_ref().map_or(0, String::len) + text.as_ref().map_or(0, String::len);
            if html.is_none() && text.is_none() {
                return Err(ServiceError::invalid(names.email, "an HTML or a text part is required"));
            }
            at_most(names.email, subject.len() + parts, EMAIL_SIZE_MAX, "bytes")?;
            from(sender.as_ref())?;
            at_most(names.reply_to, reply_to.len(), REPLY_TO_MAX, "mailboxes")?;
            reply_to.iter().try_for_each(|address| mailbox(names.reply_to, address))
        }
        Content::RawEmail { data, from: sender } => {
            some(names.raw_email, data.len(), EMAIL_SIZE_MAX, "bytes")?;
            from(sender.as_ref())
        }
        Content::Custom { data } => some(names.custom, data.len(), CUSTOM_SIZE_MAX, "bytes"),
    }
}

/// Checks a mailbox that a message comes from or answers go to: `local@domain`, or a name with that in angle brackets.
/// What could begin another header is refused.
fn mailbox(field: &str, text: &str) -> Result<(), ServiceError> {
    at_most(field, text.chars().count(), MAILBOX_WITH_NAME_MAX, "characters")?;
    if text.chars().any(char::is_control) {
        return Err(ServiceError::invalid(field, "control characters are not allowed"));
    }
    let bare = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((_, inside)) => inside,
        None => text,
    };
    match addresses::read(Channel::Email, bare, Numbering::Unknown) {
        Ok(_) => Ok(()),
        Err(reason) => Err(ServiceError::invalid(field, reason.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_allowed_in_mailboxes_and_line_breaks_are_not() {
        for fine in ["a@example.com", "Jo <a@example.com>", "\"Jo, Inc\" <a@example.com>"] {
            mailbox("from", fine).unwrap();
        }
        for bad in ["", "a", "Jo <a>", "Jo <a@example.com", "Jo\r\nBcc: x@y.z <a@example.com>"] {
            assert_eq!(mailbox("from", bad).unwrap_err().field.as_deref(), Some("from"), "{bad:?}");
        }
    }

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
