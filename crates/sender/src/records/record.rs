//! One event as Pinpoint's event stream writes it (Pinpoint Developer Guide, "Streaming events"; all attribute values
//! are text).

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::channel::Channel;
use model::event::{Event, EventKind};
use model::message::Message;
use serde::Serialize;

/// The version of the envelope.
const EVENT_VERSION: &str = "3.1";

/// A record of the stream.
#[derive(Serialize)]
struct Record<'a> {
    app_id: &'a str,
    event_type: &'static str,
    event_timestamp: u64,
    arrival_timestamp: u64,
    event_version: &'static str,
    application: Application<'a>,
    client: Client<'a>,
    device: Device,
    session: Nothing,
    attributes: BTreeMap<&'a str, Cow<'a, str>>,
    metrics: Metrics,
    #[serde(rename = "awsAccountId")]
    aws_account_id: &'a str,
}

#[derive(Serialize)]
struct Application<'a> {
    app_id: &'a str,
    sdk: Nothing,
}

#[derive(Serialize)]
struct Client<'a> {
    client_id: &'a str,
}

#[derive(Serialize)]
struct Device {
    platform: Nothing,
}

#[derive(Serialize)]
struct Metrics {
    #[serde(skip_serializing_if = "Option::is_none")]
    price_in_millicents_usd: Option<f64>,
}

/// An empty object.
#[derive(Serialize)]
struct Nothing {}

/// Appends an event of a message to `text` as a record; appends nothing for events that Pinpoint's stream doesn't have.
/// Says whether it did.
pub(super) fn write_record(
    text: &mut Vec<u8>,
    event: &Event,
    message: &Message,
    account: &str,
) -> Result<bool, serde_json::Error> {
    let Some(event_type) = event_type(event) else { return Ok(false) };
    let (app, id) = (event.app.to_string(), event.message.to_string());
    let is_sms = event.channel == Channel::Sms;
    let mut attributes: BTreeMap<&str, Cow<'_, str>> =
        event.context.iter().map(|(name, value)| (name.as_str(), value.into())).collect();
    attributes.insert("message_id", id.as_str().into());
    attributes.insert("region", event.region.as_str().into());
    attributes.insert("plan_epoch", event.epoch.to_string().into());
    if is_sms {
        attributes.insert("destination_phone_number", message.address.as_str().into());
        attributes.insert("record_status", record_status(event.kind).into());
        attributes.insert("number_of_message_parts", "1".into());
        attributes.insert("treatment_id", "0".into());
    }
    let record = Record {
        app_id: &app,
        event_type,
        event_timestamp: message.accepted.0,
        arrival_timestamp: event.time.0,
        event_version: EVENT_VERSION,
        application: Application { app_id: &app, sdk: Nothing {} },
        client: Client { client_id: event.endpoint.as_ref().map_or(&id, |endpoint| endpoint.as_str()) },
        device: Device { platform: Nothing {} },
        session: Nothing {},
        attributes,
        metrics: Metrics { price_in_millicents_usd: is_sms.then_some(0.0) },
        aws_account_id: account,
    };
    serde_json::to_writer(text, &record).map(|()| true)
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
    use model::message::Class;
    use model::{Address, AppId, BodyId, Epoch, GroupId, MessageId, RegionId, Timestamp};

    use serde_json::{Value, json};

    use super::*;

    fn record(event: &Event, message: &Message) -> Option<Value> {
        let mut text = Vec::new();
        let written = write_record(&mut text, event, message, "000000000000").unwrap();
        written.then(|| serde_json::from_slice(&text).unwrap())
    }

    fn pair(channel: Channel, address: &str, kind: EventKind) -> (Event, Message) {
        let (address, key) = Address::normal(channel, address).unwrap();
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
        let record = record(&event, &message).unwrap();
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
        assert!(record(&event, &message).is_none());
        let (event, message) = pair(Channel::Email, "a@example.com", EventKind::HardBounce);
        assert_eq!(record(&event, &message).unwrap()["event_type"], "_email.hardbounce");
    }
}
