//! What the sandbox is shown of a message: the members that Pinpoint gives them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::content::{Content, Purpose};
use serde::Serialize;

/// A content as JSON.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Payload<'a> {
    Sms(SmsPayload<'a>),
    Email(EmailPayload<'a>),
    RawEmail(RawEmailPayload<'a>),
    Custom(CustomPayload<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SmsPayload<'a> {
    body: &'a str,
    message_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    origination_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EmailPayload<'a> {
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    html_part: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_part: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_address: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    reply_to_addresses: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawEmailPayload<'a> {
    /// Base64, as in Pinpoint's own JSON.
    raw_email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_address: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CustomPayload<'a> {
    data: &'a str,
}

impl Payload<'_> {
    /// Shows a content.
    pub(super) fn of(content: &Content) -> Payload<'_> {
        match content {
            Content::Sms { text, purpose, origination_number, sender_id } => Payload::Sms(SmsPayload {
                body: text,
                message_type: match purpose {
                    Purpose::Transactional => "TRANSACTIONAL",
                    Purpose::Promotional => "PROMOTIONAL",
                },
                origination_number: origination_number.as_deref(),
                sender_id: sender_id.as_deref(),
            }),
            Content::Email { subject, html, text, from, reply_to } => Payload::Email(EmailPayload {
                subject,
                html_part: html.as_deref(),
                text_part: text.as_deref(),
                from_address: from.as_deref(),
                reply_to_addresses: reply_to,
            }),
            Content::RawEmail { data, from } => {
                Payload::RawEmail(RawEmailPayload { raw_email: STANDARD.encode(data), from_address: from.as_deref() })
            }
            Content::Custom { data } => Payload::Custom(CustomPayload { data }),
        }
    }
}
