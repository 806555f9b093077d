//! Why a content can't be rendered. The texts quote templates, never values of recipients.

use std::fmt;

/// A part of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum Part {
    SmsText,
    Subject,
    Header,
    Html,
    PlainText,
    Email,
    CustomData,
}

/// What a size is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Characters (Unicode scalar values).
    Characters,
    /// Bytes of UTF-8.
    Bytes,
}

/// Says why a content can't be rendered. Repeating it is useless.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the values are")]
pub enum RenderError {
    #[error("read the template of {part}: {reason}")]
    Syntax {
        part: Part,
        /// What is wrong, with the template's own words.
        reason: String,
    },
    /// The template uses something other than variables.
    #[error("fill {tag} in {part}: only variables such as {{{{name}}}} are offered")]
    Unsupported {
        part: Part,
        /// The first tag that isn't offered, shortened.
        tag: String,
    },
    /// A line break, or another control character, in what becomes a header.
    #[error("send {part}: it holds a line break or another control character")]
    BreaksLine { part: Part },
    /// Nothing is left to say.
    #[error("send {part}: it is empty")]
    Empty { part: Part },
    /// The part is too long once its variables are filled in.
    #[error("send {part}: it has more than {limit} {unit}")]
    TooLong {
        part: Part,
        /// The largest size.
        limit: usize,
        unit: Unit,
    },
}

impl RenderError {
    /// Says what is wrong without a word of the template, for logs: a body may hold what nobody else is to read.
    pub fn kind(&self) -> &'static str {
        match self {
            RenderError::Syntax { .. } => "the template is malformed",
            RenderError::Unsupported { .. } => "the template uses a tag that isn't offered",
            RenderError::BreaksLine { .. } => "a header breaks its line",
            RenderError::Empty { .. } => "nothing is left to say",
            RenderError::TooLong { .. } => "it is too long",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::SmsText => "the SMS text",
            Part::Subject => "the subject",
            Part::Header => "a header field",
            Part::Html => "the HTML part",
            Part::PlainText => "the plain part",
            Part::Email => "the email",
            Part::CustomData => "the custom document",
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Characters => "characters",
            Unit::Bytes => "bytes",
        })
    }
}
