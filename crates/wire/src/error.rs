//! Why bytes or generated values are not what they should be. One list of flaws serves rows on disk, commands in the
//! log and requests of clients; what follows from a flaw is the caller's business.

use model::InvalidDestination;
use model::country::InvalidCountry;
use model::id::InvalidId;
use model::location::InvalidHostPort;

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts name the fields")]
pub enum Flaw {
    /// A required field is not given.
    #[error("is required")]
    Missing,
    /// No value of the enum has this number. Also the answer to 0, which means that nothing was given.
    #[error("{code} is no value of {of}")]
    UnknownCode { of: &'static str, code: i64 },
    /// A number is over its limit.
    #[error("{found} is over the largest value, {max}")]
    TooLarge { max: u64, found: u64 },
    /// A number is not finite.
    #[error("must be a finite number")]
    NotFinite,
    /// A latitude or longitude that is no place on earth.
    #[error("must be between -{max} and {max} degrees")]
    Degrees { max: u16 },
    /// A text is no `host:port`.
    #[error(transparent)]
    Place(#[from] InvalidHostPort),
    /// A text is no URL of a listener.
    #[error("must be a URL such as https://us-east-1.example.org or http://10.0.0.7:4101")]
    BaseUrl,
    /// An identifier is malformed.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// A text is no country.
    #[error(transparent)]
    Country(#[from] InvalidCountry),
    /// A text is no destination.
    #[error(transparent)]
    Destination(#[from] InvalidDestination),
    /// Two fields that exclude each other are given.
    #[error("{0}")]
    Combination(&'static str),
}

/// A field of a generated value that the model can't take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct InvalidField {
    /// The field's way from the outermost message, in the names of the `.proto` file: `content.sms.purpose`,
    /// `recipients[3].key`.
    pub path: String,
    /// What is wrong with it.
    pub reason: Flaw,
}

/// Bytes in a log or a state database that are not what was written there. The node must stop: either its disk is at
/// fault, or a newer program wrote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts name the fields")]
pub enum WireError {
    /// The bytes are not protobuf of the expected message.
    #[error("malformed bytes of {of}")]
    Malformed {
        of: &'static str,
        #[source]
        source: prost::DecodeError,
    },
    /// The bytes are protobuf, and a field holds what the model can't take.
    #[error("unreadable value of {of}")]
    Field {
        of: &'static str,
        #[source]
        source: InvalidField,
    },
    /// A value without structure has the wrong number of bytes or is no text.
    #[error("{of} must have {wanted}, found {found} bytes")]
    Plain { of: &'static str, wanted: &'static str, found: usize },
}

impl InvalidField {
    /// Names a flawed field.
    pub fn new(path: impl Into<String>, reason: impl Into<Flaw>) -> InvalidField {
        InvalidField { path: path.into(), reason: reason.into() }
    }

    /// Returns the same flaw as seen from the message that holds this one in `field`.
    #[must_use]
    pub fn within(self, field: &str) -> InvalidField {
        InvalidField { path: format!("{field}.{}", self.path), reason: self.reason }
    }
}

/// Returns an error with its cause, in one line.
pub fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
