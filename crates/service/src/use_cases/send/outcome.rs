//! What became of one recipient of a request to send.

use model::channel::Channel;
use model::id::MessageId;
use model::outcome::{Acceptance, Refusal};

use crate::error::{ErrorCode, ServiceError};

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// A message was accepted: it survives the loss of any one region.
    Accepted(MessageId),
    /// The recipient opted out.
    OptedOut,
    /// The endpoint takes no messages.
    Inactive,
    /// There is no such endpoint, or it has no address.
    EndpointNotFound,
    /// The channel is not enabled for the app.
    ChannelDisabled(Channel),
    /// The address is none of its channel.
    InvalidAddress(String),
    /// Nothing is said on the recipient's channel.
    NoContent(Channel),
    /// What the recipient would get can't be sent, nothing can be sent to the address, or the request id was used for too
    /// many others: why. Repeating is useless.
    Unsendable(String),
    /// The partition did not take it now; repeating is safe for this recipient.
    Unavailable(String),
    /// Nobody knows whether it was accepted; repeating with the same request id is safe.
    Unknown(String),
}

impl SendOutcome {
    /// Makes an outcome of what a partition answered for a recipient on `channel`.
    pub(super) fn of(acceptance: Acceptance, channel: Channel) -> SendOutcome {
        match acceptance {
            Acceptance::Accepted(message) => SendOutcome::Accepted(message),
            Acceptance::OptedOut => SendOutcome::OptedOut,
            Acceptance::Inactive => SendOutcome::Inactive,
            Acceptance::Refused(refusal) => SendOutcome::refused(&refusal, channel),
            Acceptance::Closed => {
                SendOutcome::Unavailable("the endpoint moved while the request was under way; repeat it".to_owned())
            }
        }
    }

    /// Makes an outcome of why a partition refused recipients on `channel`.
    pub(super) fn refused(refusal: &Refusal, channel: Channel) -> SendOutcome {
        match refusal {
            Refusal::ChannelNotFound | Refusal::ChannelDisabled => SendOutcome::ChannelDisabled(channel),
            Refusal::RequestReused(_) => SendOutcome::Unsendable(refusal.to_string()),
            _ => SendOutcome::Unavailable(refusal.to_string()),
        }
    }
}

/// Makes an outcome of why a partition didn't answer.
pub(super) fn not_taken(error: &ServiceError) -> SendOutcome {
    match error.code {
        ErrorCode::Unknown => SendOutcome::Unknown(error.message.clone()),
        ErrorCode::TooLarge | ErrorCode::Invalid => SendOutcome::Unsendable(error.message.clone()),
        _ => SendOutcome::Unavailable(error.message.clone()),
    }
}

impl std::fmt::Display for SendOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SendOutcome::Accepted(message) => write!(f, "accepted as {message}"),
            SendOutcome::OptedOut => f.write_str("the recipient opted out"),
            SendOutcome::Inactive => f.write_str("the endpoint takes no messages"),
            SendOutcome::EndpointNotFound => f.write_str("endpoint not found"),
            SendOutcome::ChannelDisabled(channel) => write!(f, "no channel of type {channel} is enabled"),
            SendOutcome::InvalidAddress(reason) => f.write_str(reason),
            SendOutcome::NoContent(channel) => write!(f, "the request says nothing for {channel}"),
            SendOutcome::Unsendable(reason) | SendOutcome::Unavailable(reason) | SendOutcome::Unknown(reason) => {
                f.write_str(reason)
            }
        }
    }
}
