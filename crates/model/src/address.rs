//! Addresses in normal form, and the keys that follow from them.
//!
//! A key decides which partition owns a recipient, and finds the opt-outs that stand: from the first release on, one
//! that differs would strand them. So everything here is frozen: it uses no metadata (no numbering plans, no mailbox
//! rules) and no table that comes with a library or a compiler. What needs tables (numbering plans, IDNA, Unicode) is
//! done before, at the entrance (`service::addresses`), which reduces every spelling to the one normal form.

use std::fmt;

use smol_str::{SmolStr, format_smolstr};

use crate::channel::{AddressFamily, Channel};
use crate::id::{AppId, EndpointId, GroupId};

/// The longest address in bytes; no channel has longer ones.
pub const ADDRESS_MAX: usize = 1_024;
/// The longest mailbox in bytes (RFC 5321, 4.5.3.1.3).
pub const MAILBOX_MAX: usize = 254;
/// The smallest and largest number of digits of a telephone number (E.164 allows at most 15).
pub const TELEPHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// An address in normal form: what is dispatched to, and 1 to [`ADDRESS_MAX`] bytes. How its caller wrote it is known
/// to endpoints alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(SmolStr);

/// What opt-outs, blocks and partitions go by. Two spellings of one recipient have one key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKey(SmolStr);

