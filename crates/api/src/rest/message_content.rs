//! What a request says on each channel, in Pinpoint's order of precedence: the recipient's own body, the channel's
//! message, the default message. What one member would hide of another is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::channel::Channel;
use model::content::{CUSTOM_SIZE_MAX, Content, Purpose, SMS_TEXT_MAX, SmsRegistration, Substitutions};
use service::ports::PreparedContent;

use super::error::RestError;
use super::json::{TextMap, given_texts};
use super::message_email::email;
use super::message_member::{NAMES, Named, Text};
use super::message_request::{DirectMessageConfiguration, MessageRequest, SmsMessage};
use crate::prepared::prepare;

/// The channels that something can be said on.
const CHANNELS: [Channel; 3] = [Channel::Email, Channel::Sms, Channel::Custom];
const DEFAULT_BODY: &str = "DefaultMessage.Body";

/// What a request says. The default message is for whichever channels the recipients have: where it is too long it
/// isn't said.
pub(super) struct Said<'r> {
    configuration: &'r DirectMessageConfiguration,
    default_body: Option<Text<'r>>,
}

impl<'r> Said<'r> {
    /// Takes what a request says.
    /// Refused when it says nothing at all.
    pub(super) fn of(request: &'r MessageRequest) -> Result<Said<'r>, RestError> {
        let Some(configuration) = &request.message_configuration else {
            return Err(RestError::bad_request("MessageConfiguration", "is required"));
        };
        let said = Said { configuration, default_body: default_body(configuration) };
        if says_nothing(configuration) && !has_override(request) {
            return Err(RestError::bad_request("MessageConfiguration", "says nothing for any channel"));
        }
        Ok(said)
    }

    /// Returns what is said on each channel.
    pub(super) fn contents(&self) -> Result<BTreeMap<Channel, Arc<dyn PreparedContent>>, RestError> {
        let mut contents = BTreeMap::new();
        for channel in CHANNELS {
            if let Some(content) = self.content(channel, None)? {
                contents.insert(channel, content);
            }
        }
        Ok(contents)
    }

    /// Returns what is said to a recipient that has a body of its own; nothing on a channel that can't say anything.
    pub(super) fn overridden(
        &self,
        channel: Channel,
        own: Text<'_>,
    ) -> Result<Option<Arc<dyn PreparedContent>>, RestError> {
        self.content(channel, Some(own))
    }

    /// Returns the values of variables for all recipients: those of the messages that are used.
    /// Refused when two channels give one name different values: a request's values are the same for all its channels.
    pub(super) fn substitutions(&self) -> Result<Substitutions, RestError> {
        let configuration = self.configuration;
        let default = configuration.default_message.as_ref();
        let maps: [(&str, Option<&TextMap>); 3] = [
            ("SMSMessage", configuration.sms_message.as_ref().and_then(|message| message.substitutions.as_ref())),
            ("EmailMessage", configuration.email_message.as_ref().and_then(|message| message.substitutions.as_ref())),
            ("DefaultMessage", default.and_then(|message| message.substitutions.as_ref())),
        ];
        let mut all = Substitutions::new();
        for (message, map) in maps {
            for (name, values) in given_texts(map.cloned()) {
                let before = all.get(&name).is_some_and(|known| *known != values);
                if before {
                    let text = "has another value in another message of this request; send it in a request of its own";
                    return Err(RestError::bad_request(&format!("{message}.Substitutions.{name}"), text));
                }
                all.insert(name, values);
            }
        }
        Ok(all)
    }

    fn content(&self, channel: Channel, own: Option<Text<'_>>) -> Result<Option<Arc<dyn PreparedContent>>, RestError> {
        let said = match channel {
            Channel::Sms => self.sms(own)?,
            Channel::Email => email(self.configuration.email_message.as_ref(), own, self.default_body)?,
            Channel::Custom => self.custom(own),
            _ => None,
        };
        Ok(said.map(|Named { content, member }| prepare(content, &Named::names(&member))).transpose()?)
    }

    fn sms(&self, own: Option<Text<'_>>) -> Result<Option<Named>, RestError> {
        let empty = SmsMessage::default();
        let message = self.configuration.sms_message.as_ref().unwrap_or(&empty);
        let purpose = match message.message_type.as_deref() {
            None | Some("TRANSACTIONAL") => Purpose::Transactional,
            Some("PROMOTIONAL") => Purpose::Promotional,
            Some(other) => {
                let text = format!("TRANSACTIONAL or PROMOTIONAL is allowed, found {other:?}");
                return Err(RestError::bad_request("SMSMessage.MessageType", text));
            }
        };
        let default = self.default_body.filter(|body| body.text.chars().count() <= SMS_TEXT_MAX);
        let body = message.body.as_deref().map(|text| Text { member: NAMES.sms_text, text });
        let Some(Text { member, text }) = own.or(body).or(default) else { return Ok(None) };
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let registration = SmsRegistration {
            keyword: given(&message.keyword),
            entity_id: given(&message.entity_id),
            template_id: given(&message.template_id),
        };
        let content = Content::Sms {
            text: text.to_owned(),
            purpose,
            origination_number: given(&message.origination_number),
            sender_id: given(&message.sender_id),
            registration,
        };
        Ok(Some(Named { content, member: member.to_owned() }))
    }

    fn custom(&self, own: Option<Text<'_>>) -> Option<Named> {
        let message = self.configuration.custom_message.as_ref().and_then(|message| message.data.as_deref());
        let data = message.map(|text| Text { member: NAMES.custom, text });
        let default = self.default_body.filter(|body| body.text.len() <= CUSTOM_SIZE_MAX);
        let Text { member, text } = own.or(data).or(default)?;
        Some(Named { content: Content::Custom { data: text.to_owned() }, member: member.to_owned() })
    }
}

fn default_body(configuration: &DirectMessageConfiguration) -> Option<Text<'_>> {
    let text = configuration.default_message.as_ref()?.body.as_deref().filter(|body| !body.is_empty())?;
    Some(Text { member: DEFAULT_BODY, text })
}

fn says_nothing(configuration: &DirectMessageConfiguration) -> bool {
    let DirectMessageConfiguration {
        sms_message,
        email_message,
        custom_message,
        default_message,
        adm_message,
        apns_message,
        baidu_message,
        default_push_notification_message,
        gcm_message,
        voice_message,
    } = configuration;
    let others =
        [adm_message, apns_message, baidu_message, default_push_notification_message, gcm_message, voice_message];
    sms_message.is_none()
        && email_message.is_none()
        && custom_message.is_none()
        && default_message.is_none()
        && others.into_iter().all(Option::is_none)
}

fn has_override(request: &MessageRequest) -> bool {
    let addresses = request.addresses.iter().flatten().filter_map(|(_, configuration)| configuration.as_ref());
    let endpoints = request.endpoints.iter().flatten().filter_map(|(_, configuration)| configuration.as_ref());
    addresses.map(|configuration| &configuration.body_override).any(Option::is_some)
        || endpoints.map(|configuration| &configuration.body_override).any(Option::is_some)
}

#[cfg(test)]
#[path = "message_content_tests.rs"]
mod tests;
