//! What providers tell us, and what we saw of sending.

use std::collections::BTreeMap;
use std::time::Duration;

use model::address::Address;
use model::channel::Channel;
use model::command::Proposal;
use model::id::{AppId, GroupId};
use model::time::Timestamp;
use traffic::observed::SendOutcome;

/// Why a provider's callback was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// No driver of that name takes callbacks.
    #[error("no driver {0:?} takes callbacks")]
    UnknownDriver(String),
    /// The body isn't what the driver understands.
    #[error("{field}: {reason}")]
    Malformed {
        /// The member that was wrong.
        field: String,
        /// What was wrong with it.
        reason: String,
    },
    /// What the callback means can't be told now; the provider must repeat it.
    #[error("the callback can't be taken now: {0}")]
    Unavailable(String),
    /// The callback isn't authentic. Whoever sent it is told nothing more.
    #[error("the callback is not authentic: {0}")]
    NotAuthentic(String),
}

/// The head of a callback.
#[derive(Clone, Copy)]
pub struct CallbackHead<'c> {
    /// Returns the value of a header by its lower-case name, if it is there once and is text.
    pub header: &'c dyn Fn(&str) -> Option<&'c str>,
    /// When it came, by the wall clock.
    pub received: Timestamp,
}

/// Turns the bytes of providers' callbacks into commands. Implemented by the sender's drivers, called by the listeners,
/// which propose what comes back.
pub trait ProviderEvents: Send + Sync {
    /// Refuses a callback that can't be taken, as far as its head shows. Called before its body is read.
    ///
    /// # Errors
    /// When no driver of that name takes callbacks here, or the head isn't authentic; nothing was done then.
    fn admit(&self, driver: &str, head: &CallbackHead<'_>) -> Result<(), CallbackError>;

    /// Checks that a callback is authentic and parses it into commands for the groups that own the messages. The
    /// commands of one message stand in the order in which the provider told of it. Those that would do harm when they
    /// are applied again have a request id that is the same when the provider repeats the callback.
    ///
    /// # Errors
    /// As [`ProviderEvents::admit`], and when the driver does not accept the body; nothing was done then.
    fn parse(
        &self,
        driver: &str,
        head: &CallbackHead<'_>,
        body: &[u8],
    ) -> Result<Vec<(GroupId, Proposal)>, CallbackError>;
}

/// What came of one batch of dispatches on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct DispatchObservation {
    pub channel: Channel,
    /// How long the driver took.
    pub took: Duration,
    /// How many dispatches had each result, by the result's name in metrics. Those that did not begin are left out.
    pub results: BTreeMap<&'static str, u64>,
    /// The same one by one, for health.
    pub sends: Vec<SendObservation>,
}

/// What came of one dispatch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct SendObservation {
    pub app: AppId,
    /// Where it went.
    pub address: Address,
    pub outcome: SendOutcome,
}

/// Where the sender reports what it sees, for metrics and health. Never blocks.
pub trait Observations: Send + Sync {
    /// Takes an observation.
    fn observe(&self, observation: &DispatchObservation);
}
