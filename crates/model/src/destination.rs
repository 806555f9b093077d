//! Where a message goes beyond its provider, as health sees it: what may be down by itself, from everywhere or from one
//! region alone.

use std::fmt;

use smol_str::SmolStr;

use crate::address::Address;
use crate::channel::{AddressFamily, Channel};

/// The longest name in bytes; longer ones are [`Destination::OTHER`].
pub const DESTINATION_MAX: usize = 253;

/// A mailbox domain (`example.com`), a country's calling code (`+44`), or the provider itself (`-`) where nothing more
/// is known of an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination(SmolStr);

/// A text that is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDestination {
    /// Nothing is known of where a channel's addresses lead.
    #[error("nothing is known of where messages of the channel {0} go beyond its provider")]
    Unknown(Channel),
    /// No address leads there.
    #[error("{0:?} is neither a calling code such as +44 nor a mailbox domain in lower case such as example.com")]
    Text(String),
}

impl Destination {
    /// What has no place of its own in a bounded table.
    pub const OTHER: Destination = Destination(SmolStr::new_static("other"));
    /// The only one of a channel whose addresses say nothing.
    pub const PROVIDER: Destination = Destination(SmolStr::new_static("-"));

    /// Returns where an address of a channel leads.
    pub fn of(channel: Channel, address: &Address) -> Destination {
        let text = match channel.address_family() {
            AddressFamily::Mailbox => address.as_str().rsplit_once('@').map(|(_, domain)| domain),
            AddressFamily::Telephone => calling_code(address.as_str()),
            AddressFamily::Token | AddressFamily::Custom => return Destination::PROVIDER,
        };
        text.map_or(Destination::OTHER, Destination::named)
    }

    /// Parses a destination that a person names: a calling code of a telephone channel, or a mailbox domain.
    ///
    /// # Errors
    /// When no address of the channel leads there, or nothing is known of its addresses.
    pub fn parse(channel: Channel, text: &str) -> Result<Destination, InvalidDestination> {
        let is_one = match channel.address_family() {
            AddressFamily::Telephone => calling_code(&format!("{text}0000000")) == Some(text),
            AddressFamily::Mailbox => {
                let address = Address::normal(channel, &format!("someone@{text}"));
                address.is_ok_and(|(address, _)| Destination::of(channel, &address).as_str() == text)
            }
            AddressFamily::Token | AddressFamily::Custom => return Err(InvalidDestination::Unknown(channel)),
        };
        if is_one {
            Ok(Destination::named(text))
        } else {
            Err(InvalidDestination::Text(text.chars().take(80).collect()))
        }
    }

    /// Takes back a name that was told by another node.
    pub fn named(text: &str) -> Destination {
        match text.len() {
            1..=DESTINATION_MAX => Destination(text.into()),
            _ => Destination::OTHER,
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the country code of a number in E.164, with its plus. The codes of one and two digits are fixed (ITU-T
/// E.164, list of assigned country codes); all others have three.
fn calling_code(number: &str) -> Option<&str> {
    let digits = number.strip_prefix('+')?.as_bytes();
    let length = match digits {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..] => 2,
        [b'3', b'0'..=b'4' | b'6' | b'9', ..] => 2,
        [b'4', b'0' | b'1' | b'3'..=b'9', ..] => 2,
        [b'5', b'1'..=b'8', ..] => 2,
        [b'6', b'0'..=b'6', ..] => 2,
        [b'8', b'1' | b'2' | b'4' | b'6', ..] => 2,
        [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    };
    number.get(..=length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(channel: Channel, text: &str) -> String {
        let (address, _) = Address::normal(channel, text).expect("an address");
        Destination::of(channel, &address).to_string()
    }

    #[test]
    fn numbers_go_by_country_and_mailboxes_by_domain() {
        for (number, code) in [
            ("+12065550100", "+1"),
            ("+79161234567", "+7"),
            ("+447700900123", "+44"),
            ("+4915112345678", "+49"),
            ("+4212345678", "+421"),
            ("+358401234567", "+358"),
            ("+8613800138000", "+86"),
            ("+85251234567", "+852"),
            ("+27821234567", "+27"),
            ("+251911234567", "+251"),
            ("+989121234567", "+98"),
            ("+966501234567", "+966"),
        ] {
            assert_eq!(of(Channel::Sms, number), code, "{number}");
        }
        assert_eq!(of(Channel::Email, "someone@example.com"), "example.com");
        assert_eq!(of(Channel::Gcm, "token"), "-");
        assert_eq!(Destination::named(&"x".repeat(DESTINATION_MAX + 1)), Destination::OTHER);
        assert_eq!(Destination::named(""), Destination::OTHER);
    }

    #[test]
    fn a_person_names_only_what_addresses_lead_to() {
        for (channel, text) in [(Channel::Sms, "+44"), (Channel::Voice, "+421"), (Channel::Email, "example.com")] {
            assert_eq!(Destination::parse(channel, text).map(|found| found.to_string()), Ok(text.to_owned()));
        }
        for (channel, text) in [
            (Channel::Sms, "+4"),
            (Channel::Sms, "44"),
            (Channel::Sms, "+441"),
            (Channel::Sms, ""),
            (Channel::Sms, "example.com"),
            (Channel::Email, "Example.com"),
            (Channel::Email, "+44"),
            (Channel::Email, "a@example.com"),
            (Channel::Email, ""),
        ] {
            assert_eq!(Destination::parse(channel, text), Err(InvalidDestination::Text(text.to_owned())), "{channel}");
        }
        assert_eq!(Destination::parse(Channel::Gcm, "-"), Err(InvalidDestination::Unknown(Channel::Gcm)));
    }
}
