//! What a request says on each channel, in Pinpoint's order of precedence: the recipient's own body, the channel's
//! message, the default message.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::channel::Channel;
use model::content::{CUSTOM_SIZE_MAX, Content, Purpose, SMS_TEXT_MAX, Substitutions};

use super::error::RestError;
use super::json::{TextMap, given_texts};
use super::message_request::{DirectMessageConfiguration, EmailMessage, MessageRequest, SimpleEmailPart, SmsMessage};
use crate::limits::{self, ContentNames};

/// The channels that something can be said on.
const CHANNELS: [Channel; 3] = [Channel::Email, Channel::Sms, Channel::Custom];
const NAMES: ContentNames = ContentNames {
    sms_text: "SMSMessage.Body",
    origination_number: "SMSMessage.OriginationNumber",
    sender_id: "SMSMessage.SenderId",
    email: "EmailMessage.SimpleEmail",
    from: "EmailMessage.FromAddress",
    reply_to: "EmailMessage.ReplyToAddresses",
    raw_email: "EmailMessage.RawEmail.Data",
    custom: "CustomMessage.Data",
};

/// What a request says. The default message is for whichever channels the recipients have: where it is too long it
/// isn't said.
pub(super) struct Said<'r> {
    configuration: &'r DirectMessageConfiguration,
    default_body: Option<&'r str>,
}

impl<'r> Said<'r> {
    /// Takes what a request says.
    /// Refused when it says nothing at all, or names a template: those aren't offered.
    pub(super) fn of(request: &'r MessageRequest) -> Result<Said<'r>, RestError> {
        if request.template_configuration.as_ref().is_some_and(|templates| !templates.is_empty()) {
            let text = "templates are not offered by this server; give the content in MessageConfiguration";
            return Err(RestError::bad_request("TemplateConfiguration", text));
        }
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
    pub(super) fn contents(&self) -> Result<BTreeMap<Channel, Content>, RestError> {
        let mut contents = BTreeMap::new();
        for channel in CHANNELS {
            if let Some(content) = self.content(channel, None)? {
                contents.insert(channel, content);
            }
        }
        Ok(contents)
    }

    /// Returns what is said to a recipient that has a body of its own; nothing on a channel that can't say anything.
    pub(super) fn overridden(&self, channel: Channel, body: &str) -> Result<Option<Content>, RestError> {
        self.content(channel, Some(body))
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

    fn content(&self, channel: Channel, own: Option<&str>) -> Result<Option<Content>, RestError> {
        let content = match channel {
            Channel::Sms => self.sms(own)?,
            Channel::Email => self.email(own)?,
            Channel::Custom => self.custom(own),
            _ => None,
        };
        if let Some(content) = &content {
            limits::content(content, &NAMES)?;
        }
        Ok(content)
    }

    fn sms(&self, own: Option<&str>) -> Result<Option<Content>, RestError> {
        let empty = SmsMessage::default();
        let message = self.configuration.sms_message.as_ref().unwrap_or(&empty);
        let default = self.default_body.filter(|body| body.chars().count() <= SMS_TEXT_MAX);
        let Some(text) = own.or(message.body.as_deref()).or(default) else { return Ok(None) };
        let purpose = match message.message_type.as_deref() {
            None | Some("TRANSACTIONAL") => Purpose::Transactional,
            Some("PROMOTIONAL") => Purpose::Promotional,
            Some(other) => {
                let text = format!("TRANSACTIONAL or PROMOTIONAL is allowed, found {other:?}");
                return Err(RestError::bad_request("SMSMessage.MessageType", text));
            }
        };
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Ok(Some(Content::Sms {
            text: text.to_owned(),
            purpose,
            origination_number: given(&message.origination_number),
            sender_id: given(&message.sender_id),
        }))
    }

    fn email(&self, own: Option<&str>) -> Result<Option<Content>, RestError> {
        let empty = EmailMessage::default();
        let message = self.configuration.email_message.as_ref().unwrap_or(&empty);
        match message.raw_email.as_ref().and_then(|raw| raw.data.as_deref()) {
            Some(data) => match STANDARD.decode(data) {
                Ok(data) => Ok(Some(Content::RawEmail { data, from: message.from_address.clone() })),
                Err(reason) => Err(RestError::bad_request(NAMES.raw_email, format!("is no base64: {reason}"))),
            },
            None => Ok(self.simple_email(own, message)),
        }
    }

    fn simple_email(&self, own: Option<&str>, message: &EmailMessage) -> Option<Content> {
        let simple = message.simple_email.as_ref();
        let part = |part: Option<&SimpleEmailPart>| part.and_then(|part| part.data.clone());
        let subject = part(simple.and_then(|simple| simple.subject.as_ref())).unwrap_or_default();
        let (html, text) = match own {
            Some(own) => (None, Some(own.to_owned())),
            None => (
                part(simple.and_then(|simple| simple.html_part.as_ref())),
                part(simple.and_then(|simple| simple.text_part.as_ref())),
            ),
        };
        let text = match (&html, text) {
            (None, None) => message.body.as_deref().or(self.default_body).map(str::to_owned),
            (_, text) => text,
        };
        let says_something = html.is_some() || text.is_some();
        let reply_to = message.reply_to_addresses.clone().unwrap_or_default();
        says_something.then(|| Content::Email { subject, html, text, from: message.from_address.clone(), reply_to })
    }

    fn custom(&self, own: Option<&str>) -> Option<Content> {
        let message = self.configuration.custom_message.as_ref();
        let data = own.or(message.and_then(|message| message.data.as_deref()));
        let data = data.or(self.default_body.filter(|body| body.len() <= CUSTOM_SIZE_MAX));
        data.map(|data| Content::Custom { data: data.to_owned() })
    }
}

fn default_body(configuration: &DirectMessageConfiguration) -> Option<&str> {
    configuration.default_message.as_ref()?.body.as_deref().filter(|body| !body.is_empty())
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
