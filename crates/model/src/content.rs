//! What a message says, before its variables are filled in.

use std::collections::BTreeMap;

/// The longest text of an SMS template or message, in characters (Pinpoint quotas).
pub const SMS_TEXT_MAX: usize = 1_600;
/// The largest email, in bytes (Pinpoint quotas).
pub const EMAIL_SIZE_MAX: usize = 10 * 1024 * 1024;
/// The largest custom document, in bytes.
pub const CUSTOM_SIZE_MAX: usize = 256 * 1024;

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
    },
    /// An email in parts; at least one of `html` and `text` is given, at most [`EMAIL_SIZE_MAX`] bytes together.
    Email {
        subject: String,
        html: Option<String>,
        /// The plain part.
        text: Option<String>,
        /// The From mailbox; the channel's when not given.
        from: Option<String>,
        /// Where replies go; at most 50.
        reply_to: Vec<String>,
    },
    /// An email as its caller wrote it (RFC 5322), at most [`EMAIL_SIZE_MAX`] bytes.
    RawEmail {
        data: Vec<u8>,
        /// The From mailbox of the envelope; the channel's when not given.
        from: Option<String>,
    },
    /// A document for a custom channel, at most [`CUSTOM_SIZE_MAX`] bytes.
    Custom { data: String },
}

impl Content {
    /// Returns the purpose that decides the class of a message whose channel sets none; only an SMS can be promotional.
    pub fn purpose(&self) -> Purpose {
        match self {
            Content::Sms { purpose, .. } => *purpose,
            _ => Purpose::Transactional,
        }
    }
}
