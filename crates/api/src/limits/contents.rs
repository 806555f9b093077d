//! Limits of what a message says.

use model::content::{
    CUSTOM_SIZE_MAX, Content, EMAIL_SIZE_MAX, HEADER_VALUE_MAX, HEADERS_MAX, HeaderField, SMS_TEXT_MAX,
    SmsRegistration, breaks_line,
};
use render::Part;
use service::ServiceError;

use super::values::{at_most, mailbox, on_one_line, on_one_line_if_given, some};

/// The longest sender id, origination number, and other text that carriers know an SMS by, in characters.
const SENDER_MAX: usize = 64;
/// The longest id that messages are traced by, in characters.
const TRACE_MAX: usize = 256;
/// The largest number of Reply-To mailboxes.
const REPLY_TO_MAX: usize = 50;
/// The longest name of a header field, in characters (Amazon SES API reference, MessageHeader).
const HEADER_NAME_MAX: usize = 126;
/// Header fields that the mail itself decides, in lower case; and all that describe its content.
const HEADERS_DECIDED: [&str; 13] = [
    "bcc",
    "cc",
    "date",
    "dkim-signature",
    "from",
    "message-id",
    "mime-version",
    "received",
    "reply-to",
    "return-path",
    "sender",
    "subject",
    "to",
];
/// What such fields begin with: those of a content, and those that name more recipients.
const HEADERS_DECIDED_PREFIXES: [&str; 2] = ["content-", "resent-"];

/// What a protocol calls the members of a content. A text has the name of the member that it was given in, which may be
/// one recipient's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContentNames<'n> {
    pub(crate) sms_text: &'n str,
    pub(crate) origination_number: &'static str,
    pub(crate) sender_id: &'static str,
    pub(crate) keyword: &'static str,
    pub(crate) entity_id: &'static str,
    pub(crate) template_id: &'static str,
    pub(crate) email: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) html: &'static str,
    pub(crate) text: &'n str,
    pub(crate) headers: &'static str,
    /// What it calls the two members of a header field.
    pub(crate) header: (&'static str, &'static str),
    pub(crate) from: &'static str,
    pub(crate) reply_to: &'static str,
    pub(crate) raw_email: &'static str,
    pub(crate) custom: &'n str,
}

impl ContentNames<'_> {
    /// Returns what the protocol calls a part that can't be rendered.
    pub(crate) fn of(&self, part: Part) -> &str {
        match part {
            Part::SmsText => self.sms_text,
            Part::Subject => self.subject,
            Part::Header => self.headers,
            Part::Html => self.html,
            Part::PlainText => self.text,
            Part::Email => self.email,
            Part::CustomData => self.custom,
        }
    }
}

/// Checks what a message says.
pub(crate) fn content(content: &Content, names: &ContentNames<'_>) -> Result<(), ServiceError> {
    let sender = |field: &str, text: Option<&String>| on_one_line_if_given(field, text, SENDER_MAX);
    let from = |text: Option<&String>| text.map_or(Ok(()), |text| mailbox(names.from, text));
    match content {
        Content::Sms { text, origination_number, sender_id, registration, .. } => {
            let SmsRegistration { keyword, entity_id, template_id } = registration;
            some(names.sms_text, text.chars().count(), SMS_TEXT_MAX, "characters")?;
            sender(names.origination_number, origination_number.as_ref())?;
            sender(names.sender_id, sender_id.as_ref())?;
            sender(names.keyword, keyword.as_ref())?;
            sender(names.entity_id, entity_id.as_ref())?;
            sender(names.template_id, template_id.as_ref())
        }
        Content::Email { subject, html, text, from: sender, reply_to, headers } => {
            if html.is_none() && text.is_none() {
                return Err(ServiceError::invalid(names.email, "an HTML or a text part is required"));
            }
            at_most(names.email, content.bytes(), EMAIL_SIZE_MAX, "bytes")?;
            if breaks_line(subject) {
                let text = "line breaks and other control characters are not allowed";
                return Err(ServiceError::invalid(names.subject, text));
            }
            header_fields(headers, names)?;
            from(sender.as_ref())?;
            at_most(names.reply_to, reply_to.len(), REPLY_TO_MAX, "mailboxes")?;
            reply_to.iter().try_for_each(|address| mailbox(names.reply_to, address))
        }
        Content::RawEmail { data, from: sender } => {
            some(names.raw_email, data.len(), EMAIL_SIZE_MAX, "bytes")?;
            raw_email(names.raw_email, data)?;
            from(sender.as_ref())
        }
        Content::Custom { data } => some(names.custom, data.len(), CUSTOM_SIZE_MAX, "bytes"),
    }
}

