//! A delivery event as callbacks get it. Knows neither queues nor HTTP.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a provider says about a message that it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EventKind {
    Delivered,
    BouncedHard,
    BouncedSoft,
    Complaint,
    Undelivered,
}

impl EventKind {
    /// The sentence that goes with it.
    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Self::Delivered => "the sandbox delivers everything that it accepts",
            Self::BouncedHard => "the sandbox was told to bounce this for good",
            Self::BouncedSoft => "the sandbox was told to bounce this for now",
            Self::Complaint => "the sandbox was told that the recipient complains",
            Self::Undelivered => "the sandbox was told not to deliver this",
        }
    }
}

/// One event of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DeliveryEvent {
    pub(crate) message_id: Arc<str>,
    pub(crate) provider_id: Arc<str>,
    pub(crate) kind: EventKind,
    /// When it happened, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    pub(crate) detail: &'static str,
}

/// The body that a callback gets.
#[derive(Debug, Serialize)]
pub(crate) struct EventsBody<'a> {
    /// 1 to 500 events.
    pub(crate) events: &'a [DeliveryEvent],
}
