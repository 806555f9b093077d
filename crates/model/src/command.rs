//! Commands: everything that changes a group's state. A command carries all that applying it needs (ids, seeds, due
//! times); the only clock it sees is its entry's stamp.

use std::collections::BTreeMap;

use crate::address::{Address, AddressKey};
use crate::app::{AppSendState, ChannelDetail};
use crate::body::{BodyContent, PutPiece};
use crate::channel::Channel;
use crate::content::Substitutions;
use crate::endpoint::EndpointPatch;
use crate::event::ProviderEvent;
use crate::id::{AppId, BodyId, EndpointId, Epoch, GroupId, Incarnation, MessageId, NodeId, RegionId, RequestId};
use crate::message::{Claim, Class, SendResult};
use crate::opt_out::{Block, OptOutList, OptOutSource};
use crate::plan::{PlanChange, TrafficPlan};
use crate::request::RecipientName;
use crate::time::Timestamp;

/// A command with the request that caused it. A repeated request id is answered with the first answer for
/// [`REQUEST_KEPT`](crate::request::REQUEST_KEPT); of messages to accept, each recipient by its own. Commands without
/// one are applied once for each time that they are proposed, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Proposal {
    pub request: Option<RequestId>,
    pub command: Command,
}

/// The largest encoded proposal, in bytes; an entry of a log holds no more.
pub const PROPOSAL_BYTES_MAX: usize = 1024 * 1024;

/// The largest [`Piece`](crate::body::Piece), in bytes: two of them with their commands fit into one entry.
pub const PIECE_BYTES_MAX: usize = PROPOSAL_BYTES_MAX / 2 - 1024;

/// The largest number of follow-ups that wait in one group for one target. A target takes a few hundred a second, so
/// that this is what it can take while a caller waits for the last of them, and more than comes during a failover.
pub const FOLLOW_UPS_MAX: u64 = 10_000;

/// The largest number of messages or rows that one housekeeping command touches.
pub const CHUNK_MAX: u32 = 1_000;

