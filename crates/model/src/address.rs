//! Addresses and their normalised keys.
//!
//! Normalisation is frozen: it decides which partition owns a recipient, so a change would strand opt-outs. It uses no
//! metadata (no numbering plans, no mailbox rules).

use std::fmt;

use crate::channel::{AddressFamily, Channel};
use crate::id::{AppId, EndpointId, GroupId};

/// The longest address in bytes; no channel has longer ones.
pub const ADDRESS_MAX: usize = 1_024;
/// The longest mailbox in bytes (RFC 5321, 4.5.3.1.3).
pub const MAILBOX_MAX: usize = 254;
/// The smallest and largest number of digits of a telephone number (E.164 allows at most 15).
pub const TELEPHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// An address as the caller wrote it, known to be well formed for its channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

/// The normalised form of an address: what opt-outs, blocks and partitions go by. Two spellings of one recipient have
/// one key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKey(String);

/// Says why a text is no address of its channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Empty, or over [`ADDRESS_MAX`] bytes.
    #[error("an address must have 1 to {ADDRESS_MAX} bytes")]
    Length,
    /// Not a telephone number.
    #[error("a telephone number must be in E.164 form, such as +12065550100")]
    Telephone,
    /// Not a mailbox.
    #[error("an email address must have the form local@domain, with at most {MAILBOX_MAX} bytes")]
    Mailbox,
    /// A control character.
    #[error("an address may not contain control characters")]
    Control,
}

impl Address {
    /// Parses an address of `channel` and returns it with its key.
    ///
    /// # Errors
    /// When the text is no address of that channel; the reason says what one looks like.
    pub fn parse(channel: Channel, text: &str) -> Result<(Address, AddressKey), InvalidAddress> {
        let text = text.trim();
        if text.is_empty() || text.len() > ADDRESS_MAX {
            return Err(InvalidAddress::Length);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidAddress::Control);
        }
        let key = match channel.address_family() {
            AddressFamily::Telephone => telephone(text)?,
            AddressFamily::Mailbox => mailbox(text)?,
            AddressFamily::Token => format!("token:{text}"),
            AddressFamily::Custom => format!("custom:{text}"),
        };
        Ok((Address(text.to_owned()), AddressKey(key)))
    }

    /// Takes back an address that was parsed before it was stored.
    pub fn from_stored(text: String) -> Address {
        Address(text)
    }

    /// Returns the address as its caller wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AddressKey {
    /// Returns the key of a recipient that is known by its endpoint only (custom and in-app messages to endpoints).
    pub fn of_endpoint(app: AppId, endpoint: &EndpointId) -> AddressKey {
        AddressKey(format!("endpoint:{app}/{endpoint}"))
    }

    /// Takes back a key that was made before it was stored.
    pub fn from_stored(text: String) -> AddressKey {
        AddressKey(text)
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the partition that owns this recipient's messages, opt-outs and blocks, of 1..=`partitions`.
    pub fn partition(&self, partitions: u16) -> GroupId {
        GroupId(1 + (stable_hash(self.0.as_bytes()) % u64::from(partitions.max(1))) as u16)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the partition that owns an app's endpoints, of 1..=`partitions`.
pub fn partition_of_app(app: AppId, partitions: u16) -> GroupId {
    GroupId(1 + (stable_hash(&app.0.to_be_bytes()) % u64::from(partitions.max(1))) as u16)
}

/// Hashes bytes the same way on every node and in every version: FNV-1a, then the finaliser of SplitMix64 so that the
/// low bits are as good as the high ones.
pub fn stable_hash(bytes: &[u8]) -> u64 {
    let folded = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    mix(folded)
}

/// Spreads every input bit over every output bit (the finaliser of SplitMix64).
pub fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn telephone(text: &str) -> Result<String, InvalidAddress> {
    let digits: String =
        text.strip_prefix('+').unwrap_or(text).chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
    let well_formed = TELEPHONE_DIGITS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if well_formed { Ok(format!("tel:+{digits}")) } else { Err(InvalidAddress::Telephone) }
}

fn mailbox(text: &str) -> Result<String, InvalidAddress> {
    let (local, domain) = text.rsplit_once('@').ok_or(InvalidAddress::Mailbox)?;
    let domain_ok = !domain.is_empty()
        && !domain.starts_with(['.', '-'])
        && !domain.ends_with(['.', '-'])
        && !domain.contains("..")
        && domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    let local_ok = !local.is_empty() && !local.contains(['@', ' ', '<', '>', ',', ';']);
    if domain_ok && local_ok && text.len() <= MAILBOX_MAX {
        Ok(format!("mail:{}@{}", local.to_lowercase(), domain.to_lowercase()))
    } else {
        Err(InvalidAddress::Mailbox)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(channel: Channel, text: &str) -> Result<String, InvalidAddress> {
        Address::parse(channel, text).map(|(_, key)| key.as_str().to_owned())
    }

    #[test]
    fn spellings_of_one_recipient_share_a_key() {
        assert_eq!(key(Channel::Sms, "+1 (206) 555-0100").unwrap(), "tel:+12065550100");
        assert_eq!(key(Channel::Voice, "12065550100").unwrap(), "tel:+12065550100");
        assert_eq!(key(Channel::Email, " Jo@Example.COM ").unwrap(), "mail:jo@example.com");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["12065550100x", "hello", "+1", "", "+1234567890123456"] {
            assert!(key(Channel::Sms, bad).is_err(), "{bad:?}");
        }
        for bad in ["a", "@b", "a@", "a b@c", "a@b..c", "a@-b", "a@b\u{0}"] {
            assert!(key(Channel::Email, bad).is_err(), "{bad:?}");
        }
        assert!(key(Channel::Gcm, &"t".repeat(ADDRESS_MAX + 1)).is_err());
    }

    #[test]
    fn the_hash_is_frozen() {
        assert_eq!(stable_hash(b""), mix(0xcbf2_9ce4_8422_2325));
        assert_eq!(
            AddressKey("tel:+12065550100".into()).partition(4),
            AddressKey("tel:+12065550100".into()).partition(4)
        );
        let spread: std::collections::BTreeSet<_> =
            (0..200).map(|n| AddressKey(format!("tel:+1206555{n:04}")).partition(16)).collect();
        assert_eq!(spread.len(), 16);
    }
}
