//! What a driver is: whoever hands messages to a provider. Knows nothing of logs, leases or retries.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::content::Content;
use model::message::Class;
use model::{Address, AppId, Channel, EndpointId, Epoch, MessageId};
use service::ports::BoxFuture;

/// One message to hand over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message; drivers send it as the protocol's reference where there is one.
    pub message: MessageId,
    /// Its app.
    pub app: AppId,
    /// Its channel.
    pub channel: Channel,
    /// Where it goes.
    pub address: Address,
    /// The endpoint it goes to, unless it goes to an address.
    pub endpoint: Option<EndpointId>,
    /// The number of this handover; from 1. With the message it names the handover.
    pub attempt: u32,
    /// The plan under which the region was named.
    pub epoch: Epoch,
    /// How often it may be handed over.
    pub class: Class,
    /// The number, sender id or mailbox that it comes from, if anything names one.
    pub origination: Option<String>,
    /// What it says, with its variables filled in.
    pub content: Arc<Content>,
    /// The caller's context.
    pub context: BTreeMap<String, String>,
}

/// What came of one handover. Details are the provider's words, without addresses or bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriverResult {
    /// The provider took it.
    Accepted {
        /// What the provider calls it.
        provider_id: Option<String>,
    },
    /// The provider did not take it, because it was too much.
    Throttled {
        /// How long it asked to wait.
        retry_after: Option<Duration>,
        /// What it said.
        detail: String,
    },
    /// The provider certainly did not take it, and may later.
    Temporary {
        /// What went wrong.
        detail: String,
    },
    /// The provider refused it for good.
    Permanent {
        /// What it said.
        detail: String,
    },
    /// It was begun, and nobody knows whether the provider took it.
    Unknown {
        /// What happened.
        detail: String,
    },
}

/// Hands messages of some channels to a provider.
pub trait Driver: Send + Sync {
    /// Returns the driver's name in routes, logs and metrics.
    fn name(&self) -> &'static str;

    /// Returns the channels that it can send.
    fn channels(&self) -> &[Channel];

    /// Returns the largest batch that it takes; at least 1.
    fn batch_max(&self) -> usize;

    /// Hands a batch over: 1 to [`Driver::batch_max`] messages of its channels. Returns one result per message, in
    /// their order.
    ///
    /// The future's first poll begins the handover of every message of the batch; it happens under a send lease and
    /// must return within a few milliseconds. A driver bounds its own time and tells what it doesn't know: a connection
    /// that was lost after a request may have been written is [`DriverResult::Unknown`].
    fn deliver(&self, batch: Vec<Delivery>) -> BoxFuture<'_, Vec<DriverResult>>;
}

impl DriverResult {
    /// Returns the result's name in metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            DriverResult::Accepted { .. } => "accepted",
            DriverResult::Throttled { .. } => "throttled",
            DriverResult::Temporary { .. } => "temporary",
            DriverResult::Permanent { .. } => "permanent",
            DriverResult::Unknown { .. } => "unknown",
        }
    }
}
