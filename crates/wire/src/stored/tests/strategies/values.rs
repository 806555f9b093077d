//! Any text, number and id, for property tests.

use std::collections::BTreeMap;

use model::channel::CHANNELS;
use model::content::Substitutions;
use model::*;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof![Just(String::new()), "\\PC{1,12}", "x{120,140}"]
}

pub(crate) fn given_text() -> impl Strategy<Value = String> + Clone {
    "\\PC{1,12}"
}

pub(crate) fn some_text() -> impl Strategy<Value = Option<String>> {
    of(text())
}

pub(crate) fn tags() -> BoxedStrategy<BTreeMap<String, String>> {
    btree_map(text(), text(), 0..4).boxed()
}

pub(crate) fn lists() -> BoxedStrategy<Substitutions> {
    btree_map(text(), vec(text(), 0..3), 0..3).boxed()
}

pub(crate) fn bits() -> impl Strategy<Value = u128> {
    prop_oneof![
        Just(0),
        any::<u128>(),
        any::<u64>().prop_map(u128::from),
        any::<u64>().prop_map(|n| u128::from(n) << 64)
    ]
}

pub(crate) fn app_id() -> impl Strategy<Value = AppId> {
    bits().prop_map(AppId)
}

pub(crate) fn message_id() -> impl Strategy<Value = MessageId> {
    bits().prop_map(MessageId)
}

pub(crate) fn request_id() -> impl Strategy<Value = RequestId> {
    bits().prop_map(RequestId)
}

pub(crate) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..300_u64, any::<u64>()]
}

pub(crate) fn small() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), 0..300_u32, any::<u32>()]
}

pub(crate) fn time() -> impl Strategy<Value = Timestamp> {
    number().prop_map(Timestamp)
}

pub(crate) fn epoch() -> impl Strategy<Value = Epoch> {
    number().prop_map(Epoch)
}

pub(crate) fn revision() -> impl Strategy<Value = Revision> {
    number().prop_map(Revision)
}

pub(crate) fn group() -> impl Strategy<Value = GroupId> {
    any::<u16>().prop_map(GroupId)
}

pub(crate) fn region() -> impl Strategy<Value = RegionId> {
    "[a-z0-9-]{1,32}".prop_map(|text| RegionId::new(&text).unwrap())
}

pub(crate) fn endpoint_id() -> impl Strategy<Value = EndpointId> {
    // 256 of the letter whose lower case is two characters: the longest stored id.
    let longest = "\u{130}".repeat(256);
    prop_oneof!["[a-zA-Z0-9/ .@-]{1,20}", Just(longest)].prop_map(|text| EndpointId::new(&text).unwrap())
}

pub(crate) fn user_id() -> impl Strategy<Value = UserId> {
    given_text().prop_map(|text| UserId::new(&text).unwrap())
}

pub(crate) fn address() -> impl Strategy<Value = Address> {
    text().prop_map(Address::from_stored)
}

pub(crate) fn key() -> impl Strategy<Value = AddressKey> {
    given_text().prop_map(AddressKey::from_stored)
}

pub(crate) fn channel() -> impl Strategy<Value = Channel> {
    select(CHANNELS.as_slice())
}

pub(crate) fn class() -> impl Strategy<Value = Class> {
    select(vec![Class::AtLeastOnce, Class::AtMostOnce])
}
