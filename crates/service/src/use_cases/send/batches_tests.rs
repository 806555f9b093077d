//! No command is larger than the log takes.

use model::address::Address;
use model::body::{BodyContent, PIECES_MAX, Pieces};
use model::command::{AcceptMessages, Command, Proposal};
use model::content::{HeaderField, Purpose};
use model::id::{AppId, BodyId, EndpointId, MessageId, RequestId};
use model::message::Class;
use model::request::RecipientName;
use model::time::Timestamp;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use wire::Stored as _;

use super::*;

const WHOLE: BodyKey = BodyKey { group: GroupId(1), channel: Channel::Sms, own: None, in_pieces: false };

fn shared(content: usize) -> Shared {
    Shared { content, others: 1_000 }
}

fn recipient(number: u64, values: Substitutions) -> Recipient {
    let (address, key) = Address::normal(Channel::Sms, &format!("+1206555{number:04}")).unwrap();
    Recipient {
        message: MessageId::new(GroupId(1), Timestamp(u64::MAX >> 20), number),
        address,
        key,
        endpoint: Some(EndpointId::from_stored("e".repeat(64))),
        name: RecipientName(u64::MAX),
        substitutions: values,
        context: BTreeMap::from([("order".to_owned(), "17".to_owned())]),
    }
}

fn values_of(bytes: usize) -> Substitutions {
    Substitutions::from([("v".to_owned(), vec!["x".repeat(bytes)])])
}

/// Lists the bodies: whether each is in pieces, and how many recipients its commands have.
fn sizes(batches: Batches) -> Vec<(bool, Vec<usize>)> {
    batches.into_bodies().map(|(key, batches)| (key.in_pieces, batches.iter().map(Vec::len).collect())).collect()
}

#[test]
fn recipients_that_fit_are_one_command_and_others_are_several() {
    let mut small = Batches::default();
    let mut large = Batches::default();
    for number in 0..100 {
        small.add(WHOLE, || shared(0), (number as usize, String::new(), recipient(number, values_of(1_000))));
        large.add(WHOLE, || shared(300_000), (number as usize, String::new(), recipient(number, values_of(100_000))));
    }
    assert_eq!(sizes(small), [(false, vec![100])]);
    let parts = sizes(large);
    assert_eq!((parts.len(), parts[0].0, parts[0].1.len()), (1, false, 15));
    assert!(parts[0].1.iter().all(|len| (1..=7).contains(len)));
    assert_eq!(parts[0].1.iter().sum::<usize>(), 100);
}

#[test]
fn one_that_fits_nowhere_is_alone() {
    let mut batches = Batches::default();
    for (number, bytes) in [(0, 10), (1, PROPOSAL_BYTES_MAX), (2, 10)] {
        batches.add(WHOLE, || shared(0), (number as usize, String::new(), recipient(number, values_of(bytes))));
    }
    assert_eq!(sizes(batches), [(false, vec![1, 1, 1])]);
}

#[test]
fn a_content_goes_in_pieces_to_those_with_whose_values_it_does_not_fit() {
    let of = |content: usize, values: &[usize]| {
        let mut batches = Batches::default();
        for (place, bytes) in values.iter().enumerate() {
            batches.add(WHOLE, || shared(content), (place, String::new(), recipient(place as u64, values_of(*bytes))));
        }
        sizes(batches)
    };
    let mib = PROPOSAL_BYTES_MAX;
    assert_eq!(of(mib, &[10, 10]), [(true, vec![2])]);
    assert_eq!(of(10 * mib, &[mib / 2 + 1, mib / 2 + 1, 10]), [(true, vec![1, 2])]);
    assert_eq!(of(mib - 100_000, &[10, 200_000, 20]), [(false, vec![2]), (true, vec![1])]);
    // What is too large without the content stays so.
    assert_eq!(of(mib, &[mib]), [(false, vec![1])]);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-zü]{0,40}", (0_usize..20_000).prop_map(|len| "x".repeat(len))]
}

fn content() -> impl Strategy<Value = Content> {
    let header = (text(), text()).prop_map(|(name, value)| HeaderField { name, value });
    let registration = vec(proptest::option::of(text()), 5);
    let sms = (text(), registration).prop_map(|(text, mut others)| Content::Sms {
        text,
        purpose: Purpose::Promotional,
        origination_number: others.pop().flatten(),
        sender_id: others.pop().flatten(),
        registration: SmsRegistration {
            keyword: others.pop().flatten(),
            entity_id: others.pop().flatten(),
            template_id: others.pop().flatten(),
        },
    });
    let email =
        (text(), text(), vec(text(), 0..5), vec(header, 0..5)).prop_map(|(subject, html, reply_to, headers)| {
            Content::Email { subject, html: Some(html), text: Some(String::new()), from: None, reply_to, headers }
        });
    let raw = (0_usize..70_000).prop_map(|len| Content::RawEmail { data: vec![0; len], from: Some(String::new()) });
    prop_oneof![sms, email, raw, text().prop_map(|data| Content::Custom { data })]
}

proptest! {
    #[test]
    fn a_command_is_never_larger_than_was_estimated(
        content in content(),
        values in btree_map(text(), vec(text(), 0..4), 0..4),
        context in btree_map(text(), text(), 0..4),
        trace in proptest::option::of(text()),
        own in vec(btree_map(text(), vec(text(), 0..3), 0..3), 1..5),
        in_pieces in any::<bool>(),
    ) {
        let recipients: Vec<Recipient> =
            own.into_iter().enumerate().map(|(number, values)| recipient(number as u64, values)).collect();
        let shared = shared_bytes(&content, &values, trace.as_deref(), &context);
        let others = shared.others + recipients.iter().map(recipient_bytes).sum::<usize>();
        let largest = Pieces { count: PIECES_MAX, bytes: u64::MAX, purpose: Purpose::Promotional };
        let (content, estimated) = match in_pieces {
            true => (BodyContent::Pieces(largest), others + PIECES_BYTES),
            false => (BodyContent::Whole(content), others + shared.content),
        };
        let command = Command::AcceptMessages(Box::new(AcceptMessages {
            app: AppId(u128::MAX),
            channel: Channel::InApp,
            body: BodyId(u128::MAX),
            content,
            substitutions: values,
            class: Some(Class::AtMostOnce),
            time_to_live_ms: u64::MAX,
            trace,
            context,
            recipients,
        }));
        let encoded = Proposal { request: Some(RequestId(u128::MAX)), command }.encoded();
        prop_assert!(encoded.len() <= estimated, "{} > {estimated}", encoded.len());
    }
}
