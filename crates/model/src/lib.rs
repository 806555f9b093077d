//! Floor 0: the nouns of Signalbox. Ids, time, channels, addresses, apps, endpoints, opt-outs, messages, events, the
//! traffic plan, and the commands that change them with their outcomes.
//!
//! Values only: no IO, clock, randomness, serde or protobuf, and no map with random order. Whoever builds a value here
//! parsed it at a listener; everything after the listener trusts it.

pub mod id;
pub mod invisible;
pub mod location;
pub mod time;

pub mod date;

pub mod accounting;
pub mod address;
pub mod alarm;
pub mod app;
pub mod body;
pub mod channel;
pub mod cluster;
pub mod content;
pub mod country;
pub mod destination;
pub mod endpoint;
pub mod event;
pub mod message;
pub mod opt_out;
pub mod plan;
pub mod readiness;
pub mod reading;
pub mod version;

pub mod request;

pub mod command;
pub mod outcome;
pub mod rows;

pub use address::{Address, AddressKey};
pub use app::{App, AppSendState, ChannelSendState, ChannelSettings};
pub use channel::Channel;
pub use command::{Command, Proposal};
pub use content::{Content, Substitutions};
pub use country::Country;
pub use destination::{Destination, InvalidDestination};
pub use endpoint::{Endpoint, EndpointPatch};
pub use event::{Event, EventKind};
pub use id::{
    AppId, BodyId, EndpointId, Epoch, GroupId, Incarnation, LogIndex, MessageId, NodeId, RegionId, RequestId, Revision,
    Term, UserId,
};
pub use message::{Class, Message, Progress, Status};
pub use outcome::{Outcome, Refusal};
pub use plan::TrafficPlan;
pub use time::{BootTime, Timestamp};
