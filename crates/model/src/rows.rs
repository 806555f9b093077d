//! Rows that a group keeps about its own working, beside the nouns of the trade.

use std::collections::BTreeMap;

use crate::channel::Channel;
use crate::endpoint::FormerGroup;
use crate::id::Epoch;
use crate::message::Class;
use crate::outcome::{Acceptance, Outcome};
use crate::request::RecipientName;
use crate::time::Timestamp;

/// What a group knows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupMeta {
    /// The largest stamp applied so far: the group's clock.
    pub clock: Timestamp,
    /// What commands the group may hold; 0 counts as [`FIRST`](crate::version::FIRST).
    pub apply_version: u32,
    /// When it was raised to that version, by the group's time; zero while it is at the first.
    pub version_since: Timestamp,
    /// The number of the last event; events are numbered from 1.
    pub events: u64,
    /// The epoch of the current plan (control group) or of the adopted one (partitions).
    pub epoch: Epoch,
}

impl GroupMeta {
    /// Returns the version that the group is at; [`FIRST`](crate::version::FIRST) or more.
    pub fn version(&self) -> u32 {
        self.apply_version.max(crate::version::FIRST)
    }
}

/// How far a group is with forgetting a deleted app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deletion {
    /// The control group said that the app is deleted: its rows may go.
    pub known: bool,
    /// The group of the app's endpoints said that no more blocks come.
    pub ended: bool,
}

/// A waiting message in its region's outbox: what a sender must know to schedule it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct OutboxRow {
    pub channel: Channel,
    /// How often it may be dispatched.
    pub class: Class,
    /// How many dispatches have a recorded result.
    pub attempts: u32,
    /// When it is no longer worth sending.
    pub expires: Timestamp,
}

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct RequestRow {
    pub answer: RequestAnswer,
    pub time: Timestamp,
}

/// What a request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestAnswer {
    /// The answer to its only command.
    Whole(Outcome),
    /// The answers to its recipients in this group; at most
    /// [`RECIPIENTS_MAX`](crate::message::RECIPIENTS_MAX).
    Recipients(BTreeMap<RecipientName, Acceptance>),
}

/// An endpoint that was deleted: where messages to it were decided.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct DeletedEndpoint {
    /// Each group once.
    pub former: Vec<FormerGroup>,
    pub deleted: Timestamp,
}
