//! What a node must act on after an entry was applied. Effects are hints: the rows are the truth, and whoever missed an
//! effect finds the same in the tables.

use std::time::Duration;

use model::address::Address;
use model::channel::Channel;
use model::event::Event;
use model::id::{AppId, Epoch, GroupId, MessageId, RegionId};
use model::message::Class;
use model::time::Timestamp;

/// Something that a node may have to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum Effect {
    /// A message waits in a region's outbox, newly or with another due time.
    Waiting {
        /// The region that sends it.
        region: RegionId,
        due: Timestamp,
        message: MessageId,
        channel: Channel,
        /// How often it may be dispatched.
        class: Class,
        /// How many dispatches have a recorded result.
        attempts: u32,
    },
    /// A message left the outbox of a region: settled, held, or moved away.
    Gone {
        /// The region that no longer sends it.
        region: RegionId,
        message: MessageId,
    },
    /// Something was applied that can forbid sending: holders report their fence at once.
    Forbids,
    /// The group adopted or committed a plan.
    PlanChanged(Epoch),
    /// The group's apply version was raised to this one.
    VersionRaised(u32),
    /// A follow-up for another group was queued.
    FollowUpQueued { target: GroupId, number: u64 },
    /// An event was recorded with this number.
    Recorded {
        /// Its number in the group.
        number: u64,
        event: Box<Event>,
    },
    /// A provider told of a message for the first time.
    HeardOf {
        /// The region that dispatched the message.
        region: RegionId,
        app: AppId,
        channel: Channel,
        /// Where it went.
        address: Address,
        /// How long before it was recorded that the provider took it; nothing when that isn't recorded yet.
        age: Duration,
    },
}
