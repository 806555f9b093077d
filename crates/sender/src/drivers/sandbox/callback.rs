//! What the sandbox tells: delivery events and inbound SMS, from bytes to commands.

use std::collections::BTreeMap;

use delivery::keywords::opts_out;
use model::address::AddressKey;
use model::command::Proposal;
use model::event::{EventKind, ProviderEvent};
use model::message::DETAIL_MAX;
use model::opt_out::{OptOutList, OptOutSource};
use model::{Channel, Command, GroupId, MessageId, RequestId};
use serde::Deserialize;
use service::addresses::{self, Numbering};
use service::ports::CallbackError;
use sha2::{Digest, Sha256};

/// The largest number of events in one callback; the sandbox sends 500.
const EVENTS_MAX: usize = 500;
/// The largest number of inbound SMS in one callback.
const INBOUND_MAX: usize = 100;

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    events: Vec<Event>,
    #[serde(default)]
    inbound: Vec<Inbound>,
}

#[derive(Deserialize)]
struct Event {
    message_id: String,
    kind: Kind,
    detail: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Delivered,
    BouncedHard,
    BouncedSoft,
    Complaint,
    Undelivered,
}

#[derive(Deserialize)]
struct Inbound {
    /// The recipient who wrote.
    origination_number: String,
    message_body: String,
}

/// Reads a callback that the sandbox calls `id`. Events go to the groups that own their messages, in their order; an
/// SMS that begins with an opt-out keyword puts its sender into the opt-out list of the number it was written to, which
/// is the default one whatever the number ([`OptOutList`]). Other inbound SMS are counted.
///
/// An event that is applied again changes nothing. An opt-out that is could undo an opt-in that came after it, so that
/// it has a request id, made of the callback's.
pub(crate) fn parse_callback(
    id: &str,
    body: &[u8],
    partitions: u16,
) -> Result<Vec<(GroupId, Proposal)>, CallbackError> {
    let hash: [u8; 32] = Sha256::digest(body).into();
    let body = read(body)?;
    at_most("events", body.events.len(), EVENTS_MAX)?;
    at_most("inbound", body.inbound.len(), INBOUND_MAX)?;
    let mut proposals = event_proposals(body.events, partitions)?;
    let stops = body.inbound.iter().enumerate().filter(|(_, sms)| sms.opts_out());
    for (index, sms) in stops {
        let key = sms.sender(index)?;
        let command =
            Command::PutListedOptOut { list: OptOutList::DEFAULT, key: key.clone(), source: OptOutSource::Reply };
        let request = Some(repeatable(&[id.as_bytes(), &hash, &index.to_be_bytes()]));
        proposals.push((key.partition(partitions), Proposal { request, command }));
    }
    Ok(proposals)
}

/// Makes the id under which the groups know a part of a callback when it comes again.
fn repeatable(parts: &[&[u8]]) -> RequestId {
    let mut hash = Sha256::new_with_prefix(b"callback of the sandbox");
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hash: [u8; 32] = hash.finalize().into();
    RequestId(hash.iter().take(16).fold(0, |id, byte| (id << 8) | u128::from(*byte)))
}

fn at_most(field: &str, count: usize, max: usize) -> Result<(), CallbackError> {
    match count <= max {
        true => Ok(()),
        false => Err(malformed(field, format!("{count} entries, at most {max} are taken"))),
    }
}

fn read(body: &[u8]) -> Result<Body, CallbackError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "body".to_owned() } else { path };
        malformed(field, error.into_inner().to_string())
    })?;
    reader.end().map_err(|error| malformed("body", error.to_string()))?;
    Ok(parsed)
}

fn event_proposals(events: Vec<Event>, partitions: u16) -> Result<Vec<(GroupId, Proposal)>, CallbackError> {
    let mut by_group: BTreeMap<GroupId, Vec<ProviderEvent>> = BTreeMap::new();
    for (index, event) in events.into_iter().enumerate() {
        let message = message_of(index, &event.message_id, partitions)?;
        let detail = event.detail.map(|detail| detail.chars().take(DETAIL_MAX).collect());
        by_group.entry(message.group()).or_default().push(ProviderEvent { message, kind: event.kind.into(), detail });
    }
    let recorded = |events| Proposal { request: None, command: Command::RecordEvents { events } };
    Ok(by_group.into_iter().map(|(group, events)| (group, recorded(events))).collect())
}

fn message_of(index: usize, text: &str, partitions: u16) -> Result<MessageId, CallbackError> {
    let field = || format!("events[{index}].message_id");
    let message: MessageId =
        text.parse().map_err(|error: model::id::InvalidId| malformed(field(), error.to_string()))?;
    if (1..=partitions).contains(&message.group().0) {
        Ok(message)
    } else {
        Err(malformed(field(), "no partition owns such a message".to_owned()))
    }
}

impl Inbound {
    /// Says whether the recipient wants no more, and counts it.
    fn opts_out(&self) -> bool {
        let is_opt_out = opts_out(&self.message_body);
        metrics::counter!("signalbox_sender_inbound_sms_total", "opts_out" => if is_opt_out { "yes" } else { "no" })
            .increment(1);
        is_opt_out
    }

    /// Returns who wrote; `index` is the place in the callback.
    fn sender(&self, index: usize) -> Result<AddressKey, CallbackError> {
        let (_, key) = addresses::read(Channel::Sms, &self.origination_number, Numbering::International)
            .map_err(|error| malformed(format!("inbound[{index}].origination_number"), error.to_string()))?;
        Ok(key)
    }
}

fn malformed(field: impl Into<String>, reason: String) -> CallbackError {
    CallbackError::Malformed { field: field.into(), reason }
}

impl From<Kind> for EventKind {
    fn from(kind: Kind) -> EventKind {
        match kind {
            Kind::Delivered => EventKind::Delivered,
            Kind::BouncedHard => EventKind::HardBounce,
            Kind::BouncedSoft => EventKind::SoftBounce,
            Kind::Complaint => EventKind::Complaint,
            Kind::Undelivered => EventKind::Undelivered,
        }
    }
}

#[cfg(test)]
#[path = "callback_tests.rs"]
mod tests;
