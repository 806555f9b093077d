//! One event as Pinpoint's event stream writes it (Pinpoint Developer Guide, "Streaming events"; all attribute values are
//! text).

use model::channel::Channel;
use model::event::{Event, EventKind};
use model::message::Message;
use serde_json::{Map, Value, json};

/// The version of the envelope.
const EVENT_VERSION: &str = "3.1";

/// Writes an event of a message as a record; nothing for events that Pinpoint's stream doesn't have.
pub(super) fn record(event: &Event, message: &Message, account: &str) -> Option<Value> {
    let event_type = event_type(event)?;
    let mut attributes = Map::new();
    for (name, value) in &event.context {
        attributes.insert(name.clone(), json!(value));
    }
    attributes.insert("message_id".to_owned(), json!(event.message.to_string()));
    attributes.insert("region".to_owned(), json!(event.region.as_str()));
    attributes.insert("plan_epoch".to_owned(), json!(event.epoch.to_string()));
    if event.channel == Channel::Sms {
        attributes.insert("destination_phone_number".to_owned(), json!(message.address.as_str()));
        attributes.insert("record_status".to_owned(), json!(record_status(event.kind)));
        attributes.insert("number_of_message_parts".to_owned(), json!("1"));
        attributes.insert("treatment_id".to_owned(), json!("0"));
    }
    let client = event.endpoint.as_ref().map_or_else(|| event.message.to_string(), ToString::to_string);
    let metrics = if event.channel == Channel::Sms { json!({ "price_in_millicents_usd": 0.0 }) } else { json!({}) };
    Some(json!({
        "app_id": event.app.to_string(),
        "event_type": event_type,
        "event_timestamp": message.accepted.0,
        "arrival_timestamp": event.time.0,
        "event_version": EVENT_VERSION,
        "application": { "app_id": event.app.to_string(), "sdk": {} },
        "client": { "client_id": client },
        "device": { "platform": {} },
        "session": {},
        "attributes": attributes,
        "metrics": metrics,
        "awsAccountId": account,
    }))
}

fn event_type(event: &Event) -> Option<&'static str> {
    use EventKind::{
        Complaint, Delivered, Expired, Failed, HardBounce, OptedOut, Sent, SoftBounce, Undelivered, Unsubscribed,
    };
    match (event.channel, event.kind) {
        (Channel::Sms, Sent) => Some("_SMS.BUFFERED"),
        (Channel::Sms, Delivered) => Some("_SMS.SUCCESS"),
        (Channel::Sms, Failed | Undelivered | HardBounce | SoftBounce | Expired) => Some("_SMS.FAILURE"),
        (Channel::Sms, OptedOut | Unsubscribed) => Some("_SMS.OPTOUT"),
        (Channel::Email, Sent) => Some("_email.send"),
        (Channel::Email, Delivered) => Some("_email.delivered"),
        (Channel::Email, Failed | OptedOut | Expired) => Some("_email.rejected"),
        (Channel::Email, HardBounce) => Some("_email.hardbounce"),
        (Channel::Email, SoftBounce | Undelivered) => Some("_email.softbounce"),
        (Channel::Email, Complaint) => Some("_email.complaint"),
        (Channel::Email, Unsubscribed) => Some("_email.unsubscribe"),
        _ => None,
    }
}

fn record_status(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Delivered => "DELIVERED",
        EventKind::Sent => "PENDING",
        EventKind::OptedOut | EventKind::Unsubscribed => "OPTED_OUT",
        EventKind::Expired => "TTL_EXPIRED",
        EventKind::Failed => "INVALID",
        EventKind::Undelivered | EventKind::HardBounce | EventKind::SoftBounce => "UNREACHABLE",
        _ => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::message::Class;
    use model::{Address, AppId, BodyId, Epoch, GroupId, MessageId, RegionId, Timestamp};

    use super::*;

    fn pair(channel: Channel, address: &str, kind: EventKind) -> (Event, Message) {
        let (address, key) = Address::parse(channel, address).unwrap();
        let id = MessageId::new(GroupId(1), Timestamp(5), 7);
        let context = BTreeMap::from([("order".to_owned(), "17".to_owned())]);
        let message = Message {
            id,
            app: AppId(1),
            channel,
            address,
            key,
            endpoint: None,
            body: BodyId(1),
            substitutions: BTreeMap::new(),
            context: context.clone(),
            class: Class::AtLeastOnce,
            accepted: Timestamp(5),
            expires: Timestamp(9),
        };
        let event = Event {
            app: AppId(1),
            message: id,
            endpoint: None,
            channel,
            kind,
            region: RegionId::new("a").unwrap(),
            epoch: Epoch(3),
            attempt: 1,
            time: Timestamp(6),
            detail: None,
            context,
        };
        (event, message)
    }

    #[test]
    fn an_sms_record_has_what_consumers_read_unconditionally() {
        let (event, message) = pair(Channel::Sms, "+12065550100", EventKind::Delivered);
        let record = record(&event, &message, "000000000000").unwrap();
        assert_eq!(record["event_type"], "_SMS.SUCCESS");
        assert_eq!((&record["event_timestamp"], &record["arrival_timestamp"]), (&json!(5), &json!(6)));
        for name in ["message_id", "record_status", "number_of_message_parts", "order"] {
            assert!(record["attributes"][name].is_string(), "{name}");
        }
        assert!(record["metrics"]["price_in_millicents_usd"].is_number());
    }

    #[test]
    fn a_retry_is_no_record_and_email_has_its_own_names() {
        let (event, message) = pair(Channel::Email, "a@example.com", EventKind::Retried);
        assert!(record(&event, &message, "0").is_none());
        let (event, message) = pair(Channel::Email, "a@example.com", EventKind::HardBounce);
        assert_eq!(record(&event, &message, "0").unwrap()["event_type"], "_email.hardbounce");
    }
}
