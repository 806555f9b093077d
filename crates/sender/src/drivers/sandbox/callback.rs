//! What the sandbox tells: delivery events and inbound SMS, from bytes to commands.

use std::collections::BTreeMap;

use delivery::keywords::opts_out;
use model::address::Address;
use model::command::CHUNK_MAX;
use model::event::{EventKind, ProviderEvent};
use model::message::DETAIL_MAX;
use model::opt_out::OptOutSource;
use model::{Channel, Command, GroupId, MessageId};
use serde::Deserialize;
use service::ports::CallbackError;

use crate::driver::AppsOfNumber;

/// The largest number of events or inbound SMS in one callback; the sandbox sends 500.
const ENTRIES_MAX: usize = 1_000;

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
    /// The number of ours that was written to.
    destination_number: String,
    message_body: String,
}

/// Reads a callback. Events go to the groups that own their messages, in their order; an SMS that begins with an
/// opt-out keyword opts its sender out of every app that sends from the number it was written to. Other inbound SMS are
/// counted.
pub(crate) fn parse_callback(
    body: &[u8],
    partitions: u16,
    apps_of_number: &AppsOfNumber,
) -> Result<Vec<(GroupId, Command)>, CallbackError> {
    let body = read(body)?;
    for (field, count) in [("events", body.events.len()), ("inbound", body.inbound.len())] {
        if count > ENTRIES_MAX {
            return Err(malformed(field, format!("{count} entries, at most {ENTRIES_MAX} are taken")));
        }
    }
    let mut commands = event_commands(body.events, partitions)?;
    for (index, sms) in body.inbound.iter().enumerate() {
        commands.extend(opt_outs(index, sms, partitions, apps_of_number)?);
    }
    Ok(commands)
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

fn event_commands(events: Vec<Event>, partitions: u16) -> Result<Vec<(GroupId, Command)>, CallbackError> {
    let mut by_group: BTreeMap<GroupId, Vec<ProviderEvent>> = BTreeMap::new();
    for (index, event) in events.into_iter().enumerate() {
        let message = message_of(index, &event.message_id, partitions)?;
        let detail = event.detail.map(|detail| detail.chars().take(DETAIL_MAX).collect());
        by_group.entry(message.group()).or_default().push(ProviderEvent { message, kind: event.kind.into(), detail });
    }
    let chunks = by_group.into_iter().flat_map(|(group, events)| {
        let chunks: Vec<_> = events.chunks(CHUNK_MAX as usize).map(<[ProviderEvent]>::to_vec).collect();
        chunks.into_iter().map(move |events| (group, Command::RecordEvents { events }))
    });
    Ok(chunks.collect())
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

fn opt_outs(
    index: usize,
    sms: &Inbound,
    partitions: u16,
    apps_of_number: &AppsOfNumber,
) -> Result<Vec<(GroupId, Command)>, CallbackError> {
    let is_opt_out = opts_out(&sms.message_body);
    metrics::counter!("signalbox_sender_inbound_sms_total", "opts_out" => if is_opt_out { "yes" } else { "no" })
        .increment(1);
    if !is_opt_out {
        return Ok(Vec::new());
    }
    let (_, key) = Address::parse(Channel::Sms, &sms.origination_number)
        .map_err(|error| malformed(format!("inbound[{index}].origination_number"), error.to_string()))?;
    let group = key.partition(partitions);
    let opt_out =
        |app| Command::PutOptOut { app, key: key.clone(), channel: Channel::Sms, source: OptOutSource::Reply };
    Ok(apps_of_number(&sms.destination_number)?.into_iter().map(|app| (group, opt_out(app))).collect())
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
mod tests {
    use std::sync::Arc;

    use super::*;
    use model::{AppId, Timestamp};
    use serde_json::{Value, json};

    const PARTITIONS: u16 = 4;

    fn parse(body: &Value) -> Result<Vec<(GroupId, Command)>, CallbackError> {
        let apps: AppsOfNumber =
            Arc::new(|number| Ok(if number == "+100" { vec![AppId(1), AppId(2)] } else { Vec::new() }));
        parse_callback(body.to_string().as_bytes(), PARTITIONS, &apps)
    }

    fn event(group: u16, kind: &str) -> Value {
        let id = MessageId::new(GroupId(group), Timestamp(1), 7).to_string();
        json!({"message_id": id, "provider_id": "p", "kind": kind, "at_ms": 1, "detail": "d"})
    }

    fn inbound(from: &str, to: &str, text: &str) -> Value {
        json!({"inbound": [{"origination_number": from, "destination_number": to, "message_body": text,
            "inbound_message_id": "x"}]})
    }

    #[test]
    fn events_go_to_the_groups_of_their_messages_in_order() {
        let body = json!({"events": [event(2, "delivered"), event(1, "bounced_hard"), event(2, "complaint")]});
        let commands = parse(&body).unwrap();
        let kinds: Vec<(u16, Vec<EventKind>)> = commands
            .into_iter()
            .map(|(group, command)| match command {
                Command::RecordEvents { events } => (group.0, events.iter().map(|event| event.kind).collect()),
                other => panic!("{other:?}"),
            })
            .collect();
        let wanted = vec![(1, vec![EventKind::HardBounce]), (2, vec![EventKind::Delivered, EventKind::Complaint])];
        assert_eq!(kinds, wanted);
    }

    #[test]
    fn a_keyword_opts_out_of_every_app_of_the_number() {
        let commands = parse(&inbound("+12065550100", "+100", "Stop it")).unwrap();
        let (_, key) = Address::parse(Channel::Sms, "+12065550100").unwrap();
        assert_eq!(commands.len(), 2);
        for ((group, command), wanted) in commands.into_iter().zip([AppId(1), AppId(2)]) {
            assert_eq!(group, key.partition(PARTITIONS));
            let source = OptOutSource::Reply;
            assert_eq!(command, Command::PutOptOut { app: wanted, key: key.clone(), channel: Channel::Sms, source });
        }
        assert_eq!(parse(&inbound("+12065550100", "+100", "thanks")), Ok(Vec::new()));
        assert_eq!(parse(&inbound("+12065550100", "+999", "STOP")), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut stranger = event(9, "delivered");
        stranger["message_id"] = json!(MessageId::new(GroupId(9), Timestamp(1), 7).to_string());
        let cases = [
            (json!({"events": [event(1, "delivered"), event(1, "eaten")]}), "events[1].kind"),
            (json!({"events": [{"kind": "delivered"}]}), "events[0]"),
            (json!({"events": [{"message_id": "zz", "kind": "delivered"}]}), "events[0].message_id"),
            (json!({"events": [stranger]}), "events[0].message_id"),
            (json!({"events": 1}), "events"),
            (json!({"events": vec![event(1, "delivered"); 1_001]}), "events"),
            (inbound("hello", "+100", "STOP"), "inbound[0].origination_number"),
            (json!(1), "body"),
        ];
        for (body, wanted) in cases {
            let Err(CallbackError::Malformed { field, .. }) = parse(&body) else { panic!("{body} was taken") };
            assert!(field.starts_with(wanted), "{field} for {wanted}");
        }
        let apps: AppsOfNumber = Arc::new(|_| Ok(Vec::new()));
        for garbage in [&b"\xff{"[..], b"", b"{} x", b"{\"events\":[}"] {
            assert!(parse_callback(garbage, PARTITIONS, &apps).is_err());
        }
    }
}
