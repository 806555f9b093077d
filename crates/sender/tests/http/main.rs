//! The HTTP drivers against a server on loopback that answers as a test says.

#[cfg(test)]
mod late;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod server;
#[cfg(test)]
mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::content::{Content, Purpose, SmsRegistration};
use model::message::Class;
use model::{Address, AppId, Channel, EndpointId, Epoch, GroupId, MessageId, Timestamp};
use sender::{Begin, BeginGuard, Delivery, Dispatch, Withdrawn};

/// A right that says what a test wants.
struct Right<F>(F);

impl<F: Fn() -> Result<(), Withdrawn> + Send + Sync> Begin for Right<F> {
    fn begin(&self, _messages: &[MessageId]) -> Result<BeginGuard, Withdrawn> {
        (self.0)().map(BeginGuard::holding)
    }
}

/// A batch that may begin.
fn dispatch(batch: Vec<Delivery>) -> Dispatch {
    Dispatch { batch, begin: Arc::new(Right(|| Ok(()))) }
}

/// Message number `number`.
fn message(number: u64) -> MessageId {
    MessageId::new(GroupId(1), Timestamp(1), number)
}

/// A custom message to a URL.
fn custom(number: u64, url: &str) -> Delivery {
    Delivery {
        message: message(number),
        app: AppId(7),
        channel: Channel::Custom,
        address: Address::from_stored(url),
        endpoint: Some(EndpointId::from_stored("ep")),
        attempt: 2,
        epoch: Epoch(3),
        class: Class::AtMostOnce,
        origination: None,
        content: Arc::new(Content::Custom { data: "{\"a\":1}".to_owned() }),
        trace: Some("trace-1".into()),
        context: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
    }
}

/// An SMS.
fn sms(number: u64) -> Delivery {
    let text = "hello".to_owned();
    let purpose = Purpose::Promotional;
    let registration = SmsRegistration { entity_id: Some("17".to_owned()), ..SmsRegistration::default() };
    let origination_number = Some("+100".to_owned());
    let content = Content::Sms { text, purpose, origination_number, sender_id: None, registration };
    let address = Address::from_stored("+12065550100");
    Delivery {
        channel: Channel::Sms,
        address,
        endpoint: None,
        origination: Some("+100".to_owned()),
        content: Arc::new(content),
        ..custom(number, "")
    }
}
