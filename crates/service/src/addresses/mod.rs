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

use model::address::{Address, AddressKey, InvalidAddress, NormalForm};
use model::channel::{AddressFamily, Channel};
use model::country::Country;
use model::invisible::is_invisible;

/// Reads an address of a channel in any spelling.
///
/// # Errors
/// When the text is no address of that channel; the reason says what one looks like.
pub fn read(channel: Channel, text: &str, numbering: Numbering) -> Result<(Address, AddressKey), InvalidAddress> {
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
    if trimmed.is_empty() || trimmed.len() > model::address::ADDRESS_MAX {
        return Err(InvalidAddress::Length);
    }
    if trimmed.chars().any(|c| c.is_control() || text::is_unassigned(c)) {
        return Err(InvalidAddress::Control);
    }
    match channel.address_family() {
        AddressFamily::Telephone => {
            let number = telephone::in_e164(trimmed, numbering)?;
            Address::of(channel, NormalForm::Telephone(&number))
        }
        AddressFamily::Mailbox => {
            let parts = mailbox::parts(trimmed)?;
            Address::of(channel, NormalForm::Mailbox(parts.as_form()))
        }
        AddressFamily::Token => Address::of(channel, NormalForm::Token(&text::visible(trimmed))),
        AddressFamily::Custom => Address::of(channel, NormalForm::Custom(trimmed)),
    }
}

/// Says whether telephone numbers can be read as they are dialled in a country.
pub fn has_numbering(country: Country) -> bool {
    telephone::region(country).is_some()
}

#[cfg(test)]
mod tests;
