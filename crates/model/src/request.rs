//! Requests that may be repeated: how long an answer is kept, and how a request names its recipients.

use std::time::Duration;

use crate::address::stable_hash;
use crate::channel::Channel;
use crate::id::EndpointId;

/// How long the answer to a request id is kept.
pub const REQUEST_KEPT: Duration = Duration::from_secs(15 * 60);

/// How a request names a recipient, hashed: its endpoint's id, or its channel and address as they were written; and for
/// recipients that are named alike which of them it is. What it is resolved to plays no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RecipientName(pub u64);

impl RecipientName {
    /// Returns the name of the recipient that is named by an endpoint for the `occurrence`-th time, from 0.
    pub fn endpoint(endpoint: &EndpointId, occurrence: u32) -> RecipientName {
        named(0, endpoint.as_str(), occurrence)
    }

    /// Returns the name of the recipient that is named by an address for the `occurrence`-th time, from 0.
    pub fn address(channel: Channel, text: &str, occurrence: u32) -> RecipientName {
        named(channel.code(), text, occurrence)
    }
}

/// Hashes a name; `kind` is the code of a channel, which is never 0.
fn named(kind: u8, text: &str, occurrence: u32) -> RecipientName {
    let mut bytes = Vec::with_capacity(text.len() + 5);
    bytes.push(kind);
    bytes.extend(occurrence.to_be_bytes());
    bytes.extend(text.as_bytes());
    RecipientName(stable_hash(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_by_all_that_is_said() {
        let endpoint = EndpointId::new("1").unwrap();
        let names = [
            RecipientName::endpoint(&endpoint, 0),
            RecipientName::endpoint(&endpoint, 1),
            RecipientName::address(Channel::Sms, "1", 0),
            RecipientName::address(Channel::Sms, "1", 1),
            RecipientName::address(Channel::Sms, " 1", 0),
            RecipientName::address(Channel::Voice, "1", 0),
        ];
        assert_eq!(std::collections::BTreeSet::from(names).len(), names.len());
        assert_eq!(RecipientName::address(Channel::Sms, "1", 0), names[2]);
    }
}
