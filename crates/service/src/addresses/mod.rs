//! The entrance of addresses: every spelling of one address becomes the one normal form that is stored, dispatched to
//! and looked up. Opting out, endpoints, direct addresses and callbacks come through here, and nowhere else does a text
//! become an address.
//!
//! The tables that this needs come with libraries: numbering plans, IDNA and Unicode. Their releases differ, so their
//! versions are pinned. What they say of a spelling may change with the numbering plan of a country; what they make of
//! a normal form may not: it is left as it is. Unicode and IDNA promise that for every character that is assigned, and
//! others are refused. What follows from a normal form is frozen (`model::address`).

mod numbering;
mod text;

mod mailbox;
mod telephone;

pub use numbering::Numbering;

use model::address::{Address, AddressKey, InvalidAddress};
use model::channel::{AddressFamily, Channel};
use model::country::Country;
use model::invisible::is_invisible;
use model::reading::Reading;

/// Reads an address of a channel in any spelling.
///
/// # Errors
/// When the text is no address of that channel; the reason says what one looks like.
pub fn read(channel: Channel, text: &str, numbering: Numbering) -> Result<(Address, AddressKey), InvalidAddress> {
    Address::of(channel, reading(channel.address_family(), text, numbering)?.as_form())
}

/// Reads a text as an address of a family of channels, in any spelling.
///
/// # Errors
/// As [`read`].
pub(crate) fn reading(family: AddressFamily, text: &str, numbering: Numbering) -> Result<Reading, InvalidAddress> {
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
    if trimmed.is_empty() || trimmed.len() > model::address::ADDRESS_MAX {
        return Err(InvalidAddress::Length);
    }
    if trimmed.chars().any(|c| c.is_control() || text::is_unassigned(c)) {
        return Err(InvalidAddress::Control);
    }
    Ok(match family {
        AddressFamily::Telephone => Reading::Telephone(telephone::in_e164(trimmed, numbering)?),
        AddressFamily::Mailbox => mailbox::parts(trimmed)?,
        AddressFamily::Token => Reading::Token(text::visible(trimmed)),
        AddressFamily::Custom => Reading::Custom(trimmed.to_owned()),
    })
}

/// Says whether a text, if it is a telephone number, is the same one in all countries: it begins with a plus.
pub(crate) fn is_international(text: &str) -> bool {
    text.starts_with('+')
}

/// Says whether telephone numbers can be read as they are dialled in a country.
pub fn has_numbering(country: Country) -> bool {
    telephone::region(country).is_some()
}

#[cfg(test)]
mod tests;