/// Checks what messages are traced by.
pub(crate) fn trace(field: &str, trace: Option<&String>) -> Result<(), ServiceError> {
    on_one_line_if_given(field, trace, TRACE_MAX)
}

/// Checks that an email begins as one (RFC 5322, 2.1): with header fields, up to an empty line or the end. No provider
/// takes anything else.
fn raw_email(field: &str, data: &[u8]) -> Result<(), ServiceError> {
    let lines = data.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    for (place, line) in lines.take_while(|line| !line.is_empty()).enumerate() {
        let continued = place > 0 && (line.starts_with(b" ") || line.starts_with(b"\t"));
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let named = name.len() < line.len() && !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        if !continued && !named {
            let text =
                format!("must begin with header fields and an empty line (RFC 5322), line {} is none", place + 1);
            return Err(ServiceError::invalid(field, text));
        }
    }
    match data.first() {
        Some(b'\n' | b'\r') | None => Err(ServiceError::invalid(field, "must begin with header fields (RFC 5322)")),
        Some(_) => Ok(()),
    }
}

fn header_fields(headers: &[HeaderField], names: &ContentNames<'_>) -> Result<(), ServiceError> {
    at_most(names.headers, headers.len(), HEADERS_MAX, "header fields")?;
    for (place, HeaderField { name, value }) in headers.iter().enumerate() {
        let member = |member: &str| format!("{}[{place}].{member}", names.headers);
        let (name_member, value_member) = names.header;
        header_name(&member(name_member), name)?;
        on_one_line(&member(value_member), value, HEADER_VALUE_MAX)?;
    }
    Ok(())
}

/// Checks the name of a header field (RFC 5322, 3.6.8).
fn header_name(field: &str, name: &str) -> Result<(), ServiceError> {
    some(field, name.chars().count(), HEADER_NAME_MAX, "characters")?;
    if !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
        return Err(ServiceError::invalid(field, "only printable ASCII without spaces and colons is allowed"));
    }
    let lower = name.to_ascii_lowercase();
    if HEADERS_DECIDED.contains(&lower.as_str())
        || HEADERS_DECIDED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
    {
        return Err(ServiceError::invalid(field, format!("{name} is decided by the mail itself")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_email_begins_with_header_fields() {
        for fine in ["A: b", "A: b\r\n c\r\nD:e\r\n\r\nbody: {", "A:\n\tb\n\nbody"] {
            raw_email("data", fine.as_bytes()).unwrap();
        }
        for bad in ["", "hi", "\r\nbody", "\nbody", " A: b", ": b", "A b: c", "A: b\nhi\n\n", "ü: b"] {
            assert_eq!(raw_email("data", bad.as_bytes()).unwrap_err().field.as_deref(), Some("data"), "{bad:?}");
        }
    }

    #[test]
    fn a_header_field_is_the_callers_own() {
        for fine in ["List-Unsubscribe", "X-Order", "Feedback-ID"] {
            header_name("name", fine).unwrap();
        }
        let long = "n".repeat(HEADER_NAME_MAX + 1);
        for bad in ["", "a b", "a:", "ü", "a\r\nb", "From", "bcc", "CONTENT-TYPE", "Content-Id", long.as_str()] {
            assert_eq!(header_name("name", bad).unwrap_err().field.as_deref(), Some("name"), "{bad:?}");
        }
    }
}
