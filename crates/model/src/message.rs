//! Messages: what was accepted for one recipient, and how far it got.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::address::{Address, AddressKey};
use crate::body::BodyContent;
use crate::channel::Channel;
use crate::content::{Purpose, Substitutions};
use crate::event::EventKind;
use crate::id::{AppId, BodyId, EndpointId, Epoch, Incarnation, MessageId, NodeId, RegionId};
use crate::time::Timestamp;

/// The largest number of recipients of one request (Pinpoint API reference, SendMessages).
pub const RECIPIENTS_MAX: usize = 100;
/// The longest detail of a result that is kept, in characters.
pub const DETAIL_MAX: usize = 200;
/// How many events of one message are kept: the first, and the latest.
pub const EVENTS_MAX: usize = 256;

/// How often a message may be handed to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// At least once; twice only if the node that held it stopped or was cut off between dispatching and recording.
    AtLeastOnce,
    /// At most once; a message whose outcome is unknown is held.
    AtMostOnce,
}

impl Class {
    /// Returns the class of a message whose channel and request name none.
    pub fn default_of(purpose: Purpose) -> Class {
        match purpose {
            Purpose::Transactional => Class::AtLeastOnce,
            Purpose::Promotional => Class::AtMostOnce,
        }
    }

    /// Returns the class's name in the API, the CLI and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::AtLeastOnce => "at_least_once",
            Class::AtMostOnce => "at_most_once",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A body that messages of one request share in a partition. It goes when the last of them is retired.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Body {
    pub content: BodyContent,
    /// Values of variables for all recipients.
    pub substitutions: Substitutions,
    /// What the caller traces the messages by; providers are shown it.
    pub trace: Option<String>,
    /// How many messages of the partition refer to it; at least 1.
    pub references: u64,
}

/// A message as it was accepted. It never changes; how far it got is its [`Progress`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Message {
    /// Its id, which names its group.
    pub id: MessageId,
    pub app: AppId,
    /// The channel it goes through.
    pub channel: Channel,
    /// Where it goes, in normal form.
    pub address: Address,
    /// What its recipient goes by.
    pub key: AddressKey,
    /// The endpoint it was sent to, unless it was sent to an address.
    pub endpoint: Option<EndpointId>,
    pub body: BodyId,
    /// Values of variables for this recipient alone; they win over the body's.
    pub substitutions: Substitutions,
    /// What the caller wants to find in the events.
    pub context: BTreeMap<String, String>,
    /// How often it may be dispatched.
    pub class: Class,
    /// When its group accepted it.
    pub accepted: Timestamp,
    /// When it is no longer worth sending.
    pub expires: Timestamp,
}

/// Where a message stands, as far as its group was told. Legal moves: `Waiting` to every other; `Held` to every other;
/// the rest are final, but one that did not end as `Delivered` moves there when its provider says that it took the
/// message after all: a node that was cut off tells its results late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// In its region's outbox: to be dispatched when due.
    Waiting,
    /// Claimed, and nobody knows whether it was dispatched: a policy or the operator decides.
    Held,
    /// The provider took it.
    Delivered,
    /// It was refused for good.
    Failed,
    /// Something forbade it before it was dispatched, as far as is known.
    OptedOut,
    /// It was no longer worth sending, and no provider took it as far as is known.
    Expired,
}

/// Every status, in the order of the enum.
pub const STATUSES: [Status; 6] =
    [Status::Waiting, Status::Held, Status::Delivered, Status::Failed, Status::OptedOut, Status::Expired];

impl Status {
    /// Returns whether nothing more is done about the message.
    pub fn is_final(self) -> bool {
        !matches!(self, Status::Waiting | Status::Held)
    }

    /// Returns the status' name in the API, the CLI and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Waiting => "waiting",
            Status::Held => "held",
            Status::Delivered => "delivered",
            Status::Failed => "failed",
            Status::OptedOut => "opted_out",
            Status::Expired => "expired",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A committed right to dispatch one message once. A claim of an earlier incarnation is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// The node that may hand it over.
    pub node: NodeId,
    /// The incarnation of that node.
    pub incarnation: Incarnation,
}

/// How far a message got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Where it stands.
    pub status: Status,
    /// The region that dispatches it while it waits, or that dispatched it.
    pub region: RegionId,
    /// The plan under which that region was named.
    pub epoch: Epoch,
    /// How many dispatches have a recorded result.
    pub attempts: u32,
    /// When it may be dispatched, while it waits.
    pub due: Timestamp,
    /// Who may hand it over, for `at_most_once` messages; of a held one, who may still say what came of it.
    pub claim: Option<Claim>,
    /// What the provider calls it.
    pub provider_id: Option<String>,
    /// What was last said about it; at most [`DETAIL_MAX`] characters.
    pub detail: Option<String>,
    /// When this last changed.
    pub changed: Timestamp,
    /// Its events, in the order of their recording; at most [`EVENTS_MAX`].
    pub events: Vec<EventRef>,
}

impl Progress {
    /// Returns whether an event of a kind was recorded.
    pub fn has_event(&self, kind: EventKind) -> bool {
        self.events.iter().any(|event| event.kind == kind)
    }
}

/// One of a message's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct EventRef {
    /// Its number in the group's stream.
    pub number: u64,
    pub kind: EventKind,
}

/// What is kept of a message that was retired: whom it went to, because its provider may still tell what forbids
/// sending to them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Trace {
    pub app: AppId,
    pub channel: Channel,
    pub key: AddressKey,
    /// The kinds of events that opt out and were recorded of it: their repetition changes nothing.
    pub heard: BTreeSet<EventKind>,
}

/// What came of a dispatch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum SendResult {
    /// The provider took it.
    Delivered {
        /// What the provider calls it.
        provider_id: Option<String>,
    },
    /// The provider did not take it, and it may be tried again.
    Retry { due: Timestamp, detail: String },
    /// It was refused for good.
    Failed { detail: String },
    /// Nobody knows whether the provider took it. `at_least_once` messages are tried again, others are held.
    Unknown {
        /// When to try again, if that is allowed.
        due: Timestamp,
        detail: String,
    },
    /// It was not dispatched because something forbids it now.
    Forbidden,
}
