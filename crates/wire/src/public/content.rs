//! What messages say.

use model::content::{HeaderField, SmsRegistration};
use model::{Channel, Content};

use crate::codes::Coded as _;
use crate::error::InvalidField;
use crate::read::{code, required};
use crate::v1;
use crate::v1::content::Content as Kind;

impl TryFrom<v1::Content> for Content {
    type Error = InvalidField;

    fn try_from(content: v1::Content) -> Result<Content, InvalidField> {
        Ok(match required(content.content, "content")? {
            Kind::Sms(sms) => Content::Sms {
                text: sms.text,
                purpose: code(sms.purpose, "sms.purpose")?,
                origination_number: sms.origination_number,
                sender_id: sms.sender_id,
                registration: SmsRegistration {
                    keyword: sms.keyword,
                    entity_id: sms.entity_id,
                    template_id: sms.template_id,
                },
            },
            Kind::Email(email) => Content::Email {
                subject: email.subject,
                html: email.html,
                text: email.text,
                from: email.from,
                reply_to: email.reply_to,
                headers: email.headers.into_iter().map(header_field).collect(),
            },
            Kind::RawEmail(email) => Content::RawEmail { data: email.data.into(), from: email.from },
            Kind::Custom(custom) => Content::Custom { data: custom.data },
        })
    }
}

impl From<Content> for v1::Content {
    fn from(content: Content) -> v1::Content {
        let kind = match content {
            Content::Sms { text, purpose, origination_number, sender_id, registration } => {
                let SmsRegistration { keyword, entity_id, template_id } = registration;
                let purpose = purpose.wire_code();
                Kind::Sms(v1::SmsContent {
                    text,
                    purpose,
                    origination_number,
                    sender_id,
                    keyword,
                    entity_id,
                    template_id,
                })
            }
            Content::Email { subject, html, text, from, reply_to, headers } => {
                let headers = headers.into_iter().map(|HeaderField { name, value }| v1::HeaderField { name, value });
                Kind::Email(v1::EmailContent { subject, html, text, from, reply_to, headers: headers.collect() })
            }
            Content::RawEmail { data, from } => Kind::RawEmail(v1::RawEmailContent { data: data.into(), from }),
            Content::Custom { data } => Kind::Custom(v1::CustomContent { data }),
        };
        v1::Content { content: Some(kind) }
    }
}

fn header_field(field: v1::HeaderField) -> HeaderField {
    HeaderField { name: field.name, value: field.value }
}

/// Returns the channel through which a content goes.
pub fn channel_of(content: &Content) -> Channel {
    match content {
        Content::Sms { .. } => Channel::Sms,
        Content::Email { .. } | Content::RawEmail { .. } => Channel::Email,
        Content::Custom { .. } => Channel::Custom,
    }
}
