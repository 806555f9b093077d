//! Looks at a template's tags before the engine does, and lets only variables and comments through. The engine's parser
//! recurses as deep as brackets and blocks nest, and a template is a caller's text: what could nest never reaches it.

/// The longest excerpt of a refused tag, in characters.
const EXCERPT_MAX: usize = 40;

/// Returns whether the text has tags at all; without any it is sent as it is.
pub(crate) fn has_tags(text: &str) -> bool {
    text.contains("{{")
}

/// Returns the first tag that is neither a variable nor a comment, shortened; nothing when there is none. A tag that
/// isn't closed counts as one.
pub(crate) fn first_unsupported(text: &str) -> Option<String> {
    let mut from = 0;
    while let Some(found) = text[from..].find("{{") {
        let start = from + found;
        let rest = &text[start..];
        let len = if is_escaped(&text[from..start]) { escaped_len(rest) } else { tag_len(rest) };
        match len {
            Some(len) => from = start + len,
            None => return Some(rest.chars().take(EXCERPT_MAX).collect()),
        }
    }
    None
}

/// Says whether the tag that follows `before` is literal text: exactly one backslash stands in front of it.
fn is_escaped(before: &str) -> bool {
    before.ends_with('\\') && !before.ends_with("\\\\")
}

fn escaped_len(rest: &str) -> Option<usize> {
    Some(if rest.starts_with("{{{{") { 4 } else { 2 })
}

/// Returns the length of the tag at the start of `rest`, if it is offered.
fn tag_len(rest: &str) -> Option<usize> {
    if rest.starts_with("{{!--") {
        // One that isn't closed is no shorter comment: the engine would look for its end from each of them.
        return rest.find("--}}").map(|end| end + 4);
    }
    let end = rest.find("}}")?;
    if rest.starts_with("{{!") {
        return Some(end + 2);
    }
    let inside = &rest[2..end];
    if let Some(unescaped) = inside.strip_prefix('{') {
        return (rest[end..].starts_with("}}}") && is_variable(unescaped)).then_some(end + 3);
    }
    let inside = inside.strip_prefix('~').unwrap_or(inside);
    let inside = inside.strip_suffix('~').unwrap_or(inside);
    is_variable(inside.strip_prefix('&').unwrap_or(inside)).then_some(end + 2)
}

/// Says whether the inside of a tag is one dotted name, whose parts may stand in brackets that don't nest.
fn is_variable(inside: &str) -> bool {
    let mut bracketed = false;
    let well_formed = inside.trim().chars().all(|c| match c {
        '[' if !bracketed => {
            bracketed = true;
            true
        }
        ']' if bracketed => {
            bracketed = false;
            true
        }
        '[' | ']' | '{' | '}' | '"' | '\'' | '\\' => false,
        _ if bracketed => true,
        _ => c.is_alphanumeric() || !c.is_ascii() || matches!(c, '.' | '/' | '-' | '_' | '$' | ':' | '@'),
    });
    well_formed && !bracketed && !inside.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_comments_pass() {
        for good in [
            "no tags",
            "{{name}} {{ name }} {{{name}}} {{&name}} {{~name~}}",
            "{{User.UserAttributes.FirstName.[0]}}",
            "{{[first name]}} {{a.[b c].d}} {{größe}} {{a-b_c:d}}",
            "{{! ( \" # }} x {{!-- {{#if}} --}}",
            r"\{{#if}} \\{{name}} \{{{{ raw",
            "brackets [[[ (((( {{name}} ((( outside",
        ] {
            assert_eq!(first_unsupported(good), None, "{good}");
        }
    }

    #[test]
    fn everything_else_is_named() {
        for (bad, tag) in [
            ("a {{#if b}}c{{/if}}", "{{#if b}}c{{/if}}"),
            ("{{upper name}}", "{{upper name}}"),
            ("{{> partial}}", "{{> partial}}"),
            ("{{a (b)}}", "{{a (b)}}"),
            ("{{a [[1]]}}", "{{a [[1]]}}"),
            ("{{a \"}}\" [[[[", "{{a \"}}\" [[[["),
            ("{{a.[}}] x}}", "{{a.[}}] x}}"),
            ("x {{open", "{{open"),
            ("{{!--x}} {{name}}", "{{!--x}} {{name}}"),
            ("{{}}", "{{}}"),
            ("{{{name}}", "{{{name}}"),
            ("{{{{raw}}}}x{{{{/raw}}}}", "{{{{raw}}}}x{{{{/raw}}}}"),
            (r"\\{{#if}}", "{{#if}}"),
        ] {
            assert_eq!(first_unsupported(bad).as_deref(), Some(tag), "{bad}");
        }
    }
}