/// A change of a group's state. The first block belongs to the control group, the second to partitions, the third to
/// both.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum Command {
    CreateApp {
        /// Its id, drawn at the listener.
        app: AppId,
        name: String,
        tags: BTreeMap<String, String>,
    },
    /// Deletes an app; its data in the partitions follows.
    DeleteApp {
        app: AppId,
    },
    /// Configures a channel of an app. Its detail is replaced as a whole.
    PutChannel {
        app: AppId,
        channel: Channel,
        /// Whether it is enabled; as it was, or enabled when new, if not given.
        enabled: Option<bool>,
        /// The class of messages that name none; as it was if not given.
        class: Option<Class>,
        detail: ChannelDetail,
    },
    DeleteChannel {
        app: AppId,
        channel: Channel,
    },
    CommitPlan {
        change: PlanChange,
    },

    /// Creates an endpoint or merges a change into it.
    UpsertEndpoint(Box<UpsertEndpoint>),
    DeleteEndpoint {
        app: AppId,
        endpoint: EndpointId,
    },
    /// Records that a recipient wants no messages.
    PutOptOut {
        app: AppId,
        key: AddressKey,
        channel: Channel,
        source: OptOutSource,
    },
    DeleteOptOut {
        app: AppId,
        key: AddressKey,
        channel: Channel,
    },
    /// Records that a telephone number wants no messages from the identities of a list.
    PutListedOptOut {
        list: OptOutList,
        key: AddressKey,
        source: OptOutSource,
    },
    DeleteListedOptOut {
        list: OptOutList,
        key: AddressKey,
    },
    /// Puts a piece of a body that is larger than a command may be.
    PutPiece(PutPiece),
    /// Accepts messages that share a body.
    AcceptMessages(Box<AcceptMessages>),
    /// Answers recipients of a request to send as they were answered in this group, and sees to it that no other one of
    /// them is accepted here under that request: their endpoints have gone to other groups.
    CloseRequest {
        request: RequestId,
        /// The recipients; 1..=[`RECIPIENTS_MAX`](crate::message::RECIPIENTS_MAX).
        recipients: Vec<RecipientName>,
    },
    /// Claims messages of class `at_most_once` for a node.
    Claim {
        /// The node and incarnation that will dispatch them.
        claim: Claim,
        /// The region of that node.
        region: RegionId,
        /// The messages; 1..=[`CHUNK_MAX`].
        messages: Vec<MessageId>,
    },
    /// Gives back claims whose dispatch was not begun and never will be. What is held only because of such a claim waits
    /// again.
    ReleaseClaims {
        /// The node and incarnation that held them.
        claim: Claim,
        /// The messages; 1..=[`CHUNK_MAX`].
        messages: Vec<MessageId>,
    },
    /// Records what came of dispatches.
    Settle {
        /// The region that handed them over.
        region: RegionId,
        /// The results; 1..=[`CHUNK_MAX`].
        results: Vec<Settlement>,
    },
    /// Records what providers said; opt-outs follow where the event says so.
    RecordEvents {
        /// The events; 1..=[`CHUNK_MAX`].
        events: Vec<ProviderEvent>,
    },
    /// Decides what becomes of held messages.
    ResolveHeld {
        /// The messages; 1..=[`CHUNK_MAX`].
        messages: Vec<MessageId>,
        resolution: Resolution,
    },
    /// Takes over a plan from the control group. An older one than the adopted one is ignored.
    AdoptPlan {
        plan: Box<TrafficPlan>,
    },
    /// Moves waiting messages out of a region, by rule R11. Ignored unless the adopted plan has this epoch (R12).
    Takeover {
        /// The region that loses them.
        region: RegionId,
        /// The plan that moves them.
        epoch: Epoch,
        /// Where the last chunk ended; nothing to start.
        cursor: Option<OutboxCursor>,
        /// The largest number of messages; 1..=[`CHUNK_MAX`].
        limit: u32,
    },
    /// Says that a node started: its earlier incarnations claim nothing any more, and what they still have claimed becomes
    /// held.
    BeginIncarnation {
        node: NodeId,
        incarnation: Incarnation,
        /// The largest number of claims that are dealt with; 0..=[`CHUNK_MAX`].
        limit: u32,
    },
    /// Expires messages whose time is over.
    Expire {
        /// The largest number of messages; 1..=[`CHUNK_MAX`].
        limit: u32,
    },

    /// Delivers a follow-up of another group. Applied in order, once each.
    FollowUp {
        source: GroupId,
        /// Its number among the follow-ups from that group to this one; from 1.
        number: u64,
        action: Box<FollowUpAction>,
    },
    /// Removes follow-ups that their target applied and acknowledged.
    FollowUpsDone {
        target: GroupId,
        /// The last of them.
        through: u64,
    },
    /// Removes what was kept long enough: settled messages with their events and bodies, request ids, data of deleted
    /// apps.
    Retire {
        /// The largest number of rows of each kind; 1..=[`CHUNK_MAX`].
        limit: u32,
    },
    /// Raises the group's apply version.
    SetApplyVersion {
        /// The new version; ignored when it isn't larger.
        version: u32,
    },
    /// Changes nothing. Proposed to be fenced: then every holder is fenced up to what came before it in the log. Since
    /// apply version 2; before, a [`SetApplyVersion`](Command::SetApplyVersion) to 0 served.
    Fence,
}

/// What one group asks another to do because of a change of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum FollowUpAction {
    /// Take over what a partition must know of an app.
    AdoptApp(AppSendState),
    /// Forbid messages because of an endpoint.
    PutBlock(Block),
    /// Forbid them no longer because of this endpoint.
    RemoveBlock { app: AppId, key: AddressKey, endpoint: EndpointId },
    /// Nothing more comes from the group of a deleted app's endpoints because of them: the last follow-up about it.
    EndApp { app: AppId },
}

/// See [`Command::UpsertEndpoint`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct UpsertEndpoint {
    pub app: AppId,
    /// The endpoint, in lower case.
    pub endpoint: EndpointId,
    /// The endpoint's id as written; used at creation.
    pub display_id: String,
    pub patch: EndpointPatch,
    /// The caller's request, recorded in the endpoint.
    pub request: RequestId,
    /// Random bits drawn at the listener, for the cohort.
    pub seed: u64,
}

/// See [`Command::AcceptMessages`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct AcceptMessages {
    pub app: AppId,
    /// The channel of all the recipients.
    pub channel: Channel,
    /// The body's id, drawn at the listener.
    pub body: BodyId,
    /// What it says; pieces must have been put before.
    pub content: BodyContent,
    /// Values of variables for all recipients.
    pub substitutions: Substitutions,
    /// The class, when the request names one.
    pub class: Option<Class>,
    /// How long the messages are worth sending, in milliseconds from their acceptance; at least 1.
    pub time_to_live_ms: u64,
    /// What the caller traces the messages by; providers are shown it.
    pub trace: Option<String>,
    /// The caller's context for all recipients.
    pub context: BTreeMap<String, String>,
    /// The recipients; 1..=100, answered in this order.
    pub recipients: Vec<Recipient>,
}

