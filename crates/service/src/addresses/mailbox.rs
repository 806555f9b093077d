//! Mailboxes: from what people write to a local part without quotes and a domain in ASCII.

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use model::address::InvalidAddress;
use model::reading::Reading;

use super::text::{composed, folded, visible};

/// What a local part without quotes may not hold (RFC 5322, 3.2.3, "specials" but the dot).
const SPECIALS: &str = "()<>[]:;@\\,\"";

/// Takes a mailbox apart.
///
/// # Errors
/// When it isn't one.
pub(super) fn parts(text: &str) -> Result<Reading, InvalidAddress> {
    let (local, domain) = text.rsplit_once('@').ok_or(InvalidAddress::Mailbox)?;
    // Composed on both sides: a character may become a special one, and what stood apart may come together.
    let local = composed(&unquoted(&composed(&visible(local)))?);
    Ok(Reading::Mailbox { folded: folded(&local), local, domain: in_ascii(domain)? })
}

/// Writes a domain in lower-case ASCII (UTS 46, non-transitional, which IDNA 2008 agrees with).
fn in_ascii(domain: &str) -> Result<String, InvalidAddress> {
    Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| InvalidAddress::Mailbox)
}

/// Takes the quotes off: each word between dots may be quoted, and a quoted one may be all there is (RFC 5322, 3.4.1
/// and 4.4). Dots without a word beside them are let through: some providers gave out such mailboxes.
fn unquoted(local: &str) -> Result<String, InvalidAddress> {
    let mut plain = String::with_capacity(local.len());
    let mut chars = local.chars();
    let mut word_begins = true;
    while let Some(c) = chars.next() {
        match c {
            '"' if word_begins => {
                quoted_word(&mut chars, &mut plain)?;
                match chars.next() {
                    Some('.') => plain.push('.'),
                    None => break,
                    Some(_) => return Err(InvalidAddress::Mailbox),
                }
            }
            c if c.is_whitespace() || SPECIALS.contains(c) => return Err(InvalidAddress::Mailbox),
            c => {
                plain.push(c);
                word_begins = c == '.';
            }
        }
    }
    Ok(plain)
}

/// Reads through the closing quote. A blank in it is part of the address, and only the usual one is told from others.
fn quoted_word(chars: &mut std::str::Chars<'_>, plain: &mut String) -> Result<(), InvalidAddress> {
    loop {
        let c = match chars.next().ok_or(InvalidAddress::Mailbox)? {
            '"' => return Ok(()),
            '\\' => chars.next().ok_or(InvalidAddress::Mailbox)?,
            c => c,
        };
        if c != ' ' && c.is_whitespace() {
            return Err(InvalidAddress::Mailbox);
        }
        plain.push(c);
    }
}
