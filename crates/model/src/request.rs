//! Requests that may be repeated: how long an answer is kept, and how a request names its recipients.

use std::time::Duration;

use crate::address::stable_hash;
use crate::id::EndpointId;

/// How long the answer to a request id is kept.
pub const REQUEST_KEPT: Duration = Duration::from_secs(15 * 60);

/// How a request names a recipient, hashed: its endpoint's id or its address as it was written, and for recipients that
/// are named alike which of them it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecipientName(pub u64);

impl RecipientName {
    /// Returns the name of the recipient that is named by an endpoint for the `occurrence`-th time, from 0.
    pub fn endpoint(endpoint: &EndpointId, occurrence: u32) -> RecipientName {
        named(b'e', endpoint.as_str(), occurrence)
    }

    /// Returns the name of the recipient that is named by an address for the `occurrence`-th time, from 0.
    pub fn address(text: &str, occurrence: u32) -> RecipientName {
        named(b'a', text.trim(), occurrence)
    }
}

fn named(kind: u8, text: &str, occurrence: u32) -> RecipientName {
    let mut bytes = Vec::with_capacity(text.len() + 5);
    bytes.push(kind);
    bytes.extend(occurrence.to_be_bytes());
    bytes.extend(text.as_bytes());
    RecipientName(stable_hash(&bytes))
}
