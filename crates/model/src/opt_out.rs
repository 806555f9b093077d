//! What forbids sending to a recipient: opt-outs of people and blocks that follow from endpoints.

use crate::address::AddressKey;
use crate::channel::Channel;
use crate::id::{AppId, EndpointId, Revision};
use crate::time::Timestamp;

/// Where an opt-out came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum OptOutSource {
    /// An operator or the app said so.
    Request,
    /// The recipient replied with an opt-out keyword.
    Reply,
    Unsubscribe,
    Complaint,
    /// The mailbox doesn't exist.
    HardBounce,
}

/// A recipient who wants no messages of an app on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct OptOut {
    pub app: AppId,
    pub key: AddressKey,
    pub channel: Channel,
    pub source: OptOutSource,
    /// When it was first recorded; repeating it keeps the time.
    pub time: Timestamp,
}

/// Why an endpoint forbids messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockReason {
    /// The endpoint's OptOut is ALL: nothing goes to its address on its channel, however addressed.
    OptedOut,
    /// The endpoint is inactive: nothing goes to this endpoint.
    Inactive,
    /// The endpoint was deleted: nothing goes to this endpoint.
    Deleted,
}

/// What an endpoint forbids, stored where its address' messages are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Block {
    pub app: AppId,
    pub key: AddressKey,
    pub endpoint: EndpointId,
    pub channel: Channel,
    pub reason: BlockReason,
    /// The revision of the endpoint that this was taken from; an older one never replaces a newer one.
    pub revision: Revision,
}
