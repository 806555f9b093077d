//! Pinpoint's `MessageRequest`: every member of it, so that none is passed over. What isn't offered has a type that
//! refuses it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::json::{NotOffered, TextMap};

/// A map of texts, where an entry of `null` isn't given.
pub(super) type Context = BTreeMap<String, Option<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct MessageRequest {
    pub(super) addresses: Option<BTreeMap<String, Option<AddressConfiguration>>>,
    pub(super) context: Option<Context>,
    pub(super) endpoints: Option<BTreeMap<String, Option<EndpointSendConfiguration>>>,
    pub(super) message_configuration: Option<DirectMessageConfiguration>,
    pub(super) template_configuration: Option<TemplateConfiguration>,
    trace_id: Option<String>,
}

impl MessageRequest {
    /// Returns what the messages are traced by; an empty text is nothing.
    pub(super) fn trace_id(&self) -> Option<&String> {
        self.trace_id.as_ref().filter(|id| !id.is_empty())
    }
}

/// Templates of content, none of which is offered.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct TemplateConfiguration {
    email_template: Option<NotOffered>,
    in_app_template: Option<NotOffered>,
    push_template: Option<NotOffered>,
    #[serde(rename = "SMSTemplate")]
    sms_template: Option<NotOffered>,
    voice_template: Option<NotOffered>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct AddressConfiguration {
    pub(super) body_override: Option<String>,
    pub(super) channel_type: Option<String>,
    pub(super) context: Option<Context>,
    pub(super) raw_content: Option<String>,
    pub(super) substitutions: Option<TextMap>,
    pub(super) title_override: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct EndpointSendConfiguration {
    pub(super) body_override: Option<String>,
    pub(super) context: Option<Context>,
    pub(super) raw_content: Option<String>,
    pub(super) substitutions: Option<TextMap>,
    pub(super) title_override: Option<String>,
}

/// What is said on each channel. Messages of channels that aren't offered count as content, so that their recipients
/// are told that the channel isn't enabled; what they say isn't looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct DirectMessageConfiguration {
    #[serde(rename = "SMSMessage")]
    pub(super) sms_message: Option<SmsMessage>,
    pub(super) email_message: Option<EmailMessage>,
    pub(super) custom_message: Option<CustomMessage>,
    pub(super) default_message: Option<DefaultMessage>,
    #[serde(rename = "ADMMessage")]
    pub(super) adm_message: Option<IgnoredAny>,
    #[serde(rename = "APNSMessage")]
    pub(super) apns_message: Option<IgnoredAny>,
    pub(super) baidu_message: Option<IgnoredAny>,
    pub(super) default_push_notification_message: Option<IgnoredAny>,
    #[serde(rename = "GCMMessage")]
    pub(super) gcm_message: Option<IgnoredAny>,
    pub(super) voice_message: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct DefaultMessage {
    pub(super) body: Option<String>,
    pub(super) substitutions: Option<TextMap>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SmsMessage {
    pub(super) body: Option<String>,
    pub(super) entity_id: Option<String>,
    pub(super) keyword: Option<String>,
    media_url: Option<NotOffered>,
    pub(super) message_type: Option<String>,
    pub(super) origination_number: Option<String>,
    pub(super) sender_id: Option<String>,
    pub(super) substitutions: Option<TextMap>,
    pub(super) template_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct EmailMessage {
    pub(super) body: Option<String>,
    /// What bounces and complaints say is told by events instead.
    feedback_forwarding_address: Option<NotOffered>,
    pub(super) from_address: Option<String>,
    pub(super) raw_email: Option<RawEmail>,
    pub(super) reply_to_addresses: Option<Vec<String>>,
    pub(super) simple_email: Option<SimpleEmail>,
    pub(super) substitutions: Option<TextMap>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RawEmail {
    pub(super) data: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SimpleEmail {
    pub(super) headers: Option<Vec<MessageHeader>>,
    pub(super) html_part: Option<SimpleEmailPart>,
    pub(super) subject: Option<SimpleEmailPart>,
    pub(super) text_part: Option<SimpleEmailPart>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MessageHeader {
    pub(super) name: String,
    pub(super) value: String,
}

/// A part of an email.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SimpleEmailPart {
    pub(super) charset: Option<String>,
    pub(super) data: Option<String>,
}

/// A document for a custom channel; Pinpoint has it in campaigns only.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CustomMessage {
    pub(super) data: Option<String>,
}
