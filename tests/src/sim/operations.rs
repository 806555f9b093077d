//! What clients ask for and are answered, and what the provider is handed, as data.

use model::id::{AppId, EndpointId, Epoch, Incarnation, MessageId, NodeId};
use model::message::Class;

use super::faults::Tick;

/// What a client asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// To write a number to an endpoint. Each endpoint has one writer, whose numbers grow.
    Write {
        /// The endpoint.
        endpoint: String,
        /// The number.
        value: u64,
    },
    /// To read the number of an endpoint.
    Read {
        /// The endpoint.
        endpoint: String,
        /// Whether it must be as new as anything acknowledged anywhere; else only as what this listener acknowledged.
        linearizable: bool,
    },
    /// To send one message.
    Send {
        /// To whom.
        to: Recipient,
        /// Whether the listener that was asked said that it was ready.
        ready: bool,
        /// Until when it is worth sending, if it is accepted at once; nothing when that is longer than any run.
        until: Option<Tick>,
    },
    /// To send nothing more to an address.
    OptOut {
        /// The address.
        address: String,
        /// How that is asked for.
        by: By,
    },
    /// To take an opt-out back, if there is one. Done as well when there was none.
    OptIn {
        /// The address.
        address: String,
        /// How the opt-out was asked for.
        by: By,
    },
    /// To make something that is deleted later.
    Make(Target),
    /// To delete that.
    Delete(Target),
    /// To change the plan.
    ChangePlan {
        /// In words.
        change: String,
    },
}

/// Who a message is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The app that sends.
    pub app: AppId,
    /// The endpoint, unless it goes to an address.
    pub endpoint: Option<EndpointId>,
    /// Where it goes.
    pub address: String,
}

/// How an opt-out is asked for. What was asked for in one way is only taken back in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// As an opt-out of the address.
    Address,
    /// Through an endpoint that has the address.
    Endpoint,
}

/// What is made and deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An app, which nobody but its maker uses.
    App(AppId),
    /// An endpoint of the app that all use.
    Endpoint(EndpointId),
}

/// What a client was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// Done.
    Done,
    /// The number that was read; nothing when there is no such endpoint.
    Read(Option<u64>),
    /// The plan was changed: its number.
    Planned(Epoch),
    /// The message was accepted.
    Accepted(MessageId),
    /// The message was not accepted, because the recipient opted out.
    OptedOut,
    /// It certainly was not done, and why.
    Refused(String),
    /// It may or may not have been done.
    Unknown(String),
}

/// One operation of a client.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The node of the client's listener.
    pub node: NodeId,
    /// What was asked.
    pub asked: Asked,
    /// When it was asked.
    pub from: Tick,
    /// The answer and when it came; nothing when none ever came.
    pub answer: Option<(Tick, Answered)>,
}

/// What the provider made of a dispatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// It took the message.
    Accepted,
    /// It certainly didn't, and may later.
    NotNow,
    /// It certainly didn't and never will.
    Never,
    /// It says nothing; it may have taken it.
    Nothing,
}

/// One dispatch of a message to the provider.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// When it began.
    pub from: Tick,
    /// The node that dispatched.
    pub node: NodeId,
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// The message.
    pub message: MessageId,
    /// The number of the dispatch, by the node's count.
    pub attempt: u32,
    /// The plan under which the region was named.
    pub epoch: Epoch,
    /// How often it may be dispatched.
    pub class: Class,
    /// Who it is for.
    pub to: Recipient,
    /// What the provider said, and when; nothing when the node stopped before.
    pub reply: Option<(Tick, Reply)>,
}

impl Operation {
    /// When it was answered that it is done; nothing when that was never answered.
    pub fn done(&self) -> Option<Tick> {
        match &self.answer {
            Some((at, Answered::Done)) => Some(*at),
            _ => None,
        }
    }

    /// Until when it may take effect: for ever while nobody knows, never when it was refused.
    pub fn may_happen_until(&self) -> Option<Tick> {
        match &self.answer {
            None | Some((_, Answered::Unknown(_))) => Some(Tick::MAX),
            Some((_, Answered::Refused(_) | Answered::OptedOut)) => None,
            Some((at, _)) => Some(*at),
        }
    }
}

impl Target {
    /// Says whether a recipient is gone when this is deleted.
    pub fn has(&self, recipient: &Recipient) -> bool {
        match self {
            Target::App(app) => *app == recipient.app,
            Target::Endpoint(endpoint) => Some(endpoint) == recipient.endpoint.as_ref(),
        }
    }
}
