//! A content whose texts were parsed once: renders it for one recipient after the other, within the limits of its
//! channel.

use std::sync::Arc;

use handlebars::Context;
use model::content::{
    CUSTOM_SIZE_MAX, Content, EMAIL_SIZE_MAX, HEADER_VALUE_MAX, HeaderField, SMS_TEXT_MAX, breaks_line,
};

use crate::error::{Part, RenderError, Unit};
use crate::template::{Escape, Template};
use crate::values::Values;

/// The most bytes of a character.
const CHARACTER_BYTES_MAX: usize = 4;

/// A content that was checked.
#[derive(Debug, Clone)]
pub struct Prepared {
    content: Arc<Content>,
    texts: Texts,
}

/// The texts of a content that may hold variables.
#[derive(Debug, Clone)]
enum Texts {
    /// None does: every recipient gets the content as it is.
    Fixed,
    Sms(Template),
    Email {
        subject: Template,
        html: Option<Template>,
        text: Option<Template>,
        /// Of the values of its header fields.
        headers: Vec<Template>,
    },
    Custom(Template),
}

/// Fills the variables of a content for one recipient.
///
/// # Errors
/// When a template is malformed or uses something other than variables, or when the filled content is empty, breaks the
/// line of a header, or is over its channel's limits: SMS 1 to 1,600 characters, email 10 MiB, value of a header 870
/// characters, custom document 256 KiB.
pub fn render(content: &Content, values: Values<'_>) -> Result<Content, RenderError> {
    Prepared::new(content.clone())?.render(values).map(Arc::unwrap_or_clone)
}

impl Prepared {
    /// Parses the texts of a content. A raw email is its caller's own and is left alone.
    ///
    /// # Errors
    /// When a template is malformed or uses something other than variables; or when there are no variables and the
    /// content is empty, breaks the line of a header or is too long.
    pub fn new(content: Content) -> Result<Prepared, RenderError> {
        let texts = match &content {
            Content::Sms { text, .. } => Texts::Sms(Template::parse(Part::SmsText, text, Escape::Nothing)?),
            Content::Email { subject, html, text, headers, .. } => Texts::Email {
                subject: Template::parse(Part::Subject, subject, Escape::Nothing)?,
                html: parse_part(Part::Html, html.as_deref(), Escape::Html)?,
                text: parse_part(Part::PlainText, text.as_deref(), Escape::Nothing)?,
                headers: headers.iter().map(parse_header).collect::<Result<_, _>>()?,
            },
            Content::RawEmail { .. } => Texts::Fixed,
            Content::Custom { data } => Texts::Custom(Template::parse(Part::CustomData, data, Escape::Nothing)?),
        };
        let content = Arc::new(content);
        if texts.are_plain() {
            check(&content)?;
            return Ok(Prepared { content, texts: Texts::Fixed });
        }
        Ok(Prepared { content, texts })
    }

    /// Returns the content, before its variables are filled in.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Fills the variables for one recipient. Recipients of a content without variables share one.
    ///
    /// # Errors
    /// When the filled content is empty, breaks the line of a header or is over its channel's limits.
    pub fn render(&self, values: Values<'_>) -> Result<Arc<Content>, RenderError> {
        if matches!(self.texts, Texts::Fixed) {
            return Ok(Arc::clone(&self.content));
        }
        let filled = self.fill(&values.into_context())?;
        check(&filled)?;
        Ok(Arc::new(filled))
    }

    fn fill(&self, values: &Context) -> Result<Content, RenderError> {
        let mut filled = (*self.content).clone();
        match (&self.texts, &mut filled) {
            (Texts::Sms(template), Content::Sms { text, .. }) => {
                *text = fill_text(template, Part::SmsText, values)?;
            }
            (Texts::Custom(template), Content::Custom { data }) => {
                *data = fill_text(template, Part::CustomData, values)?;
            }
            (
                Texts::Email { subject, html, text, headers },
                Content::Email { subject: s, html: h, text: t, headers: fields, .. },
            ) => {
                *s = fill_text(subject, Part::Subject, values)?;
                *h = html.as_ref().map(|html| fill_text(html, Part::Html, values)).transpose()?;
                *t = text.as_ref().map(|text| fill_text(text, Part::PlainText, values)).transpose()?;
                for (template, field) in headers.iter().zip(fields) {
                    field.value = fill_text(template, Part::Header, values)?;
                }
            }
            _ => {}
        }
        Ok(filled)
    }
}

