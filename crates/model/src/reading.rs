//! What a text may mean as an address, before it is known of which channel it is.
//!
//! A change of an endpoint may name an address without a channel, or a channel without an address. The two are joined
//! when the change is applied, with what the endpoint has then. Reading an address takes tables that must not be there
//! (`service::addresses`), so the change carries what its address reads as, once for each family of channels.

use crate::address::{Address, AddressKey, InvalidAddress, Mailbox, NormalForm};
use crate::channel::{AddressFamily, Channel};

/// An address in normal form, apart from its channel: [`NormalForm`], owned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "`NormalForm` says what each is")]
pub enum Reading {
    Telephone(String),
    Mailbox { local: String, folded: String, domain: String },
    Token(String),
    Custom(String),
}

impl Reading {
    /// Returns the reading as a form.
    pub fn as_form(&self) -> NormalForm<'_> {
        match self {
            Reading::Telephone(number) => NormalForm::Telephone(number),
            Reading::Mailbox { local, folded, domain } => NormalForm::Mailbox(Mailbox { local, folded, domain }),
            Reading::Token(token) => NormalForm::Token(token),
            Reading::Custom(text) => NormalForm::Custom(text),
        }
    }

    /// Returns the family whose channels read the text so.
    pub fn family(&self) -> AddressFamily {
        match self {
            Reading::Telephone(_) => AddressFamily::Telephone,
            Reading::Mailbox { .. } => AddressFamily::Mailbox,
            Reading::Token(_) => AddressFamily::Token,
            Reading::Custom(_) => AddressFamily::Custom,
        }
    }
}

/// An address as a caller gave it, and what it reads as.
#[derive(Debug, Clone, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct GivenAddress {
    /// As it was written.
    pub written: String,
    /// At most one of each family; none before it came through the entrance.
    pub readings: Vec<Reading>,
}

impl GivenAddress {
    /// Takes an address that was not read yet.
    pub fn unread(written: String) -> GivenAddress {
        GivenAddress { written, readings: Vec::new() }
    }

    /// Takes a text that is in normal form already, in ASCII and lower case: what it is as a token, as a custom address
    /// and, where it looks like one, as a telephone number or a mailbox. For those who know that, such as tests.
    pub fn normal(text: &str) -> GivenAddress {
        let owned = || text.to_owned();
        let mailbox = text.rsplit_once('@').map(|(local, domain)| Reading::Mailbox {
            local: local.to_owned(),
            folded: local.to_owned(),
            domain: domain.to_owned(),
        });
        let telephone = text.starts_with('+').then(|| Reading::Telephone(owned()));
        let opaque = [Reading::Token(owned()), Reading::Custom(owned())];
        GivenAddress { written: owned(), readings: telephone.into_iter().chain(mailbox).chain(opaque).collect() }
    }

    /// Makes what the address is on a channel.
    ///
    /// # Errors
    /// When it is none of that channel.
    pub fn on(&self, channel: Channel) -> Result<(Address, AddressKey), InvalidAddress> {
        let family = channel.address_family();
        match self.readings.iter().find(|reading| reading.family() == family) {
            Some(reading) => Address::of(channel, reading.as_form()),
            None => Err(InvalidAddress::of(family)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_its_channel_needs_it() {
        let number = GivenAddress::normal("+12065550100");
        let key = |channel| number.on(channel).map(|(_, key)| key.as_str().to_owned());
        assert_eq!(key(Channel::Sms).as_deref(), Ok("tel:+12065550100"));
        assert_eq!(key(Channel::Gcm).as_deref(), Ok("token:+12065550100"));
        assert_eq!(key(Channel::Custom).as_deref(), Ok("custom:+12065550100"));
        assert_eq!(key(Channel::Email), Err(InvalidAddress::Mailbox));
        let mailbox = GivenAddress::normal("jo@example.com");
        assert_eq!(mailbox.on(Channel::Email).unwrap().1.as_str(), "mail:jo@example.com");
        assert_eq!(mailbox.on(Channel::Voice), Err(InvalidAddress::Telephone));
        assert_eq!(GivenAddress::unread("x".into()).on(Channel::Custom), Err(InvalidAddress::Token));
    }
}
