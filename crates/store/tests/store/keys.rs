//! Keys keep their order as bytes, and come back from them.

use std::collections::BTreeSet;

use model::address::AddressKey;
use model::channel::{CHANNELS, Channel};
use model::id::{AppId, EndpointId, GroupId, Incarnation, MessageId, NodeId, RegionId, UserId};
use model::time::Timestamp;
use proptest::prelude::*;
use store::keys::{KeyError, StoredKey, decode, group_end, group_prefix, prefix_end, table_prefix};

/// Texts that are each other's beginnings, and hold the bytes that the encoding itself uses.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[\u{0}\u{1}a]{0,4}", "[\u{0}a\u{7f}\u{80}\u{10ffff}]{0,3}", ".{0,12}"]
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..4_u64, Just(u64::MAX), any::<u64>()]
}

fn wide() -> impl Strategy<Value = u128> {
    prop_oneof![0..3_u128, any::<u128>()]
}

fn channel() -> impl Strategy<Value = Channel> {
    proptest::sample::select(CHANNELS.to_vec())
}

fn bytes<K: StoredKey>(key: &K) -> Vec<u8> {
    let mut out = Vec::new();
    key.write(&mut out);
    out
}

fn check<K: StoredKey + Ord + std::fmt::Debug>(left: &K, right: &K) {
    let (left_bytes, right_bytes) = (bytes(left), bytes(right));
    assert_eq!(left.cmp(right), left_bytes.cmp(&right_bytes), "{left:?} {right:?}");
    assert_eq!(decode::<K>(&left_bytes).as_ref(), Ok(left));
    assert_eq!(decode::<K>(&right_bytes).as_ref(), Ok(right));
    assert!(left == right || !right_bytes.starts_with(&left_bytes), "{left:?} begins {right:?}");
}

macro_rules! ordered {
    ($($name:ident: $part:expr;)*) => {
        proptest! {
            $(#[test]
            fn $name(left in $part, right in $part) {
                check(&left, &right);
            })*
        }
    };
}

ordered! {
    numbers: number();
    message_ids: wide().prop_map(MessageId);
    requests_by_age: (number().prop_map(Timestamp), wide().prop_map(model::RequestId));
    follow_ups: (any::<u16>().prop_map(GroupId), number());
    texts: text().prop_map(RegionId::from_stored);
    users: (wide().prop_map(AppId), text().prop_map(UserId::from_stored));
    user_endpoints: (
        wide().prop_map(AppId),
        text().prop_map(UserId::from_stored),
        text().prop_map(EndpointId::from_stored)
    );
    opt_outs: (wide().prop_map(AppId), text().prop_map(AddressKey::from_stored), channel());
    address_endpoints: (wide().prop_map(AppId), channel(), text().prop_map(AddressKey::from_stored));
    outbox: (text().prop_map(RegionId::from_stored), number().prop_map(Timestamp), wide().prop_map(MessageId));
    claims: (number().prop_map(NodeId), number().prop_map(Incarnation), wide().prop_map(MessageId));
}

proptest! {
    /// No bytes make a reader panic, and what is read is written the same.
    #[test]
    fn any_bytes_are_a_key_or_refused(input in proptest::collection::vec(any::<u8>(), 0..40)) {
        type Key = (RegionId, Channel, UserId);
        if let Ok(key) = decode::<Key>(&input) {
            prop_assert_eq!(bytes(&key), input);
        }
    }
}

#[test]
fn malformed_keys_are_refused() {
    assert_eq!(decode::<u64>(&[0; 7]), Err(KeyError::Short));
    assert_eq!(decode::<u64>(&[0; 9]), Err(KeyError::Long));
    assert_eq!(decode::<UserId>(b"a"), Err(KeyError::Short));
    assert_eq!(decode::<UserId>(b"a\0\x02"), Err(KeyError::Text));
    assert_eq!(decode::<UserId>(b"\xff\0\x01"), Err(KeyError::Text));
    assert_eq!(decode::<Channel>(&[0]), Err(KeyError::Channel(0)));
}

#[test]
fn groups_and_tables_do_not_overlap() {
    for group in [GroupId(0), GroupId(1), GroupId(255), GroupId(u16::MAX)] {
        assert!(group_prefix(group) < table_prefix(group, 1));
        assert!(table_prefix(group, 254) < group_end(group));
        if let Some(next) = group.0.checked_add(1) {
            assert!(group_end(group) < group_prefix(GroupId(next)));
        }
    }
    assert_eq!(prefix_end(&[1, 255]), vec![2]);
}

/// The list of tables, as the macro gives it.
fn tables() -> Vec<(u8, &'static str)> {
    let mut found = Vec::new();
    macro_rules! collect {
        ($id:literal, $name:ident) => {
            found.push(($id, stringify!($name)));
        };
    }
    registry::for_each_table!(collect);
    found
}

#[test]
fn every_table_has_its_own_number_and_room_beside_it() {
    let tables = tables();
    let ids: BTreeSet<u8> = tables.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), tables.len());
    assert!(ids.iter().all(|id| (1..255).contains(id)));
}

#[test]
fn every_table_can_be_stored() {
    fn view<V: registry::tables::View + Send + Sync>() {}
    fn tables<T: registry::tables::Tables + Send>() {}
    view::<store::GroupView>();
    tables::<store::GroupWrite>();
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<store::StateStore>();
    shared::<store::LogStore>();
    let _: Option<&dyn registry::tables::View> = None;
}
