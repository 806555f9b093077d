//! Messages, their progress and their events.

use std::collections::BTreeMap;

use serde::Serialize;
use wire::v1;

use super::{Lists, lists, or_blank, or_dash, pairs_text, precise_time_text, time_text};
use crate::console::{View, facts, table};
use crate::words;

/// A message, how far it got, and what happened to it.
#[derive(Debug, Serialize)]
pub struct MessageView {
    #[serde(flatten)]
    message: AcceptedView,
    progress: ProgressView,
    events: Vec<EventView>,
}

#[derive(Debug, Serialize)]
struct AcceptedView {
    message_id: String,
    app_id: String,
    channel: String,
    address: String,
    endpoint_id: Option<String>,
    class: String,
    substitutions: Lists,
    context: BTreeMap<String, String>,
    accepted_ms: u64,
    expires_ms: u64,
}

/// How far a message got.
#[derive(Debug, Serialize)]
pub struct ProgressView {
    status: String,
    region: String,
    epoch: u64,
    attempts: u32,
    due_ms: u64,
    claimed_by_node: Option<u64>,
    provider_id: Option<String>,
    detail: Option<String>,
    changed_ms: u64,
}

/// One thing that happened to a message.
#[derive(Debug, Serialize)]
pub struct EventView {
    app_id: String,
    message_id: String,
    endpoint_id: Option<String>,
    channel: String,
    kind: String,
    region: String,
    epoch: u64,
    attempt: u32,
    time_ms: u64,
    detail: Option<String>,
    context: BTreeMap<String, String>,
    /// Its place in the app's stream, where the answer has it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Place {
    group: u32,
    sequence: u64,
}

/// A change of a message's progress.
#[derive(Debug, Serialize)]
pub struct UpdateView {
    message_id: String,
    #[serde(flatten)]
    progress: ProgressView,
}

/// An app's held messages.
#[derive(Debug, Serialize)]
pub struct HeldView {
    messages: Vec<HeldMessageView>,
}

#[derive(Debug, Serialize)]
struct HeldMessageView {
    #[serde(flatten)]
    message: AcceptedView,
    progress: ProgressView,
}

/// How many held messages were resolved.
#[derive(Debug, Serialize)]
pub struct ResolvedView {
    /// Those that were held and no longer are.
    pub changed: u32,
    /// Those that were named.
    pub named: usize,
}

impl MessageView {
    /// Makes the view from the parts of an answer.
    pub fn new(message: v1::Message, progress: v1::Progress, events: Vec<v1::Event>) -> MessageView {
        MessageView {
            message: message.into(),
            progress: progress.into(),
            events: events.into_iter().map(EventView::from).collect(),
        }
    }
}

impl UpdateView {
    /// Makes the view of a message's progress.
    pub fn new(message_id: String, progress: v1::Progress) -> UpdateView {
        UpdateView { message_id, progress: progress.into() }
    }
}

impl From<v1::Message> for AcceptedView {
    fn from(message: v1::Message) -> AcceptedView {
        AcceptedView {
            message_id: message.message_id,
            app_id: message.app_id,
            channel: words::channel(message.channel),
            address: message.address,
            endpoint_id: message.endpoint_id,
            class: words::class(message.class),
            substitutions: lists(message.substitutions),
            context: message.context,
            accepted_ms: message.accepted_ms,
            expires_ms: message.expires_ms,
        }
    }
}

impl From<v1::Progress> for ProgressView {
    fn from(progress: v1::Progress) -> ProgressView {
        ProgressView {
            status: words::status(progress.status),
            region: progress.region,
            epoch: progress.epoch,
            attempts: progress.attempts,
            due_ms: progress.due_ms,
            claimed_by_node: progress.claimed_by_node,
            provider_id: progress.provider_id,
            detail: progress.detail,
            changed_ms: progress.changed_ms,
        }
    }
}

