//! What a driver is: whoever hands messages to a provider. Knows nothing of logs, leases or retries.
//!
//! A dispatch *begins* when [`Begin::begin`] allows it, and that is asked where the payload leaves: on a connection
//! that is made, immediately before the first byte is written. Everything before (resolving, connecting, waiting for a
//! connection) is no part of it and may take its time; what forbids the message meanwhile withdraws it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::content::Content;
use model::message::Class;
use model::{Address, AppId, Channel, EndpointId, Epoch, MessageId};
use service::ports::BoxFuture;

/// One message to dispatch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Delivery {
    /// The message; drivers send it as the protocol's reference where there is one.
    pub message: MessageId,
    pub app: AppId,
    pub channel: Channel,
    /// Where it goes.
    pub address: Address,
    /// The endpoint it goes to, unless it goes to an address.
    pub endpoint: Option<EndpointId>,
    /// The number of this dispatch; from 1. With the message it names the dispatch.
    pub attempt: u32,
    /// The plan under which the region was named.
    pub epoch: Epoch,
    /// How often it may be dispatched.
    pub class: Class,
    /// The number, sender id or mailbox that it comes from, if anything names one.
    pub origination: Option<String>,
    /// What it says, with its variables filled in.
    pub content: Arc<Content>,
    /// What the caller traces it by, and the recipient may see.
    pub trace: Option<Arc<str>>,
    /// The caller's context.
    pub context: BTreeMap<String, String>,
}

/// Messages to dispatch, and where the driver asks before they leave.
#[derive(Clone)]
pub struct Dispatch {
    /// The messages: 1 to [`Driver::batch_max`], each once.
    pub batch: Vec<Delivery>,
    /// The right to begin.
    pub begin: Arc<dyn Begin>,
}

/// Decides whether dispatches may begin now (rules R9 and R10).
pub trait Begin: Send + Sync {
    /// Begins the dispatches of some messages of the batch, all or none, each at most once. Reads the rows as applied
    /// now under a valid send lease; takes a few milliseconds at most and never waits.
    ///
    /// # Errors
    /// When one of them may not begin now: then no byte of any of them may leave, and each is
    /// [`DriverResult::NotBegun`].
    fn begin(&self, messages: &[MessageId]) -> Result<BeginGuard, Withdrawn>;
}

/// Holds fences back (rule R10) until it is dropped: as soon as the first bytes were given to the operating system.
pub struct BeginGuard(#[expect(dead_code, reason = "it is kept for its drop")] Box<dyn Send>);

impl BeginGuard {
    /// Keeps what holds the fences back.
    pub fn holding(check: impl Send + 'static) -> BeginGuard {
        BeginGuard(Box::new(check))
    }
}

/// Says that dispatches may not begin after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the dispatch was withdrawn before it began")]
pub struct Withdrawn;

/// Whose fault a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The recipient's or the message's own: it would be refused from anywhere.
    Recipient,
    /// The sender's: credentials, an account, a request that the provider doesn't understand. Every message from here
    /// may be refused so, and another region's may not.
    Sender,
}

/// What came of one dispatch. Details are the provider's words, without addresses or bodies.
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
        /// Whose fault that is.
        fault: Fault,
        /// What it said.
        detail: String,
    },
    /// It was begun, and nobody knows whether the provider took it.
    Unknown {
        /// How long it asked to wait.
        retry_after: Option<Duration>,
        /// What happened.
        detail: String,
    },
    /// [`Begin::begin`] refused it: nothing of it left, and it counts as no attempt.
    NotBegun,
}

/// Hands messages of some channels to a provider.
pub trait Driver: Send + Sync {
    /// Returns the driver's name in routes, logs and metrics.
    fn name(&self) -> &'static str;

    /// Returns the channels that it can send.
    fn channels(&self) -> &[Channel];

    /// Returns the largest batch that it takes; at least 1.
    fn batch_max(&self) -> usize;

    /// Looks at an address of one of its channels, without asking a network.
    ///
    /// # Errors
    /// When every message to it will be refused for good: why.
    fn check_address(&self, _channel: Channel, _address: &Address) -> Result<(), &'static str> {
        Ok(())
    }

    /// Hands a batch of messages of its channels over. Returns one result per message, in their order.
    ///
    /// Calling it or polling its future begins nothing. For each message the driver asks [`Begin::begin`] once, when it
    /// has a connection that takes the payload now, and writes at once when that is allowed; messages that leave
    /// together are asked for together. A driver bounds its own time and tells what it doesn't know: a connection that
    /// was lost after a request may have been written is [`DriverResult::Unknown`].
    fn deliver(&self, dispatch: Dispatch) -> BoxFuture<'_, Vec<DriverResult>>;
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
            DriverResult::NotBegun => "not_begun",
        }
    }
}
