//! Floor 0: the nouns of Signalbox. Ids, time, channels, addresses, apps, endpoints, opt-outs, messages, events, the
//! traffic plan, and the commands that change them with their outcomes.
//!
//! Values only: no IO, clock, randomness, serde or protobuf, and no map with random order. Whoever builds a value here
//! parsed it at a door; everything after the door trusts it.

pub mod id;
pub mod time;

pub mod address;
pub mod app;
pub mod books;
pub mod channel;
pub mod cluster;
pub mod content;
pub mod endpoint;
pub mod event;
pub mod message;
pub mod opt_out;
pub mod plan;

pub mod command;
pub mod outcome;
pub mod rows;

pub use address::{Address, AddressKey};
pub use app::{App, AppGate, ChannelGate, ChannelSettings};
pub use channel::Channel;
pub use command::{Command, Proposal};
pub use content::{Content, Substitutions};
pub use endpoint::{Endpoint, EndpointPatch};
pub use event::{Event, EventKind};
pub use id::{
    AppId, BodyId, Boot, EndpointId, Epoch, GroupId, LogIndex, MessageId, NodeId, RegionId, RequestId, Revision, Term,
    UserId,
};
pub use message::{Class, Message, Progress, Status};
pub use outcome::{Outcome, Refusal};
pub use plan::TrafficPlan;
pub use time::{BootTime, Timestamp};
