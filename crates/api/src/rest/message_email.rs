//! What `EmailMessage` says: an email in parts, or one that its caller wrote. Of two members that can't both be obeyed
//! one is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::content::{Content, HeaderField};

use super::error::RestError;
use super::message_member::{NAMES, Named, Text};
use super::message_request::{EmailMessage, MessageHeader, SimpleEmail, SimpleEmailPart};

const BODY: &str = "EmailMessage.Body";
const RAW: &str = "RawEmail is the whole email";

/// Returns what is said; nothing when nothing is.
pub(super) fn email(
    message: Option<&EmailMessage>,
    own: Option<Text<'_>>,
    default: Option<Text<'_>>,
) -> Result<Option<Named>, RestError> {
    let nothing = EmailMessage::default();
    let message = message.unwrap_or(&nothing);
    let Some(data) = message.raw_email.as_ref().and_then(|raw| raw.data.as_deref()) else {
        return simple_email(message, own, default);
    };
    nothing_beside_raw(message, own)?;
    match STANDARD.decode(data) {
        Ok(data) => {
            let content = Content::RawEmail { data, from: message.from_address.clone() };
            Ok(Some(Named { content, member: NAMES.raw_email.to_owned() }))
        }
        Err(reason) => Err(RestError::bad_request(NAMES.raw_email, format!("is no base64: {reason}"))),
    }
}

fn nothing_beside_raw(message: &EmailMessage, own: Option<Text<'_>>) -> Result<(), RestError> {
    let reply_to = message.reply_to_addresses.as_ref().is_some_and(|mailboxes| !mailboxes.is_empty());
    let beside = own
        .map(|own| own.member)
        .or_else(|| message.simple_email.as_ref().filter(|simple| simple.says_something()).map(|_| NAMES.email))
        .or_else(|| message.body.as_ref().map(|_| BODY))
        .or_else(|| reply_to.then_some(NAMES.reply_to));
    match beside {
        Some(member) => Err(RestError::bad_request(member, format!("can't be given: {RAW}"))),
        None => Ok(()),
    }
}

fn simple_email(
    message: &EmailMessage,
    own: Option<Text<'_>>,
    default: Option<Text<'_>>,
) -> Result<Option<Named>, RestError> {
    let nothing = SimpleEmail::default();
    let simple = message.simple_email.as_ref().unwrap_or(&nothing);
    let subject = part(NAMES.subject, simple.subject.as_ref())?;
    let html = part(NAMES.html, simple.html_part.as_ref())?;
    let text = part(NAMES.text, simple.text_part.as_ref())?;
    let body = message.body.as_deref().map(|text| Text { member: BODY, text });
    let has_parts = html.is_some() || text.is_some();
    if has_parts && body.is_some() {
        return Err(RestError::bad_request(BODY, "can't be given beside a part of SimpleEmail"));
    }
    let (html, text) = match own {
        Some(own) => (None, Some(own)),
        None if has_parts => (html, text),
        None => (None, body.or(default)),
    };
    if html.is_none() && text.is_none() {
        return Ok(None);
    }
    let owned = |text: Text<'_>| text.text.to_owned();
    let content = Content::Email {
        subject: subject.map(owned).unwrap_or_default(),
        html: html.map(owned),
        text: text.map(owned),
        from: message.from_address.clone(),
        reply_to: message.reply_to_addresses.clone().unwrap_or_default(),
        headers: simple.headers.iter().flatten().cloned().map(HeaderField::from).collect(),
    };
    Ok(Some(Named { content, member: text.map_or(NAMES.text, |text| text.member).to_owned() }))
}

/// Returns a part's text. Every part goes out as UTF-8, of which US-ASCII is a part.
fn part<'p>(member: &'p str, part: Option<&'p SimpleEmailPart>) -> Result<Option<Text<'p>>, RestError> {
    let Some(part) = part else { return Ok(None) };
    let charset = part.charset.as_deref().filter(|charset| !charset.is_empty()).unwrap_or("UTF-8");
    if !["UTF-8", "US-ASCII"].iter().any(|offered| offered.eq_ignore_ascii_case(charset)) {
        let member = member.replace(".Data", ".Charset");
        return Err(RestError::bad_request(&member, format!("UTF-8 or US-ASCII is allowed, found {charset:?}")));
    }
    Ok(part.data.as_deref().map(|text| Text { member, text }))
}

impl SimpleEmail {
    fn says_something(&self) -> bool {
        let SimpleEmail { headers, html_part, subject, text_part } = self;
        headers.is_some() || html_part.is_some() || subject.is_some() || text_part.is_some()
    }
}

impl From<MessageHeader> for HeaderField {
    fn from(header: MessageHeader) -> HeaderField {
        HeaderField { name: header.name, value: header.value }
    }
}