/// One recipient of [`AcceptMessages`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Recipient {
    /// The id of the message, drawn at the listener; its group is the group that applies this.
    pub message: MessageId,
    pub address: Address,
    /// The normalised address, or the endpoint's key.
    pub key: AddressKey,
    /// The endpoint, unless it goes to an address.
    pub endpoint: Option<EndpointId>,
    /// How its request names it; of no meaning when the proposal has no request id.
    pub name: RecipientName,
    /// Values of variables for this recipient alone.
    pub substitutions: Substitutions,
    /// The caller's context for this recipient alone; it wins over the request's.
    pub context: BTreeMap<String, String>,
}

/// What came of one dispatch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Settlement {
    pub message: MessageId,
    /// The number of the dispatch; from 1.
    pub attempt: u32,
    pub result: SendResult,
}

/// What becomes of a held message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// It goes again: a new attempt with a new claim.
    Resend,
    /// It counts as failed.
    GiveUp,
    /// The provider says that it took it.
    Delivered,
}

/// A place in a region's outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct OutboxCursor {
    /// When the message is due.
    pub due: Timestamp,
    pub message: MessageId,
}

impl Command {
    /// Says whether applying the command can forbid sending: it is then acknowledged only when every holder is fenced
    /// up to it (rule R7), also when it changes nothing.
    pub fn forbids_sending(&self) -> bool {
        match self {
            Command::PutOptOut { .. } | Command::PutListedOptOut { .. } | Command::AdoptPlan { .. } => true,
            Command::FollowUp { action, .. } => match action.as_ref() {
                FollowUpAction::PutBlock(_) | FollowUpAction::AdoptApp(_) => true,
                FollowUpAction::RemoveBlock { .. } | FollowUpAction::EndApp { .. } => false,
            },
            Command::RecordEvents { events } => events.iter().any(|event| event.kind.opts_out()),
            _ => false,
        }
    }

    /// Returns whether this asks for work that a client can be told to bring later. Everything else ends work that was
    /// begun, keeps messages from being sent, or is so rare that it is always let in.
    pub fn is_new_work(&self) -> bool {
        match self {
            Command::PutPiece(_) | Command::AcceptMessages(_) | Command::CloseRequest { .. } => true,
            Command::UpsertEndpoint(upsert) => !upsert.patch.forbids_sending(),
            _ => false,
        }
    }

    /// Returns the command's name in logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Command::CreateApp { .. } => "create_app",
            Command::DeleteApp { .. } => "delete_app",
            Command::PutChannel { .. } => "put_channel",
            Command::DeleteChannel { .. } => "delete_channel",
            Command::CommitPlan { .. } => "commit_plan",
            Command::UpsertEndpoint(_) => "upsert_endpoint",
            Command::DeleteEndpoint { .. } => "delete_endpoint",
            Command::PutOptOut { .. } => "put_opt_out",
            Command::DeleteOptOut { .. } => "delete_opt_out",
            Command::PutListedOptOut { .. } => "put_listed_opt_out",
            Command::DeleteListedOptOut { .. } => "delete_listed_opt_out",
            Command::PutPiece(_) => "put_piece",
            Command::AcceptMessages(_) => "accept_messages",
            Command::CloseRequest { .. } => "close_request",
            Command::Claim { .. } => "claim",
            Command::ReleaseClaims { .. } => "release_claims",
            Command::Settle { .. } => "settle",
            Command::RecordEvents { .. } => "record_events",
            Command::ResolveHeld { .. } => "resolve_held",
            Command::AdoptPlan { .. } => "adopt_plan",
            Command::Takeover { .. } => "takeover",
            Command::BeginIncarnation { .. } => "begin_incarnation",
            Command::Expire { .. } => "expire",
            Command::FollowUp { .. } => "follow_up",
            Command::FollowUpsDone { .. } => "follow_ups_done",
            Command::Retire { .. } => "retire",
            Command::SetApplyVersion { .. } => "set_apply_version",
            Command::Fence => "fence",
        }
    }
}
