//! Identifiers. Each is a type of its own, so that two of them never change places unnoticed. Those that are text are
//! copied many times on a message's way: up to 23 bytes they are kept in place, longer ones are shared.

use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;

/// Says why a text is not the identifier it was given for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the values are")]
pub enum InvalidId {
    /// The text is empty or longer than allowed.
    #[error("{what} must have 1 to {max} characters, found {found}")]
    Length { what: &'static str, max: usize, found: usize },
    /// The text holds a character that this identifier may not have.
    #[error("{what} may not contain {character:?}")]
    Character {
        what: &'static str,
        /// The first offending character.
        character: char,
    },
    /// The text is not the wanted number of lower-case hexadecimal digits.
    #[error("{what} must be {digits} lower-case hexadecimal digits")]
    Hex { what: &'static str, digits: usize },
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($number:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $number);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number_id!(
    /// A node: one process. Configured, positive, never given to another node.
    NodeId(u64)
);
number_id!(
    /// One start of a node. Drawn at every start; larger starts later on the same node.
    Incarnation(u64)
);
number_id!(
    /// A Raft group. 0 is the control group, 1..=P are the partitions.
    GroupId(u16)
);
number_id!(
    /// The number of a traffic plan. 0 means that no plan was adopted yet.
    Epoch(u64)
);
number_id!(
    /// The version of one record; 1 at its creation, one more at each change.
    Revision(u64)
);
number_id!(
    /// A position in a group's log. 0 precedes the first entry that holds commands.
    LogIndex(u64)
);
number_id!(
    /// A leader's term in a group.
    Term(u64)
);

impl GroupId {
    /// The control group: apps, channel settings, plans.
    pub const CONTROL: GroupId = GroupId(0);

    /// Lists the control group and then the partitions of a cluster with `partitions` partitions.
    pub fn all(partitions: u16) -> impl Iterator<Item = GroupId> {
        (0..=partitions).map(GroupId)
    }

    /// Lists the partitions of a cluster with `partitions` partitions.
    pub fn partitions(partitions: u16) -> impl Iterator<Item = GroupId> {
        (1..=partitions).map(GroupId)
    }
}

impl Epoch {
    /// Returns the epoch that follows this one.
    pub fn next(self) -> Epoch {
        Epoch(self.0 + 1)
    }
}

impl Revision {
    /// Returns the revision that follows this one.
    pub fn next(self) -> Revision {
        Revision(self.0 + 1)
    }
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u128);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_hex_128(text).map($name).ok_or(InvalidId::Hex { what: $what, digits: 32 })
            }
        }
    };
}

hex_id!(
    /// A cluster. Drawn at random when the cluster is made (`signalbox certs init`), kept in every data folder and in
    /// every call between nodes, so that nodes of two clusters never take each other for members.
    ClusterId,
    "a cluster id"
);
hex_id!(
    /// An application: 32 lower-case hexadecimal digits, as Pinpoint's.
    AppId,
    "an application id"
);
hex_id!(
    /// A message body that several messages of one request share.
    BodyId,
    "a body id"
);
hex_id!(
    /// A caller's request, for answering a repeated request with its first answer.
    RequestId,
    "a request id"
);
hex_id!(
    /// A message. Its upper 16 bits are its group, the next 48 the milliseconds of its acceptance at the listener, the
    /// rest is random: any node finds the group that owns a message from the id alone.
    MessageId,
    "a message id"
);

