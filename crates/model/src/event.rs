//! What happened to messages, in the order in which a group recorded it.

use std::collections::BTreeMap;
use std::fmt;

use crate::channel::Channel;
use crate::id::{AppId, EndpointId, Epoch, MessageId, RegionId};
use crate::time::Timestamp;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// The provider took the message.
    Sent,
    /// A dispatch failed and will be tried again.
    Retried,
    /// The message failed for good.
    Failed,
    /// Something forbade the message.
    OptedOut,
    /// The message was no longer worth sending.
    Expired,
    /// Nobody knows whether the message was dispatched.
    Held,
    /// The provider says that it reached the recipient.
    Delivered,
    /// The provider says that it did not reach the recipient and never will at this address.
    HardBounce,
    /// The provider says that it did not reach the recipient this time.
    SoftBounce,
    /// The recipient complained.
    Complaint,
    /// The recipient unsubscribed.
    Unsubscribed,
    /// The provider says that it did not reach the recipient.
    Undelivered,
}

/// Every kind of event with its code on the wire and its name.
pub const EVENT_KINDS: [(EventKind, u8, &str); 12] = [
    (EventKind::Sent, 1, "sent"),
    (EventKind::Retried, 2, "retried"),
    (EventKind::Failed, 3, "failed"),
    (EventKind::OptedOut, 4, "opted_out"),
    (EventKind::Expired, 5, "expired"),
    (EventKind::Held, 6, "held"),
    (EventKind::Delivered, 7, "delivered"),
    (EventKind::HardBounce, 8, "hard_bounce"),
    (EventKind::SoftBounce, 9, "soft_bounce"),
    (EventKind::Complaint, 10, "complaint"),
    (EventKind::Unsubscribed, 11, "unsubscribed"),
    (EventKind::Undelivered, 12, "undelivered"),
];

impl EventKind {
    /// Returns the number that stands for the kind on the wire; never reused.
    pub fn code(self) -> u8 {
        EVENT_KINDS.iter().find(|(kind, ..)| *kind == self).map_or(0, |(_, code, _)| *code)
    }

    /// Returns the kind of a code, or nothing when no kind has it.
    pub fn from_code(code: u8) -> Option<EventKind> {
        EVENT_KINDS.iter().find(|(_, known, _)| *known == code).map(|(kind, ..)| *kind)
    }

    /// Says whether the recipient of a message gets no more once a provider says this of it.
    pub fn opts_out(self) -> bool {
        matches!(self, EventKind::HardBounce | EventKind::Complaint | EventKind::Unsubscribed)
    }

    /// Returns the kind's name in the API, the CLI and logs.
    pub fn as_str(self) -> &'static str {
        EVENT_KINDS.iter().find(|(kind, ..)| *kind == self).map_or("", |(.., name)| name)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that happened. Its place in its group's stream is its sequence number, by which it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Event {
    pub app: AppId,
    pub message: MessageId,
    /// The endpoint it was sent to, if any.
    pub endpoint: Option<EndpointId>,
    pub channel: Channel,
    pub kind: EventKind,
    /// The region that dispatches the message or did.
    pub region: RegionId,
    /// The plan under which that region was named.
    pub epoch: Epoch,
    /// The number of the dispatch that this is about; 0 when none was begun.
    pub attempt: u32,
    /// When the group recorded it.
    pub time: Timestamp,
    /// What was said about it, if anything.
    pub detail: Option<String>,
    /// The caller's context of the message.
    pub context: BTreeMap<String, String>,
}

/// What a provider said about a message that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderEvent {
    /// The message it is about.
    pub message: MessageId,
    /// What it says; one of the kinds that providers report.
    pub kind: EventKind,
    /// What the provider wrote, at most [`crate::message::DETAIL_MAX`] characters.
    pub detail: Option<String>,
}
