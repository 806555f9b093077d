//! What a message says, before its variables are filled in.

use std::collections::BTreeMap;

/// The longest name of a variable's value, in characters; no name of Pinpoint's comes near it.
pub const VALUE_NAME_MAX: usize = 512;
/// The most parts that such a name has between its dots: each is a level of the tree that templates look into.
pub const VALUE_NAME_PARTS_MAX: usize = 16;

/// The longest text of an SMS template or message, in characters (Pinpoint quotas).
pub const SMS_TEXT_MAX: usize = 1_600;
/// The largest email, as it is given and with its variables filled in, in bytes (Pinpoint quotas).
pub const EMAIL_SIZE_MAX: usize = 10 * 1024 * 1024;
/// The largest custom document, in bytes.
pub const CUSTOM_SIZE_MAX: usize = 256 * 1024;
/// The largest number of an email's own header fields (Pinpoint API reference, SimpleEmail).
pub const HEADERS_MAX: usize = 15;
/// The longest value of such a field, in characters, before and after its variables are filled in: with its name it
/// stays below the 998 characters that a line may have (RFC 5322, 2.1.1).
pub const HEADER_VALUE_MAX: usize = 870;

/// Values of variables: each name has a list.
pub type Substitutions = BTreeMap<String, Vec<String>>;

/// Whether a message is about something the recipient did or an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// About something the recipient did or needs.
    Transactional,
    /// An offer.
    Promotional,
}

/// The content of a message for one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum Content {
    Sms {
        /// The text; 1 to [`SMS_TEXT_MAX`] characters.
        text: String,
        purpose: Purpose,
        /// The number to send from, when the caller wants a certain one.
        origination_number: Option<String>,
        /// The sender id, when the caller wants a certain one.
        sender_id: Option<String>,
        /// What carriers' registers know the message by.
        registration: SmsRegistration,
    },
    /// An email in parts; at least one of `html` and `text` is given; together with the subject they have at most
    /// [`EMAIL_SIZE_MAX`] bytes.
    Email {
        subject: String,
        html: Option<String>,
        /// The plain part.
        text: Option<String>,
        /// The From mailbox; the channel's when not given.
        from: Option<String>,
        /// Where replies go; at most 50.
        reply_to: Vec<String>,
        /// Header fields of the caller's, in their order; at most [`HEADERS_MAX`].
        headers: Vec<HeaderField>,
    },
    /// An email as its caller wrote it (RFC 5322); at most [`EMAIL_SIZE_MAX`] bytes.
    RawEmail {
        data: Vec<u8>,
        /// The From mailbox of the envelope; the channel's when not given.
        from: Option<String>,
    },
    /// A document for a custom channel, at most [`CUSTOM_SIZE_MAX`] bytes.
    Custom { data: String },
}

/// What carriers' registers know an SMS by; the provider gets it as it is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SmsRegistration {
    /// The program that a dedicated number is registered for.
    pub keyword: Option<String>,
    /// The sender in India's register (DLT).
    pub entity_id: Option<String>,
    /// The template in India's register (DLT).
    pub template_id: Option<String>,
}

/// A header field of an email, such as `List-Unsubscribe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderField {
    /// Printable ASCII without a colon (RFC 5322, 3.6.8); no field that the mail itself decides.
    pub name: String,
    /// On one line; may hold variables. At most [`HEADER_VALUE_MAX`] characters.
    pub value: String,
}

impl Content {
    /// Returns the purpose that decides the class of a message whose channel sets none; only an SMS can be promotional.
    pub fn purpose(&self) -> Purpose {
        match self {
            Content::Sms { purpose, .. } => *purpose,
            _ => Purpose::Transactional,
        }
    }

    /// Returns the bytes of its texts or data; not those of mailboxes, header fields and what carriers know it by,
    /// which are few.
    pub fn bytes(&self) -> usize {
        match self {
            Content::Sms { text, .. } => text.len(),
            Content::Email { subject, html, text, .. } => {
                subject.len() + [html, text].into_iter().flatten().map(String::len).sum::<usize>()
            }
            Content::RawEmail { data, .. } => data.len(),
            Content::Custom { data } => data.len(),
        }
    }
}

/// Says whether a text breaks its line, or holds another control character than a tab, so that it may not become the
/// value of a header or of a protocol's field. Some software breaks lines at U+2028 and U+2029, too.
pub fn breaks_line(text: &str) -> bool {
    text.contains(|c: char| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}'))
}
