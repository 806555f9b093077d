//! Bodies of callbacks, and what they ask for.

use model::{Address, Timestamp};
use serde_json::{Value, json};

use super::*;

const PARTITIONS: u16 = 4;

fn parse_as(id: &str, body: &Value) -> Result<Vec<(GroupId, Proposal)>, CallbackError> {
    parse_callback(id, body.to_string().as_bytes(), PARTITIONS)
}

fn parse(body: &Value) -> Result<Vec<(GroupId, Command)>, CallbackError> {
    Ok(parse_as("id", body)?.into_iter().map(|(group, proposal)| (group, proposal.command)).collect())
}

fn event(group: u16, kind: &str) -> Value {
    let id = MessageId::new(GroupId(group), Timestamp(1), 7).to_string();
    json!({"message_id": id, "provider_id": "p", "kind": kind, "at_ms": 1, "detail": "d"})
}

fn sms(from: &str, to: &str, text: &str) -> Value {
    json!({"origination_number": from, "destination_number": to, "message_body": text, "inbound_message_id": "x"})
}

fn inbound(from: &str, to: &str, text: &str) -> Value {
    json!({"inbound": [sms(from, to, text)]})
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
fn a_keyword_puts_its_sender_into_the_list_of_the_number() {
    let (_, key) = Address::normal(Channel::Sms, "+12065550100").unwrap();
    for (from, to, text) in [
        ("+12065550100", "+100", "Stop it"),
        ("12065550100", "+999", "STOP"),
        ("001 206 555 0100", "SHOP", "ＡＲＲÊＴ"),
    ] {
        let (list, source) = (OptOutList::DEFAULT, OptOutSource::Reply);
        let wanted = Command::PutListedOptOut { list, key: key.clone(), source };
        assert_eq!(parse(&inbound(from, to, text)), Ok(vec![(key.partition(PARTITIONS), wanted)]), "{from}");
    }
    assert_eq!(parse(&inbound("+12065550100", "+100", "thanks")), Ok(Vec::new()));
}

#[test]
fn an_opt_out_is_known_when_its_callback_comes_again() {
    let requests = |id: &str, body: &Value| -> Vec<RequestId> {
        parse_as(id, body).unwrap().into_iter().map(|(_, proposal)| proposal.request.unwrap()).collect()
    };
    let stop = sms("+12065550100", "+100", "STOP");
    let twice = json!({"inbound": [stop, stop]});
    let first = requests("a", &twice);
    assert_eq!(first, requests("a", &twice));
    let others = [requests("b", &twice), requests("a", &inbound("+12065550101", "+100", "STOP"))].concat();
    let distinct: std::collections::BTreeSet<_> = first.iter().chain(&others).collect();
    assert_eq!(distinct.len(), 2 + 2 + 1);
}

#[test]
fn what_a_callback_causes_is_bounded() {
    let stop = |number: usize| sms(&format!("+1206555{number:04}"), &format!("+{number}"), "STOP");
    let body = |count: usize| json!({"inbound": (0..count).map(stop).collect::<Vec<_>>()}).to_string();
    let proposals = parse_callback("id", body(INBOUND_MAX).as_bytes(), PARTITIONS).unwrap();
    assert_eq!(proposals.len(), INBOUND_MAX);
    assert!(parse_callback("id", body(INBOUND_MAX + 1).as_bytes(), PARTITIONS).is_err());
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
        (json!({"events": vec![event(1, "delivered"); EVENTS_MAX + 1]}), "events"),
        (inbound("hello", "+100", "STOP"), "inbound[0].origination_number"),
        (json!(1), "body"),
    ];
    for (body, wanted) in cases {
        let Err(CallbackError::Malformed { field, .. }) = parse(&body) else { panic!("{body} was taken") };
        assert!(field.starts_with(wanted), "{field} for {wanted}");
    }
    for garbage in [&b"\xff{"[..], b"", b"{} x", b"{\"events\":[}"] {
        assert!(parse_callback("id", garbage, PARTITIONS).is_err());
    }
}
