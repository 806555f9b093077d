//! Messages, their progress and their events.

use model::{Event, Message, Progress};

use super::values;
use crate::codes::Coded as _;
use crate::v1;

impl From<Message> for v1::Message {
    fn from(message: Message) -> v1::Message {
        v1::Message {
            message_id: message.id.to_string(),
            app_id: message.app.to_string(),
            channel: message.channel.wire_code(),
            address: message.address.to_string(),
            endpoint_id: message.endpoint.map(|endpoint| endpoint.to_string()),
            substitutions: values(message.substitutions),
            context: message.context,
            class: message.class.wire_code(),
            accepted_ms: message.accepted.0,
            expires_ms: message.expires.0,
        }
    }
}

impl From<Progress> for v1::Progress {
    fn from(progress: Progress) -> v1::Progress {
        v1::Progress {
            status: progress.status.wire_code(),
            region: progress.region.to_string(),
            epoch: progress.epoch.0,
            attempts: progress.attempts,
            due_ms: progress.due.0,
            claimed_by_node: progress.claim.map(|claim| claim.node.0),
            provider_id: progress.provider_id,
            detail: progress.detail,
            changed_ms: progress.changed.0,
        }
    }
}

impl From<Event> for v1::Event {
    fn from(event: Event) -> v1::Event {
        v1::Event {
            app_id: event.app.to_string(),
            message_id: event.message.to_string(),
            endpoint_id: event.endpoint.map(|endpoint| endpoint.to_string()),
            channel: event.channel.wire_code(),
            kind: event.kind.wire_code(),
            region: event.region.to_string(),
            epoch: event.epoch.0,
            attempt: event.attempt,
            time_ms: event.time.0,
            detail: event.detail,
            context: event.context,
        }
    }
}

/// An event with its number in its group; the group is the message's.
impl From<(u64, Event)> for v1::EventRecord {
    fn from((sequence, event): (u64, Event)) -> v1::EventRecord {
        v1::EventRecord { group: u32::from(event.message.group().0), sequence, event: Some(event.into()) }
    }
}