/// The parts of an address from which every difference of spelling is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormalForm<'t> {
    /// In E.164: a plus and [`TELEPHONE_DIGITS`] digits, the first of them not 0.
    Telephone(&'t str),
    /// See [`Mailbox`].
    Mailbox(Mailbox<'t>),
    /// Opaque to everybody but its provider; without blanks.
    Token(&'t str),
    /// Opaque to everybody but the app.
    Custom(&'t str),
}

/// A mailbox of [`NormalForm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mailbox<'t> {
    /// What stands before the `@`, without the quotes that its spelling may need; its letters as written.
    pub local: &'t str,
    /// The same without difference of case.
    pub folded: &'t str,
    /// The domain in lower-case ASCII (A-labels).
    pub domain: &'t str,
}

/// Says why a text is no address of its channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Empty, or over [`ADDRESS_MAX`] bytes.
    #[error("an address must have 1 to {ADDRESS_MAX} bytes")]
    Length,
    /// Not a telephone number, or none of its country.
    #[error("a telephone number must be in E.164 form, such as +12065550100")]
    Telephone,
    /// A telephone number without its country, where none is known.
    #[error("a telephone number must begin with + and its country code, because the app has no default country")]
    TelephoneCountry,
    /// Not a mailbox.
    #[error("an email address must have the form local@domain, with at most {MAILBOX_MAX} bytes")]
    Mailbox,
    /// A control character, or one that Unicode has not assigned.
    #[error("an address may not contain control characters")]
    Control,
    /// A token with blanks.
    #[error("a device token may not contain blanks")]
    Token,
}

impl InvalidAddress {
    /// Says that a text is no address of a family at all.
    pub fn of(family: AddressFamily) -> InvalidAddress {
        match family {
            AddressFamily::Telephone => InvalidAddress::Telephone,
            AddressFamily::Mailbox => InvalidAddress::Mailbox,
            AddressFamily::Token | AddressFamily::Custom => InvalidAddress::Token,
        }
    }
}

impl Address {
    /// Makes the address and the key of a normal form.
    ///
    /// # Errors
    /// When the parts are not in normal form, or not of the channel's family.
    pub fn of(channel: Channel, form: NormalForm<'_>) -> Result<(Address, AddressKey), InvalidAddress> {
        let (text, key) = match (channel.address_family(), form) {
            (AddressFamily::Telephone, NormalForm::Telephone(number)) => telephone(number)?,
            (AddressFamily::Mailbox, NormalForm::Mailbox(mailbox)) => mailbox.text_and_key()?,
            (AddressFamily::Token, NormalForm::Token(token)) => token_of(channel, token)?,
            (AddressFamily::Custom, NormalForm::Custom(text)) => (text.to_owned(), format!("custom:{text}")),
            (family, _) => return Err(InvalidAddress::of(family)),
        };
        if text.is_empty() || text.len() > ADDRESS_MAX {
            return Err(InvalidAddress::Length);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidAddress::Control);
        }
        Ok((Address(text.into()), AddressKey(key.into())))
    }

    /// Makes the address and the key of a text that is in normal form already, and in ASCII. For those who know that,
    /// such as tests; what a caller wrote goes through the entrance.
    ///
    /// # Errors
    /// When the text isn't in normal form, or not of the channel's family.
    pub fn normal(channel: Channel, text: &str) -> Result<(Address, AddressKey), InvalidAddress> {
        if !text.is_ascii() {
            return Err(InvalidAddress::Control);
        }
        let folded = text.to_ascii_lowercase();
        let form = match channel.address_family() {
            AddressFamily::Telephone => NormalForm::Telephone(text),
            AddressFamily::Mailbox => {
                let (local, domain) = text.rsplit_once('@').ok_or(InvalidAddress::Mailbox)?;
                NormalForm::Mailbox(Mailbox { local, folded: &folded[..local.len()], domain })
            }
            AddressFamily::Token => NormalForm::Token(text),
            AddressFamily::Custom => NormalForm::Custom(text),
        };
        Address::of(channel, form)
    }

    /// Takes back an address that was made before it was stored.
    pub fn from_stored(text: impl AsRef<str>) -> Address {
        Address(text.as_ref().into())
    }

    /// Returns the address as it is dispatched to.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AddressKey {
    /// Returns the key of a recipient that is known by its endpoint only (custom and in-app messages to endpoints).
    pub fn of_endpoint(app: AppId, endpoint: &EndpointId) -> AddressKey {
        AddressKey(format_smolstr!("endpoint:{app}/{endpoint}"))
    }

    /// Takes back a key that was made before it was stored.
    pub fn from_stored(text: impl AsRef<str>) -> AddressKey {
        AddressKey(text.as_ref().into())
    }

    /// Returns what messages to an endpoint go by: its address' key, or the endpoint itself where addresses mean
    /// nothing outside the app.
    pub fn of_recipient(app: AppId, endpoint: &EndpointId, channel: Channel, key: AddressKey) -> AddressKey {
        match channel.address_family() {
            AddressFamily::Custom => AddressKey::of_endpoint(app, endpoint),
            AddressFamily::Telephone | AddressFamily::Mailbox | AddressFamily::Token => key,
        }
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

fn telephone(number: &str) -> Result<(String, String), InvalidAddress> {
    let digits = number.strip_prefix('+').unwrap_or_default();
    let normal = TELEPHONE_DIGITS.contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    if normal { Ok((number.to_owned(), format!("tel:{number}"))) } else { Err(InvalidAddress::Telephone) }
}

/// Tokens of APNs are hexadecimal, which has two spellings; all others are taken as they are.
fn token_of(channel: Channel, token: &str) -> Result<(String, String), InvalidAddress> {
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(InvalidAddress::Token);
    }
    let hexadecimal =
        matches!(channel, Channel::Apns | Channel::ApnsSandbox | Channel::ApnsVoip | Channel::ApnsVoipSandbox)
            && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    let normal = if hexadecimal { token.to_ascii_lowercase() } else { token.to_owned() };
    let key = format!("token:{normal}");
    Ok((normal, key))
}

impl Mailbox<'_> {
    /// Writes the local part as RFC 5321 spells it (4.1.2): as a quoted string where it is no dot-string.
    fn text_and_key(&self) -> Result<(String, String), InvalidAddress> {
        let Mailbox { local, folded, domain } = *self;
        let text =
            if is_dot_string(local) { format!("{local}@{domain}") } else { format!("{}@{domain}", quoted(local)) };
        let normal = !local.is_empty()
            && !folded.is_empty()
            && !folded.bytes().any(|byte| byte.is_ascii_uppercase())
            && is_domain(domain)
            && text.len() <= MAILBOX_MAX;
        if normal { Ok((text, format!("mail:{folded}@{domain}"))) } else { Err(InvalidAddress::Mailbox) }
    }
}

/// Says whether a local part needs no quotes: atoms with dots between them (RFC 5321, 4.1.2; RFC 6531, 3.3).
fn is_dot_string(local: &str) -> bool {
    let in_atom = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(in_atom))
}

fn quoted(local: &str) -> String {
    let mut text = String::with_capacity(local.len() + 2);
    text.push('"');
    for c in local.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

fn is_domain(domain: &str) -> bool {
    let in_label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    domain.split('.').all(|label| {
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(in_label)
    })
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
