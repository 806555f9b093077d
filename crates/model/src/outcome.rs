//! What applying a command answers.

use crate::app::{App, ChannelSettings};
use crate::command::OutboxCursor;
use crate::endpoint::{Attributes, Endpoint};
use crate::id::{Epoch, GroupId, Incarnation, MessageId};
use crate::opt_out::{ListedOptOut, OptOut};
use crate::plan::TrafficPlan;

/// In place of a follow-up's number: the change forbids sending in the group itself, so every holder must be fenced up
/// to it before it is acknowledged.
pub const FENCE_HERE: u64 = 0;

/// The answer to one command. Every command has exactly one kind of answer, or is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum Outcome {
    /// The command can't be carried out; nothing was changed.
    Refused(Refusal),
    /// Done; there is nothing more to say.
    Done,
    /// The app as it is now, or as it was when it was deleted.
    App(App),
    /// The channel as it is now, or as it was when it was deleted.
    Channel(ChannelSettings),
    /// The opt-out as it stands, with the source and time of the first.
    OptOut(OptOut),
    /// The same of an opt-out of a list.
    ListedOptOut(ListedOptOut),
    /// The plan that is now current.
    Plan(Box<TrafficPlan>),
    /// The endpoint as it is now, and what must be waited for.
    Endpoint {
        endpoint: Box<Endpoint>,
        created: bool,
        /// Follow-ups that must be acknowledged before this is: (target, number). The group itself with [`FENCE_HERE`]
        /// stands for what it forbade in its own tables.
        follow_ups: Vec<(GroupId, u64)>,
    },
    /// The endpoint as it was when it was deleted.
    EndpointDeleted {
        endpoint: Box<Endpoint>,
        /// The attributes of its user.
        user_attributes: Attributes,
        /// As in [`Outcome::Endpoint`].
        follow_ups: Vec<(GroupId, u64)>,
    },
    /// The app or channel change was made, and follow-ups must be acknowledged before it is.
    Carried {
        /// The answer to give then.
        outcome: Box<Outcome>,
        /// The follow-ups: (target, number).
        follow_ups: Vec<(GroupId, u64)>,
    },
    /// What became of each recipient, in the order of the request.
    Accepted(Vec<Acceptance>),
    /// The messages that are now claimed; the others are not the region's to send, or are claimed or settled.
    Claimed(Vec<MessageId>),
    /// How many messages or rows a chunk touched, and where the next one begins; nothing when this was the last.
    Chunk {
        touched: u32,
        /// Where to go on, for those commands that take a cursor.
        next: Option<OutboxCursor>,
        /// Whether there is more to do now.
        more: bool,
    },
    /// How many of the records changed something.
    Recorded { changed: u32 },
}

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// A message was accepted for it.
    Accepted(MessageId),
    /// The recipient opted out of the channel.
    OptedOut,
    /// The endpoint is inactive or was deleted.
    Inactive,
    /// The others of the command were answered before, this one is refused now.
    Refused(Refusal),
    /// The request is closed for this recipient here: its endpoint is elsewhere.
    Closed,
}

/// Why a command can't be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the values are")]
pub enum Refusal {
    /// The app doesn't exist, was deleted, or isn't known to the partition yet.
    #[error("application not found")]
    AppNotFound,
    /// There are as many apps as allowed.
    #[error("there are already {0} applications, the most allowed")]
    TooManyApps(usize),
    #[error("the channel is not configured")]
    ChannelNotFound,
    #[error("the channel is not enabled")]
    ChannelDisabled,
    #[error("endpoint not found")]
    EndpointNotFound,
    /// The endpoint would break a limit.
    #[error("{0}")]
    EndpointLimit(String),
    #[error("an endpoint with an address needs a channel type")]
    ChannelTypeMissing,
    #[error("an endpoint with a channel type needs an address")]
    AddressMissing,
    /// The endpoint's address would be none of its channel.
    #[error("{0}")]
    AddressInvalid(String),
    /// A request id came with more recipients than a request may have.
    #[error("the request id was used for other recipients: it may name {0} at most, use a new one")]
    RequestReused(usize),
    #[error("opt-out not found")]
    OptOutNotFound,
    #[error("the current plan is epoch {current}, the change was made from epoch {parent}")]
    PlanConflict { current: Epoch, parent: Epoch },
    #[error("the plan is not valid: {0}")]
    PlanInvalid(String),
    /// The partition has no plan yet, so nobody could send.
    #[error("no traffic plan has been adopted yet")]
    NoPlan,
    /// Pieces of the body are missing: they were kept long enough, or never came. Sending it all again helps.
    #[error("pieces of the content are missing, send the request again")]
    BodyIncomplete,
    /// A piece of a body that can't be: too large, or of another number than the others of its body say.
    #[error("the piece is not valid: {0}")]
    PieceInvalid(String),
    /// The plan lets no region send on the channel.
    #[error("no region may send on this channel")]
    NoRegion,
    /// As many changes as allowed wait for a group, which has no leader or takes them too slowly. Repeating the command
    /// later helps.
    #[error("backlog of group {target} is full: {limit} follow-ups are waiting for it; retry later")]
    TooManyFollowUps { target: GroupId, limit: u64 },
    /// A command of another kind of group.
    #[error("the command belongs to another kind of group")]
    WrongGroup,
    /// The group was told of a later start of the node: its data folder is an old one, or a new one with a low number.
    #[error("the group knows incarnation {known} of the node already")]
    IncarnationOutdated { known: Incarnation },
    /// A follow-up came before its predecessor.
    #[error("follow-up out of order: got {number}, expected {expected}")]
    FollowUpGap { number: u64, expected: u64 },
}

impl Refusal {
    /// Says whether the refusal passes by itself: the same command may succeed later.
    pub fn passes(&self) -> bool {
        matches!(self, Refusal::NoPlan | Refusal::NoRegion | Refusal::BodyIncomplete | Refusal::TooManyFollowUps { .. })
    }
}