impl From<v1::Event> for EventView {
    fn from(event: v1::Event) -> EventView {
        EventView {
            app_id: event.app_id,
            message_id: event.message_id,
            endpoint_id: event.endpoint_id,
            channel: words::channel(event.channel),
            kind: words::event_kind(event.kind),
            region: event.region,
            epoch: event.epoch,
            attempt: event.attempt,
            time_ms: event.time_ms,
            detail: event.detail,
            context: event.context,
            place: None,
        }
    }
}

impl EventView {
    /// Makes the view of an event of an app's stream.
    pub fn placed(event: v1::Event, group: u32, sequence: u64) -> EventView {
        EventView { place: Some(Place { group, sequence }), ..EventView::from(event) }
    }
}

impl From<v1::ListHeldResponse> for HeldView {
    fn from(response: v1::ListHeldResponse) -> HeldView {
        let parts = |held: v1::HeldMessage| Some((held.message?, held.progress?));
        let view = |(message, progress): (v1::Message, v1::Progress)| HeldMessageView {
            message: message.into(),
            progress: progress.into(),
        };
        HeldView { messages: response.messages.into_iter().filter_map(parts).map(view).collect() }
    }
}

impl View for MessageView {
    fn text(&self) -> String {
        let (message, progress) = (&self.message, &self.progress);
        let facts = facts([
            ("message", message.message_id.clone()),
            ("app", message.app_id.clone()),
            ("channel", message.channel.clone()),
            ("address", message.address.clone()),
            ("endpoint", or_blank(message.endpoint_id.as_ref())),
            ("class", message.class.clone()),
            ("context", pairs_text(&message.context)),
            ("accepted", time_text(message.accepted_ms)),
            ("expires", time_text(message.expires_ms)),
            ("status", progress.text()),
            ("claimed by node", or_blank(progress.claimed_by_node)),
            ("provider's id", or_blank(progress.provider_id.as_ref())),
        ]);
        let row = |event: &EventView| {
            [
                precise_time_text(event.time_ms),
                event.kind.clone(),
                event.region.clone(),
                event.epoch.to_string(),
                event.attempt.to_string(),
                or_dash(event.detail.as_ref()),
            ]
        };
        let events = table(["TIME", "EVENT", "REGION", "EPOCH", "ATTEMPT", "DETAIL"], self.events.iter().map(row));
        format!("{facts}\n\n{events}")
    }
}

impl View for ProgressView {
    fn text(&self) -> String {
        let detail = self.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        let region = if self.region.is_empty() { String::new() } else { format!(" in {}", self.region) };
        let (attempts, epoch) = (self.attempts, self.epoch);
        format!("{}{region} under plan {epoch}, attempts: {attempts}{detail}", self.status)
    }
}

impl View for UpdateView {
    fn text(&self) -> String {
        let time = precise_time_text(self.progress.changed_ms);
        format!("{time}  {}  {}", self.message_id, self.progress.text())
    }
}

impl View for EventView {
    fn text(&self) -> String {
        let detail = self.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
        let time = precise_time_text(self.time_ms);
        let place = self.place.map(|place| format!("{}={}  ", place.group, place.sequence)).unwrap_or_default();
        let (message, kind, channel) = (&self.message_id, &self.kind, &self.channel);
        format!("{time}  {place}{message}  {channel} {kind} in {}, attempt {}{detail}", self.region, self.attempt)
    }
}

impl View for HeldView {
    fn text(&self) -> String {
        if self.messages.is_empty() {
            return "no held messages".to_owned();
        }
        let row = |held: &HeldMessageView| {
            [
                held.message.message_id.clone(),
                held.message.channel.clone(),
                held.message.address.clone(),
                held.progress.region.clone(),
                or_dash(held.progress.claimed_by_node),
                time_text(held.progress.changed_ms),
                or_dash(held.progress.detail.as_ref()),
            ]
        };
        let rows = self.messages.iter().map(row);
        table(["MESSAGE", "CHANNEL", "ADDRESS", "REGION", "NODE", "SINCE", "DETAIL"], rows)
    }
}

impl View for ResolvedView {
    fn text(&self) -> String {
        let left = self.named.saturating_sub(self.changed as usize);
        let rest = if left == 0 { String::new() } else { format!("; not held: {left}") };
        format!("resolved: {}{rest}", self.changed)
    }
}
