//! One text with variables, parsed once and rendered for many recipients. The names of the template engine stay in
//! here.

use std::io;
use std::sync::LazyLock;

use handlebars::template::{Parameter, TemplateElement};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, JsonRender, JsonValue, Output, RenderContext, Renderable, ScopedJson,
};

use crate::error::{Part, RenderError};
use crate::tags;

/// What happens to characters of a value that mean something in the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Nothing: the text is plain.
    Nothing,
    /// `{{name}}` escapes for HTML, so that a recipient's name can't become markup; `{{{name}}}` doesn't.
    Html,
}

/// A text that was checked.
#[derive(Debug, Clone)]
pub(crate) enum Template {
    /// It has no tags and is sent as it is.
    Plain(String),
    /// It has variables.
    Compiled(Box<handlebars::Template>, Escape),
}

/// The name under which the engine finds [`FirstValue`]. No tag can name it: tags with arguments are refused.
const FIRST_VALUE: &str = "value";

static PLAIN: LazyLock<Handlebars<'static>> = LazyLock::new(|| engine(Escape::Nothing));
static HTML: LazyLock<Handlebars<'static>> = LazyLock::new(|| engine(Escape::Html));

impl Template {
    /// Parses a text.
    pub(crate) fn parse(part: Part, text: &str, escape: Escape) -> Result<Template, RenderError> {
        if !tags::has_tags(text) {
            return Ok(Template::Plain(text.to_owned()));
        }
        if let Some(tag) = tags::first_unsupported(text) {
            return Err(RenderError::Unsupported { part, tag });
        }
        let mut compiled = handlebars::Template::compile(text)
            .map_err(|error| RenderError::Syntax { part, reason: error.reason().to_string() })?;
        for element in &mut compiled.elements {
            read_first_value(part, element)?;
        }
        Ok(Template::Compiled(Box::new(compiled), escape))
    }

    /// Says whether rendering gives the text itself, whatever the values.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Template::Plain(_))
    }

    /// Fills the variables in; nothing when the text became longer than `bytes_max`. That the engine refuses what
    /// [`Template::parse`] took is not known to happen.
    pub(crate) fn render(&self, part: Part, data: &Context, bytes_max: usize) -> Result<Option<String>, RenderError> {
        let (compiled, engine) = match self {
            Template::Plain(text) => return Ok((text.len() <= bytes_max).then(|| text.clone())),
            Template::Compiled(compiled, Escape::Nothing) => (compiled, &*PLAIN),
            Template::Compiled(compiled, Escape::Html) => (compiled, &*HTML),
        };
        let mut out = Bounded { text: String::new(), bytes_max, full: false };
        let rendered = compiled.render(engine, data, &mut RenderContext::new(None), &mut out);
        match rendered {
            Ok(()) => Ok(Some(out.text)),
            Err(_) if out.full => Ok(None),
            Err(error) => Err(RenderError::Syntax { part, reason: error.reason().to_string() }),
        }
    }
}

/// Makes a tag read its variable through [`FirstValue`].
fn read_first_value(part: Part, element: &mut TemplateElement) -> Result<(), RenderError> {
    match element {
        TemplateElement::RawString(_) | TemplateElement::Comment(_) => Ok(()),
        TemplateElement::Expression(tag) | TemplateElement::HtmlExpression(tag)
            if tag.params.is_empty() && tag.hash.is_empty() =>
        {
            let variable = std::mem::replace(&mut tag.name, Parameter::Name(FIRST_VALUE.to_owned()));
            tag.params.push(variable);
            Ok(())
        }
        other => Err(RenderError::Unsupported { part, tag: format!("{other:?}").chars().take(40).collect() }),
    }
}

fn engine(escape: Escape) -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    for built_in in ["if", "unless", "each", "with", "lookup", "raw", "log"] {
        engine.unregister_helper(built_in);
    }
    if escape == Escape::Nothing {
        engine.register_escape_fn(handlebars::no_escape);
    }
    engine.register_helper(FIRST_VALUE, Box::new(FirstValue));
    engine
}

/// Gives the first value of a variable's list; nothing for a variable without values.
struct FirstValue;

impl HelperDef for FirstValue {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, handlebars::RenderError> {
        let value = helper.param(0).map(|param| param.value());
        let text = match value {
            Some(JsonValue::Array(values)) => values.first().map(JsonRender::render),
            Some(JsonValue::Object(_)) | None => None,
            Some(value) => Some(value.render()),
        };
        Ok(ScopedJson::Derived(JsonValue::String(text.unwrap_or_default())))
    }
}

/// A text that doesn't grow over a limit.
struct Bounded {
    text: String,
    bytes_max: usize,
    full: bool,
}

impl Output for Bounded {
    fn write(&mut self, segment: &str) -> Result<(), io::Error> {
        if self.text.len() + segment.len() > self.bytes_max {
            self.full = true;
            return Err(io::Error::other("the text is full"));
        }
        self.text.push_str(segment);
        Ok(())
    }
}
