//! The channels of Pinpoint, and what follows from a channel alone.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A channel, in the words of Pinpoint's `ChannelType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the variants are Pinpoint's own names")]
pub enum Channel {
    Email,
    Sms,
    Voice,
    Gcm,
    Apns,
    ApnsSandbox,
    ApnsVoip,
    ApnsVoipSandbox,
    Adm,
    Baidu,
    Push,
    Custom,
    InApp,
}

/// Every channel, in the order of the enum.
pub const CHANNELS: [Channel; 13] = [
    Channel::Email,
    Channel::Sms,
    Channel::Voice,
    Channel::Gcm,
    Channel::Apns,
    Channel::ApnsSandbox,
    Channel::ApnsVoip,
    Channel::ApnsVoipSandbox,
    Channel::Adm,
    Channel::Baidu,
    Channel::Push,
    Channel::Custom,
    Channel::InApp,
];

/// What kind of thing a channel's addresses are; channels of one family share opt-outs' address keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressFamily {
    /// Telephone numbers.
    Telephone,
    /// Mailboxes.
    Mailbox,
    /// Opaque device tokens.
    Token,
    /// Whatever the app's custom channel understands.
    Custom,
}

/// Every family of addresses.
pub const FAMILIES: [AddressFamily; 4] =
    [AddressFamily::Telephone, AddressFamily::Mailbox, AddressFamily::Token, AddressFamily::Custom];

impl Channel {
    /// Returns Pinpoint's name of the channel.
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Email => "EMAIL",
            Channel::Sms => "SMS",
            Channel::Voice => "VOICE",
            Channel::Gcm => "GCM",
            Channel::Apns => "APNS",
            Channel::ApnsSandbox => "APNS_SANDBOX",
            Channel::ApnsVoip => "APNS_VOIP",
            Channel::ApnsVoipSandbox => "APNS_VOIP_SANDBOX",
            Channel::Adm => "ADM",
            Channel::Baidu => "BAIDU",
            Channel::Push => "PUSH",
            Channel::Custom => "CUSTOM",
            Channel::InApp => "IN_APP",
        }
    }

    /// Returns the family of the channel's addresses.
    pub fn address_family(self) -> AddressFamily {
        match self {
            Channel::Email => AddressFamily::Mailbox,
            Channel::Sms | Channel::Voice => AddressFamily::Telephone,
            Channel::Custom | Channel::InApp => AddressFamily::Custom,
            _ => AddressFamily::Token,
        }
    }

    /// Returns the number that stands for the channel in keys and on the wire; never reused.
    pub fn code(self) -> u8 {
        match self {
            Channel::Email => 1,
            Channel::Sms => 2,
            Channel::Voice => 3,
            Channel::Gcm => 4,
            Channel::Apns => 5,
            Channel::ApnsSandbox => 6,
            Channel::ApnsVoip => 7,
            Channel::ApnsVoipSandbox => 8,
            Channel::Adm => 9,
            Channel::Baidu => 10,
            Channel::Push => 11,
            Channel::Custom => 12,
            Channel::InApp => 13,
        }
    }

    /// Returns the channel of a code, or nothing when no channel has it.
    pub fn from_code(code: u8) -> Option<Channel> {
        CHANNELS.into_iter().find(|channel| channel.code() == code)
    }

    /// Returns how long a message of this channel is worth sending when its sender set no time to live.
    pub fn default_time_to_live(self) -> Duration {
        const HOUR: u64 = 3_600;
        match self.address_family() {
            AddressFamily::Telephone | AddressFamily::Custom => Duration::from_secs(24 * HOUR),
            AddressFamily::Mailbox | AddressFamily::Token => Duration::from_secs(72 * HOUR),
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Says that a text names no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no channel type")]
pub struct UnknownChannel(pub String);

impl FromStr for Channel {
    type Err = UnknownChannel;

    fn from_str(text: &str) -> Result<Channel, UnknownChannel> {
        CHANNELS.into_iter().find(|channel| channel.as_str() == text).ok_or_else(|| UnknownChannel(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_lead_back_to_their_channel() {
        for channel in CHANNELS {
            assert_eq!(channel.as_str().parse::<Channel>().unwrap(), channel);
            assert_eq!(Channel::from_code(channel.code()), Some(channel));
        }
        assert!("PIGEON".parse::<Channel>().is_err());
        assert_eq!(Channel::from_code(0), None);
    }
}
