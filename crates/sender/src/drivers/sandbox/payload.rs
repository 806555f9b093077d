//! What the sandbox is shown of a message, as a provider would be: the members that Pinpoint gives them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::content::{Content, HeaderField, Purpose, SmsRegistration};
use serde::Serialize;

/// A message as JSON.
#[derive(Serialize)]
pub(super) struct Payload<'a> {
    #[serde(flatten)]
    content: ContentPayload<'a>,
    #[serde(rename = "TraceId", skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ContentPayload<'a> {
    Sms(SmsPayload<'a>),
    Email(EmailPayload<'a>),
    RawEmail(RawEmailPayload<'a>),
    Custom(CustomPayload<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SmsPayload<'a> {
    body: &'a str,
    message_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    origination_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keyword: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EmailPayload<'a> {
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    html_part: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_part: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_address: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    reply_to_addresses: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<HeaderPayload<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HeaderPayload<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RawEmailPayload<'a> {
    /// Base64, as in Pinpoint's own JSON.
    raw_email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_address: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CustomPayload<'a> {
    data: &'a str,
}

impl<'a> Payload<'a> {
    /// Shows a content and what its caller traces it by.
    pub(super) fn of(content: &'a Content, trace: Option<&'a str>) -> Payload<'a> {
        Payload { content: ContentPayload::of(content), trace }
    }
}

impl ContentPayload<'_> {
    fn of(content: &Content) -> ContentPayload<'_> {
        match content {
            Content::Sms { text, purpose, origination_number, sender_id, registration } => {
                let SmsRegistration { keyword, entity_id, template_id } = registration;
                ContentPayload::Sms(SmsPayload {
                    body: text,
                    message_type: message_type(*purpose),
                    origination_number: origination_number.as_deref(),
                    sender_id: sender_id.as_deref(),
                    keyword: keyword.as_deref(),
                    entity_id: entity_id.as_deref(),
                    template_id: template_id.as_deref(),
                })
            }
            Content::Email { subject, html, text, from, reply_to, headers } => ContentPayload::Email(EmailPayload {
                subject,
                html_part: html.as_deref(),
                text_part: text.as_deref(),
                from_address: from.as_deref(),
                reply_to_addresses: reply_to,
                headers: headers.iter().map(|HeaderField { name, value }| HeaderPayload { name, value }).collect(),
            }),
            Content::RawEmail { data, from } => ContentPayload::RawEmail(RawEmailPayload {
                raw_email: STANDARD.encode(data),
                from_address: from.as_deref(),
            }),
            Content::Custom { data } => ContentPayload::Custom(CustomPayload { data }),
        }
    }
}

fn message_type(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Transactional => "TRANSACTIONAL",
        Purpose::Promotional => "PROMOTIONAL",
    }
}
