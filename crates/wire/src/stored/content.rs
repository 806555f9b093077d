//! What messages say.

use model::content::{Content, HeaderField, SmsRegistration, Substitutions};
use model::endpoint::Attributes;

use super::{Form, Writer};
use crate::error::InvalidField;
use crate::read::{code, required};
use crate::state;

impl Form for Content {
    type Generated = state::Content;

    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Content::Sms { text, purpose, origination_number, sender_id, registration } => writer.nested(1, |sms| {
                sms.text(1, text);
                sms.code(2, *purpose);
                sms.text_if_given(3, origination_number.as_deref());
                sms.text_if_given(4, sender_id.as_deref());
                sms.text_if_given(5, registration.keyword.as_deref());
                sms.text_if_given(6, registration.entity_id.as_deref());
                sms.text_if_given(7, registration.template_id.as_deref());
            }),
            Content::Email { subject, html, text, from, reply_to, headers } => writer.nested(2, |email| {
                email.text(1, subject);
                email.text_if_given(2, html.as_deref());
                email.text_if_given(3, text.as_deref());
                email.text_if_given(4, from.as_deref());
                reply_to.iter().for_each(|mailbox| email.text_given(5, mailbox));
                email.messages(6, headers);
            }),
            Content::RawEmail { data, from } => writer.nested(3, |email| {
                email.bytes(1, data);
                email.text_if_given(2, from.as_deref());
            }),
            Content::Custom { data } => writer.nested(4, |custom| custom.text(1, data)),
        }
    }

    fn read(row: state::Content) -> Result<Content, InvalidField> {
        use state::content::Content as Kind;
        Ok(match required(row.content, "content")? {
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
                headers: email.headers.into_iter().map(HeaderField::read).collect::<Result<_, _>>()?,
            },
            Kind::RawEmail(email) => Content::RawEmail { data: email.data.into(), from: email.from },
            Kind::Custom(custom) => Content::Custom { data: custom.data },
        })
    }
}

impl Form for HeaderField {
    type Generated = state::HeaderField;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.text(1, &self.name);
        writer.text(2, &self.value);
    }

    fn read(row: state::HeaderField) -> Result<HeaderField, InvalidField> {
        Ok(HeaderField { name: row.name, value: row.value })
    }
}

/// Parses a map of lists of texts.
pub(super) fn lists(map: std::collections::BTreeMap<String, state::Texts>) -> Substitutions {
    map.into_iter().map(|(name, texts)| (name, texts.values)).collect()
}

impl Form for Attributes {
    type Generated = state::Attributes;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.lists(1, self);
    }

    fn read(row: state::Attributes) -> Result<Attributes, InvalidField> {
        Ok(lists(row.attributes))
    }
}
