//! A handed-over message as it is kept and shown. Holds no counts and decides nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::retention::Cost;

/// What holding a message costs beside its text: allocations, its place in the ring and in the id index. Estimated.
const MESSAGE_OVERHEAD_BYTES: usize = 384;

/// A message that a sender dispatched, with the answer that it got.
#[derive(Debug, Serialize)]
pub(crate) struct Message {
    pub(crate) message_id: Arc<str>,
    pub(crate) app_id: Box<str>,
    pub(crate) channel: Box<str>,
    pub(crate) address: Box<str>,
    /// The provider's own document, as it came, on one line.
    pub(crate) payload: Box<RawValue>,
    pub(crate) region: Arc<str>,
    pub(crate) node: Arc<str>,
    pub(crate) epoch: u64,
    pub(crate) attempt: u32,
    pub(crate) class: Class,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origination: Option<Box<str>>,
    pub(crate) status: Status,
    pub(crate) provider_id: Arc<str>,
    /// When it arrived, in milliseconds since 1970.
    pub(crate) at_ms: u64,
}

impl Cost for Message {
    fn bytes(&self) -> usize {
        let texts = [&*self.message_id, &self.app_id, &self.channel, &self.address, &self.provider_id];
        let origination_len = self.origination.as_deref().map_or(0, str::len);
        let texts_len: usize = texts.iter().map(|text| text.len()).sum();
        MESSAGE_OVERHEAD_BYTES + texts_len + origination_len + self.payload.get().len()
    }
}

/// How often the sender may hand a message over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Class {
    AtMostOnce,
    AtLeastOnce,
}

/// What became of a dispatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Accepted,
    Throttled,
    TemporaryFailure,
    PermanentFailure,
    /// It came in a request that a fault left without an answer; never part of an answer.
    Hung,
}

impl Status {
    /// The name used in JSON and on the page.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Throttled => "throttled",
            Self::TemporaryFailure => "temporary_failure",
            Self::PermanentFailure => "permanent_failure",
            Self::Hung => "hung",
        }
    }
}