impl RequestId {
    /// Writes the id in the form of a UUID, as Pinpoint's clients expect.
    pub fn uuid(self) -> String {
        let hex = self.to_string();
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl MessageId {
    /// Builds the id of a message of `group` that a listener accepted at `at`, with 64 random bits.
    pub fn new(group: GroupId, at: crate::Timestamp, random: u64) -> MessageId {
        let milliseconds = u128::from(at.0 & 0xffff_ffff_ffff);
        MessageId((u128::from(group.0) << 112) | (milliseconds << 64) | u128::from(random))
    }

    /// Returns the group that owns the message.
    pub fn group(self) -> GroupId {
        GroupId((self.0 >> 112) as u16)
    }
}

fn parse_hex_128(text: &str) -> Option<u128> {
    let plain = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// Takes back an identifier that was parsed before it was stored. The empty text sorts before every other
            /// identifier, so that it begins a scan.
            pub fn from_stored(text: impl AsRef<str>) -> $name {
                $name(text.as_ref().into())
            }

            /// Returns the identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A region, such as `us-east-1`: 1 to 32 of `a-z`, `0-9`, `-`.
    RegionId
);
text_id!(
    /// An endpoint's id inside its app, in lower case because Pinpoint's endpoint ids ignore case: 1 to 256 characters
    /// without `$`, `{`, `}` (Pinpoint API reference, UpdateEndpoint).
    EndpointId
);
text_id!(
    /// A user's id inside an app: 1 to 256 characters.
    UserId
);

impl RegionId {
    const MAX: usize = 32;

    /// Parses a region's name.
    ///
    /// # Errors
    /// When the name is empty, over 32 characters, or holds something other than `a-z`, `0-9` and `-`.
    pub fn new(text: &str) -> Result<RegionId, InvalidId> {
        let what = "a region";
        let text = bounded(what, text, Self::MAX)?;
        match text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
            Some(character) => Err(InvalidId::Character { what, character }),
            None => Ok(RegionId(text.into())),
        }
    }
}

impl EndpointId {
    const MAX: usize = 256;

    /// Parses an endpoint's id and folds it to lower case.
    ///
    /// # Errors
    /// When the id is empty, over 256 characters, or holds `$`, `{` or `}`.
    pub fn new(text: &str) -> Result<EndpointId, InvalidId> {
        let what = "an endpoint id";
        let text = bounded(what, text, Self::MAX)?;
        match text.chars().find(|c| matches!(c, '$' | '{' | '}' | '\0')) {
            Some(character) => Err(InvalidId::Character { what, character }),
            None => Ok(EndpointId(text.to_lowercase().into())),
        }
    }
}

impl UserId {
    const MAX: usize = 256;

    /// Parses a user's id.
    ///
    /// # Errors
    /// When the id is empty, over 256 characters, or holds a NUL.
    pub fn new(text: &str) -> Result<UserId, InvalidId> {
        let what = "a user id";
        let text = bounded(what, text, Self::MAX)?;
        match text.chars().find(|c| *c == '\0') {
            Some(character) => Err(InvalidId::Character { what, character }),
            None => Ok(UserId(text.into())),
        }
    }
}

fn bounded<'a>(what: &'static str, text: &'a str, max: usize) -> Result<&'a str, InvalidId> {
    let found = text.chars().count();
    if (1..=max).contains(&found) { Ok(text) } else { Err(InvalidId::Length { what, max, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_message_id_names_its_group() {
        let id = MessageId::new(GroupId(513), Timestamp(1_700_000_000_123), u64::MAX);
        assert_eq!(id.group(), GroupId(513));
        assert_eq!(id.to_string().parse::<MessageId>().unwrap(), id);
    }

    #[test]
    fn malformed_ids_are_refused() {
        assert!("ABCDEF".parse::<AppId>().is_err());
        assert!("0123456789ABCDEF0123456789abcdef".parse::<AppId>().is_err());
        assert!("+123456789abcdef0123456789abcdef".parse::<AppId>().is_err());
        assert!(RegionId::new("US").is_err());
        assert!(RegionId::new("").is_err());
        assert!(EndpointId::new("a${b}").is_err());
        assert!(EndpointId::new(&"x".repeat(257)).is_err());
        assert!(UserId::new("").is_err());
    }

    #[test]
    fn endpoint_ids_ignore_case() {
        assert_eq!(EndpointId::new("Dev A/1").unwrap(), EndpointId::new("dev a/1").unwrap());
    }
}
