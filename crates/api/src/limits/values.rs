//! Checks of single values.

use model::channel::Channel;
use model::content::breaks_line;
use service::ServiceError;
use service::addresses::{self, Numbering};

/// The longest mailbox with its name, in characters.
const MAILBOX_WITH_NAME_MAX: usize = 512;

/// Checks a number of things that must be at least one.
pub(crate) fn some(field: &str, found: usize, max: usize, unit: &str) -> Result<(), ServiceError> {
    if (1..=max).contains(&found) {
        Ok(())
    } else {
        Err(ServiceError::invalid(field, format!("1 to {max} {unit} are allowed, found {found}")))
    }
}

/// Checks a number of things that may be none.
pub(super) fn at_most(field: &str, found: usize, max: usize, unit: &str) -> Result<(), ServiceError> {
    if found <= max {
        Ok(())
    } else {
        Err(ServiceError::invalid(field, format!("at most {max} {unit} are allowed, found {found}")))
    }
}

/// Checks a text that goes into a protocol's header or field: a line break in it could begin another one.
pub(super) fn on_one_line(field: &str, text: &str, max: usize) -> Result<(), ServiceError> {
    some(field, text.chars().count(), max, "characters")?;
    if breaks_line(text) {
        return Err(ServiceError::invalid(field, "line breaks and other control characters are not allowed"));
    }
    Ok(())
}

pub(super) fn on_one_line_if_given(field: &str, text: Option<&String>, max: usize) -> Result<(), ServiceError> {
    text.map_or(Ok(()), |text| on_one_line(field, text, max))
}

/// Checks a mailbox that a message comes from or answers go to: `local@domain`, or a name with that in angle brackets.
/// What could begin another header is refused.
pub(super) fn mailbox(field: &str, text: &str) -> Result<(), ServiceError> {
    at_most(field, text.chars().count(), MAILBOX_WITH_NAME_MAX, "characters")?;
    if breaks_line(text) || text.contains('\t') {
        return Err(ServiceError::invalid(field, "line breaks and other control characters are not allowed"));
    }
    let bare = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, _)) if !is_display_name(name.trim()) => {
            return Err(ServiceError::invalid(field, "the name must be in quotes, or without any of ()<>[]:;@\\,\""));
        }
        Some((_, inside)) => inside,
        None => text,
    };
    match addresses::read(Channel::Email, bare, Numbering::Unknown) {
        Ok(_) => Ok(()),
        Err(reason) => Err(ServiceError::invalid(field, reason.to_string())),
    }
}

/// Says whether a text is one name before a mailbox (RFC 5322, 3.4): words without special characters, or one quoted
/// string. Anything else could be another mailbox.
fn is_display_name(name: &str) -> bool {
    match name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => {
            let mut escaped = false;
            let closes = quoted.chars().any(|c| {
                let closes = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                closes
            });
            !closes && !escaped
        }
        None => !name.contains(['(', ')', '<', '>', '[', ']', ':', ';', '@', '\\', ',', '"']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_allowed_in_mailboxes_and_line_breaks_are_not() {
        for fine in ["a@example.com", "Jo <a@example.com>", "\"Jo, Inc\" <a@example.com>"] {
            mailbox("from", fine).unwrap();
        }
        for two in [
            "ceo@bank.example, x <a@example.com>",
            "x, <a@example.com>",
            "\"Jo <a@example.com>",
            "\"Jo\" <b@example.com>, \"x\" <a@example.com>",
            "\"Jo\\\" <a@example.com>",
        ] {
            assert_eq!(mailbox("from", two).unwrap_err().field.as_deref(), Some("from"), "{two}");
        }
        mailbox("from", r#""Jo \"x\", Inc" <a@example.com>"#).unwrap();
        for bad in ["", "a", "Jo <a>", "Jo <a@example.com", "Jo\r\nBcc: x@y.z <a@example.com>"] {
            assert_eq!(mailbox("from", bad).unwrap_err().field.as_deref(), Some("from"), "{bad:?}");
        }
    }

    #[test]
    fn what_goes_into_a_protocol_stays_on_its_line() {
        on_one_line("value", "a\tb", 3).unwrap();
        for bad in ["", "a\nb", "a\rb", "a\u{2028}b", "a\u{7f}b", "abcd"] {
            assert_eq!(on_one_line("value", bad, 3).unwrap_err().field.as_deref(), Some("value"), "{bad:?}");
        }
    }
}
