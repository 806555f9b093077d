//! The body of `POST /v1/deliveries`, parsed once and checked. Decides nothing about the messages in it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::callback::CallbackUrl;
use crate::message::Class;
use crate::parse::{checked_text, json_body};
use crate::problem::Problem;

/// Deliveries in a request.
const DELIVERIES_MAX: usize = 1_000;
/// Callbacks named by a request.
const CALLBACKS_PER_REQUEST_MAX: usize = 16;
/// Bytes of an id or a name (message, application, channel, region, node, origination).
const NAME_LEN_MAX: usize = 256;
/// Bytes of an address: push tokens and URLs are the long ones.
const ADDRESS_LEN_MAX: usize = 4_096;

/// A checked request: who sends, whom to report to, and what is dispatched (1 to 1,000, in the request's order).
#[derive(Debug)]
pub(crate) struct DeliveryRequest {
    pub(crate) region: Arc<str>,
    pub(crate) node: Arc<str>,
    pub(crate) callbacks: Vec<CallbackUrl>,
    pub(crate) deliveries: Vec<Delivery>,
}

/// One message dispatched.
#[derive(Debug, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) message_id: Arc<str>,
    pub(crate) app_id: Box<str>,
    pub(crate) channel: Box<str>,
    pub(crate) address: Box<str>,
    pub(crate) attempt: u32,
    pub(crate) epoch: u64,
    pub(crate) class: Class,
    #[serde(default)]
    pub(crate) origination: Option<Box<str>>,
    pub(crate) payload: Box<RawValue>,
}

/// The request as it is written; fields that aren't known are left alone, so that a newer sender can talk to us.
#[derive(Debug, Deserialize)]
struct Written {
    region: Arc<str>,
    node: Arc<str>,
    #[serde(default)]
    callbacks: Vec<String>,
    deliveries: Vec<Delivery>,
}

impl DeliveryRequest {
    /// Reads a request.
    /// A problem names the path of the first field that is wrong.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, Problem> {
        let written: Written = json_body(body)?;
        checked_text(|| "region".into(), &written.region, NAME_LEN_MAX)?;
        checked_text(|| "node".into(), &written.node, NAME_LEN_MAX)?;
        checked_count("callbacks", written.callbacks.len(), 0, CALLBACKS_PER_REQUEST_MAX)?;
        checked_count("deliveries", written.deliveries.len(), 1, DELIVERIES_MAX)?;
        for (index, delivery) in written.deliveries.iter().enumerate() {
            delivery.check(index)?;
        }
        let parse = |(index, url): (usize, &String)| {
            CallbackUrl::parse(url).map_err(|error| Problem::field(format!("callbacks[{index}]"), error))
        };
        let callbacks = written.callbacks.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { region: written.region, node: written.node, callbacks, deliveries: written.deliveries })
    }
}

impl Delivery {
    fn check(&self, index: usize) -> Result<(), Problem> {
        let path = |field: &str| format!("deliveries[{index}].{field}");
        checked_text(|| path("message_id"), &self.message_id, NAME_LEN_MAX)?;
        checked_text(|| path("app_id"), &self.app_id, NAME_LEN_MAX)?;
        checked_text(|| path("channel"), &self.channel, NAME_LEN_MAX)?;
        checked_text(|| path("address"), &self.address, ADDRESS_LEN_MAX)?;
        if let Some(origination) = &self.origination {
            checked_text(|| path("origination"), origination, NAME_LEN_MAX)?;
        }
        if self.attempt == 0 {
            return Err(Problem::field(path("attempt"), "attempts count from 1"));
        }
        Ok(())
    }
}

fn checked_count(field: &str, count: usize, min: usize, max: usize) -> Result<(), Problem> {
    if (min..=max).contains(&count) {
        return Ok(());
    }
    Err(Problem::field(field, format!("{count} entries, must be {min} to {max}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request() -> Value {
        json!({"region": "r", "node": "n", "callbacks": ["http://c"], "deliveries": [{
            "message_id": "m", "app_id": "a", "channel": "SMS", "address": "+1", "attempt": 1, "epoch": 3,
            "class": "at_most_once", "payload": {"Body": "hi"}}]})
    }

    #[test]
    fn reads_what_the_sender_writes_and_keeps_the_payload_as_it_is() {
        let body = request().to_string().replace(r#"{"Body":"hi"}"#, r#"{ "Body" : 1.50 }"#);
        let parsed = DeliveryRequest::from_json(body.as_bytes()).unwrap();
        assert_eq!(parsed.deliveries[0].class, Class::AtMostOnce);
        assert_eq!(parsed.deliveries[0].payload.get(), r#"{ "Body" : 1.50 }"#);
        assert_eq!(parsed.deliveries[0].origination, None);
    }

    #[test]
    fn names_each_field_that_is_wrong() {
        let cases = [
            ("/region", json!(""), "region: must not be empty"),
            ("/node", json!("n".repeat(300)), "node: 300 bytes, at most 256"),
            ("/callbacks", json!(vec!["http://c"; 17]), "callbacks: 17 entries"),
            ("/callbacks/0", json!("https://c"), "callbacks[0]: "),
            ("/deliveries", json!([]), "deliveries: 0 entries"),
            ("/deliveries", json!({}), "deliveries: invalid type"),
            ("/deliveries/0/address", json!(""), "deliveries[0].address: must not be empty"),
            ("/deliveries/0/address", json!(5), "deliveries[0].address: invalid type"),
            ("/deliveries/0/attempt", json!(0), "deliveries[0].attempt: attempts count from 1"),
            ("/deliveries/0/epoch", json!(-1), "deliveries[0].epoch: invalid value"),
            ("/deliveries/0/class", json!("twice"), "deliveries[0].class: unknown variant `twice`"),
        ];
        for (pointer, value, wanted) in cases {
            let mut body = request();
            *body.pointer_mut(pointer).unwrap() = value;
            let problem = DeliveryRequest::from_json(body.to_string().as_bytes()).unwrap_err();
            assert!(problem.error().starts_with(wanted), "{pointer}: {problem:?}");
        }
    }

    #[test]
    fn takes_a_thousand_deliveries_and_no_more() {
        let mut body = request();
        let one = body["deliveries"][0].clone();
        for (count, fits) in [(1_000, true), (1_001, false)] {
            body["deliveries"] = json!(vec![one.clone(); count]);
            assert_eq!(DeliveryRequest::from_json(body.to_string().as_bytes()).is_ok(), fits);
        }
    }
}
