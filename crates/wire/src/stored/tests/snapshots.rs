//! The bytes of some values, frozen: when one of these fails, stored data can no longer be read. Never change the
//! expected text; give the format a way to read both.

use std::collections::BTreeMap;
use std::fmt::Debug;

use model::body::BodyContent;
use model::command::{AcceptMessages, Recipient};
use model::content::{Content, Purpose, SmsRegistration};
use model::event::EventKind;
use model::message::{Claim, EventRef, Trace};
use model::request::RecipientName;
use model::*;

use super::super::Stored;

/// Checks both ways: the value's bytes, and the value of the bytes.
fn frozen<T: Stored + PartialEq + Debug>(value: &T, expected: &str) {
    let bytes = value.encoded();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected.replace(' ', ""));
    assert_eq!(T::decode(&bytes).as_ref(), Ok(value));
}

const APP: AppId = AppId(0x00112233_44556677_8899aabb_ccddeeff);
const BODY: BodyId = BodyId(0x0f0e0d0c_0b0a0908_07060504_03020100);

fn message_id() -> MessageId {
    MessageId::new(GroupId(3), Timestamp(1_790_000_000_000), 0x0123_4567_89ab_cdef)
}

fn address() -> (Address, AddressKey) {
    Address::normal(Channel::Sms, "+12065550100").unwrap()
}

#[test]
fn a_message() {
    let (address, key) = address();
    let message = Message {
        id: message_id(),
        app: APP,
        channel: Channel::Sms,
        address,
        key,
        endpoint: Some(EndpointId::new("Phone-1").unwrap()),
        body: BODY,
        substitutions: [("name".into(), vec!["Jo".into()])].into(),
        context: [("campaign".into(), "spring".into())].into(),
        class: Class::AtMostOnce,
        accepted: Timestamp(1_790_000_000_123),
        expires: Timestamp(1_790_086_400_123),
    };
    let expected = "0a1209006c50c4a001030011efcdab8967452301121209776655443322110011ffeeddccbbaa99881802220c2b313230 \
         36353535303130302a1074656c3a2b3132303635353530313030320770686f6e652d313a120908090a0b0c0d0e0f1100 \
         01020304050607420c0a046e616d6512040a024a6f4a120a0863616d706169676e1206737072696e67500258fbd8c1a2 \
         8c3460fb90dbcb8c34";
    frozen(&message, expected);
}

#[test]
fn a_progress() {
    let progress = Progress {
        status: Status::Waiting,
        region: RegionId::new("us-east-1").unwrap(),
        epoch: Epoch(7),
        attempts: 2,
        due: Timestamp(1_790_000_001_000),
        claim: Some(Claim { node: NodeId(1), incarnation: Incarnation(300) }),
        provider_id: None,
        detail: Some("451 try again".into()),
        changed: Timestamp(1_790_000_000_500),
        events: vec![EventRef { number: 300, kind: EventKind::Retried }, EventRef { number: 9, kind: EventKind::Held }],
    };
    let expected = "0801120975732d656173742d311807200228e8dfc1a28c343205080110ac02420d3435312074727920616761696e48f4 \
         dbc1a28c34 520508ac021002 520408091006";
    frozen(&progress, expected);
}

#[test]
fn a_proposal_to_accept_messages() {
    let (address, key) = address();
    let content = Content::Sms {
        text: "Hello {{name}}".into(),
        purpose: Purpose::Transactional,
        origination_number: None,
        sender_id: Some("SHOP".into()),
        registration: SmsRegistration::default(),
    };
    let recipient = Recipient {
        message: message_id(),
        address,
        key,
        endpoint: None,
        substitutions: [("name".into(), vec!["Jo".into()])].into(),
        context: BTreeMap::new(),
        name: RecipientName::default(),
    };
    let accept = AcceptMessages {
        app: APP,
        channel: Channel::Sms,
        body: BODY,
        content: BodyContent::Whole(content),
        substitutions: BTreeMap::new(),
        class: Some(Class::AtLeastOnce),
        time_to_live_ms: 86_400_000,
        trace: None,
        context: [("campaign".into(), "spring".into())].into(),
        recipients: vec![recipient],
    };
    let command = Command::AcceptMessages(Box::new(accept));
    let expected = "0a0911bc0a000000000000c201a5010a1209776655443322110011ffeeddccbbaa998810021a120908090a0b0c0d0e0f \
         110001020304050607221a0a180a0e48656c6c6f207b7b6e616d657d7d1001220453484f5030013880b8992942120a08 \
         63616d706169676e1206737072696e674a420a1209006c50c4a001030011efcdab8967452301120c2b31323036353535 \
         303130301a1074656c3a2b31323036353535303130302a0c0a046e616d6512040a024a6f";
    frozen(&Proposal { request: Some(RequestId(0xabc)), command }, expected);
}

/// What `docs/design/recipients.md` says that a trace costs rests on this length.
#[test]
fn a_trace() {
    let (_, key) = address();
    let heard = [EventKind::HardBounce, EventKind::Complaint].into();
    let mut trace = Trace { app: APP, channel: Channel::Sms, key, heard };
    frozen(&trace, "0a1209776655443322110011ffeeddccbbaa998810021a1074656c3a2b313230363535353031303020800a");
    trace.heard.clear();
    assert_eq!(trace.encoded().len(), 24 + trace.key.as_str().len());
}