impl Texts {
    fn are_plain(&self) -> bool {
        match self {
            Texts::Fixed => true,
            Texts::Sms(text) | Texts::Custom(text) => text.is_plain(),
            Texts::Email { subject, html, text, headers } => {
                let parts = [html, text].into_iter().flatten();
                subject.is_plain() && parts.chain(headers).all(Template::is_plain)
            }
        }
    }
}

fn parse_part(part: Part, text: Option<&str>, escape: Escape) -> Result<Option<Template>, RenderError> {
    text.map(|text| Template::parse(part, text, escape)).transpose()
}

fn parse_header(field: &HeaderField) -> Result<Template, RenderError> {
    Template::parse(Part::Header, &field.value, Escape::Nothing)
}

fn fill_text(template: &Template, part: Part, values: &Context) -> Result<String, RenderError> {
    let (limit, unit, bytes_max) = limit_of(part);
    template.render(part, values, bytes_max)?.ok_or(RenderError::TooLong { part, limit, unit })
}

/// Returns the largest size of a part, what it is counted in, and the most bytes that this can be.
fn limit_of(part: Part) -> (usize, Unit, usize) {
    match part {
        Part::SmsText => (SMS_TEXT_MAX, Unit::Characters, SMS_TEXT_MAX * CHARACTER_BYTES_MAX),
        Part::Header => (HEADER_VALUE_MAX, Unit::Characters, HEADER_VALUE_MAX * CHARACTER_BYTES_MAX),
        Part::CustomData => (CUSTOM_SIZE_MAX, Unit::Bytes, CUSTOM_SIZE_MAX),
        Part::Subject | Part::Html | Part::PlainText | Part::Email => (EMAIL_SIZE_MAX, Unit::Bytes, EMAIL_SIZE_MAX),
    }
}

/// Checks a content whose variables are filled in.
fn check(content: &Content) -> Result<(), RenderError> {
    if let Content::Email { subject, headers, .. } = content {
        check_headers(subject, headers)?;
    }
    let (part, size, empty) = match content {
        Content::Sms { text, .. } => (Part::SmsText, text.chars().count(), text.is_empty()),
        Content::Email { subject, html, text, .. } => {
            let body = [html, text].into_iter().flatten().map(String::len).sum::<usize>();
            (Part::Email, subject.len() + body, body == 0)
        }
        Content::RawEmail { data, .. } => (Part::Email, data.len(), data.is_empty()),
        Content::Custom { data } => (Part::CustomData, data.len(), false),
    };
    let (limit, unit, _) = limit_of(part);
    match (empty, size > limit) {
        (true, _) => Err(RenderError::Empty { part }),
        (_, true) => Err(RenderError::TooLong { part, limit, unit }),
        _ => Ok(()),
    }
}

/// Checks what becomes a header: a line break in a value would begin another one.
fn check_headers(subject: &str, headers: &[HeaderField]) -> Result<(), RenderError> {
    if breaks_line(subject) {
        return Err(RenderError::BreaksLine { part: Part::Subject });
    }
    let part = Part::Header;
    for HeaderField { value, .. } in headers {
        match value.chars().count() {
            0 => return Err(RenderError::Empty { part }),
            1..=HEADER_VALUE_MAX if breaks_line(value) => return Err(RenderError::BreaksLine { part }),
            1..=HEADER_VALUE_MAX => {}
            _ => return Err(RenderError::TooLong { part, limit: HEADER_VALUE_MAX, unit: Unit::Characters }),
        }
    }
    Ok(())
}
