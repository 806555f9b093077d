//! A request to send, and its answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::channel::Channel;
use model::content::{Substitutions, VALUE_NAME_MAX, VALUE_NAME_PARTS_MAX};
use model::id::{AppId, EndpointId, RequestId};
use model::message::{Class, RECIPIENTS_MAX};

use super::outcome::SendOutcome;
use crate::error::ServiceError;
use crate::ports::PreparedContent;

/// Messages to send: 1 to 100 recipients, each on a channel that has a content.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct SendRequest {
    pub app: AppId,
    /// Who gets one; answered in this order.
    pub targets: Vec<SendTarget>,
    /// What is said on each channel.
    pub contents: BTreeMap<Channel, Arc<dyn PreparedContent>>,
    /// Values of variables for all recipients.
    pub substitutions: Substitutions,
    /// What the caller traces the messages by; providers are shown it.
    pub trace: Option<String>,
    /// The caller's context for all recipients.
    pub context: BTreeMap<String, String>,
    /// How often each message may be dispatched; by channel and purpose if not given.
    pub class: Option<Class>,
    /// How long the messages are worth sending; the channel's default if not given.
    pub time_to_live: Option<Duration>,
    /// The caller's request, when a repetition must be answered with the first answer.
    pub request: Option<RequestId>,
}

/// One recipient.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct SendTarget {
    pub to: To,
    /// What is said to this recipient instead of what is said on the channel.
    pub content: Option<Arc<dyn PreparedContent>>,
    /// Values of variables for this recipient alone.
    pub substitutions: Substitutions,
    /// The caller's context for this recipient alone.
    pub context: BTreeMap<String, String>,
}

/// How a recipient is named.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum To {
    /// By an address, as the caller wrote it.
    Address { channel: Channel, address: String },
    /// By an endpoint.
    Endpoint(EndpointId),
}

/// The answer for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct SendAnswer {
    /// Where the message goes, as it was written; nothing when that isn't known.
    pub address: Option<String>,
    pub outcome: SendOutcome,
}

impl SendRequest {
    /// Checks what needs nothing else to be known.
    ///
    /// # Errors
    /// `Invalid` when there are no or too many recipients, or a value's name is too long or too deep.
    pub(super) fn check(&self) -> Result<(), ServiceError> {
        if !(1..=RECIPIENTS_MAX).contains(&self.targets.len()) {
            let text = format!("1 to {RECIPIENTS_MAX} recipients are allowed, found {}", self.targets.len());
            return Err(ServiceError::invalid("Addresses", text));
        }
        let named = self.targets.iter().flat_map(|target| target.substitutions.keys());
        self.substitutions.keys().chain(named).try_for_each(|name| value_name(name))
    }

    /// Returns what is said on a channel, or to the recipient at the place `own` alone.
    pub(super) fn content_of(&self, channel: Channel, own: Option<usize>) -> Option<&Arc<dyn PreparedContent>> {
        let of_recipient = own.and_then(|place| self.targets.get(place)?.content.as_ref());
        of_recipient.or_else(|| self.contents.get(&channel))
    }
}

/// Checks the name of a variable's value.
fn value_name(name: &str) -> Result<(), ServiceError> {
    let parts = name.split('.').count();
    if parts > VALUE_NAME_PARTS_MAX || name.chars().count() > VALUE_NAME_MAX {
        let text = format!(
            "a name has at most {VALUE_NAME_MAX} characters and {VALUE_NAME_PARTS_MAX} parts between dots, found {} and \
             {parts}",
            name.chars().count()
        );
        return Err(ServiceError::invalid("Substitutions", text));
    }
    Ok(())
}
