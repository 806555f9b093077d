//! Random actions over a small universe: two apps, a few addresses and endpoints, three regions, two nodes.

use std::collections::BTreeMap;

use model::channel::Channel;
use model::command::Resolution;
use model::endpoint::{EndpointOptOut, EndpointPatch, EndpointStatus, UserLink};
use model::event::EventKind;
use model::id::{AppId, UserId};
use model::message::{Claim, Class, SendResult};
use model::reading::GivenAddress;
use proptest::prelude::*;
use proptest::sample::select;

use crate::APPLY_VERSION;

use super::world::{DAY, PARTITIONS, START, delivered, number, retry, unknown};

/// The apps.
pub const APPS: [AppId; 2] = [AppId(0xa), AppId(0xb)];
const REGIONS: [&str; 3] = ["a", "b", "c"];
/// Stands for the region where a message waits.
pub const ITS_OWN: &str = "";
/// Stands for the dispatch that a message waits for.
pub const THE_NEXT: u32 = 0;

/// Something that somebody does.
#[derive(Debug, Clone)]
pub enum Action {
    Wait(u64),
    CreateApp(usize),
    DeleteApp(usize),
    PutChannel(usize, Channel, Option<bool>, Option<Class>),
    DeleteChannel(usize, Channel),
    Plan(Vec<(&'static str, u32)>, bool),
    Adopt(u16, usize),
    Upsert(usize, usize, Box<EndpointPatch>, bool),
    DeleteEndpoint(usize, usize),
    PutOptOut(usize, u32),
    DeleteOptOut(usize, u32),
    PutListedOptOut(u32),
    DeleteListedOptOut(u32),
    Accept(Accept),
    Claim(Claim, &'static str, usize),
    Release(Claim, usize),
    Settle(&'static str, usize, u32, SendResult),
    Report(usize, EventKind),
    Resolve(usize, Resolution),
    Takeover(u16, &'static str, u64, u32),
    BeginIncarnation(u16, u64, u64),
    Expire(u16, u32),
    Retire(u16, u32),
    Deliver(u16, bool),
    Close(u16, u128, u32),
    PutPiece(u16, usize, u128, u32),
    /// To which version.
    SetApplyVersion(u16, u32),
    Fence(u16),
}

/// A request to send; its recipients are SMS numbers or custom endpoints.
#[derive(Debug, Clone)]
pub struct Accept {
    pub app: usize,
    pub custom: bool,
    pub recipients: Vec<(u64, u32)>,
    pub endpoint: bool,
    pub class: Option<Class>,
    pub time_to_live_ms: u64,
    pub asked: bool,
    pub in_pieces: bool,
}

/// Returns sequences of at most `length` actions after those that let both apps send.
pub fn actions(length: usize) -> impl Strategy<Value = Vec<Action>> {
    (any::<bool>(), prop::collection::vec(action(), 1..length)).prop_map(|(raised, actions)| {
        let mut all = beginning(raised);
        all.extend(actions);
        all
    })
}

/// A cluster with its apps; one that was just made is at the newest version, one that was upgraded is raised later.
fn beginning(raised: bool) -> Vec<Action> {
    let mut actions = vec![Action::Plan(vec![("a", 1), ("b", 1)], true)];
    for app in 0..APPS.len() {
        actions.push(Action::CreateApp(app));
        actions.push(Action::PutChannel(app, Channel::Sms, None, None));
        actions.push(Action::PutChannel(app, Channel::Custom, None, Some(Class::AtMostOnce)));
    }
    if raised {
        actions.extend((0..=PARTITIONS).map(|group| Action::SetApplyVersion(group, APPLY_VERSION)));
    }
    actions.extend(vec![Action::Deliver(0, false); 6]);
    actions
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => select(vec![0, 1, 1, 1_000, 60_000, 60_000, 16 * 60_000, DAY, 4 * DAY]).prop_map(Action::Wait),
        4 => configuration(),
        8 => recipients(),
        10 => accept().prop_map(Action::Accept),
        3 => put_piece(),
        24 => sending(),
        9 => upkeep(),
        4 => (0..=PARTITIONS, any::<bool>()).prop_map(|(source, twice)| Action::Deliver(source, twice)),
    ]
}

fn configuration() -> impl Strategy<Value = Action> {
    let channel = || select(vec![Channel::Sms, Channel::Custom]);
    let weights =
        select(vec![vec![("a", 1)], vec![("b", 1)], vec![("a", 1), ("b", 1)], vec![("a", 1), ("b", 2), ("c", 3)]]);
    prop_oneof![
        1 => (0..2_usize).prop_map(Action::CreateApp),
        1 => (0..2_usize).prop_map(Action::DeleteApp),
        3 => (0..2_usize, channel(), select(vec![None, Some(true), Some(true), Some(false)]), option(class()))
            .prop_map(|(app, channel, enabled, class)| Action::PutChannel(app, channel, enabled, class)),
        1 => (0..2_usize, channel()).prop_map(|(app, channel)| Action::DeleteChannel(app, channel)),
        8 => (weights, any::<bool>()).prop_map(|(weights, everywhere)| Action::Plan(weights, everywhere)),
        4 => (1..=PARTITIONS, 0..3_usize).prop_map(|(group, back)| Action::Adopt(group, back)),
    ]
}

fn recipients() -> impl Strategy<Value = Action> {
    let channel = select(vec![Channel::Sms, Channel::Sms, Channel::Custom]);
    let address = (0..4_u32).prop_map(|n| GivenAddress::normal(number(n).address.as_str()));
    let status = select(vec![EndpointStatus::Active, EndpointStatus::Inactive]);
    let opt_out = select(vec![EndpointOptOut::None, EndpointOptOut::All]);
    let user = select(vec![
        UserLink::Nobody,
        UserLink::To(UserId::new("u").unwrap()),
        UserLink::To(UserId::new("v").unwrap()),
    ]);
    let attributes = select(vec![
        BTreeMap::new(),
        BTreeMap::from([("plan".to_owned(), vec!["gold".to_owned()])]),
        BTreeMap::from([("plan".to_owned(), Vec::new())]),
    ]);
    let patch = (option(channel), option(address), option(status), option(opt_out), option(user), attributes).prop_map(
        |(channel, address, status, opt_out, user, user_attributes)| EndpointPatch {
            channel,
            address,
            status,
            opt_out,
            user,
            user_attributes,
            ..EndpointPatch::default()
        },
    );
    prop_oneof![
        6 => (0..2_usize, 0..5_usize, patch, any::<bool>())
            .prop_map(|(app, endpoint, patch, asked)| Action::Upsert(app, endpoint, Box::new(patch), asked)),
        2 => (0..2_usize, 0..5_usize).prop_map(|(app, endpoint)| Action::DeleteEndpoint(app, endpoint)),
        1 => (0..2_usize, 0..4_u32).prop_map(|(app, address)| Action::PutOptOut(app, address)),
        2 => (0..2_usize, 0..4_u32).prop_map(|(app, address)| Action::DeleteOptOut(app, address)),
        3 => (0..4_u32, any::<bool>()).prop_map(|(address, put)| match put {
            true => Action::PutListedOptOut(address),
            false => Action::DeleteListedOptOut(address),
        }),
    ]
}

fn accept() -> impl Strategy<Value = Accept> {
    let recipients = prop::collection::vec((0..12_u64, 0..4_u32), 1..4);
    let time_to_live_ms = select(vec![1, 60_000, DAY]);
    let class = select(vec![None, Some(Class::AtLeastOnce), Some(Class::AtMostOnce), Some(Class::AtMostOnce)]);
    let in_pieces = select(vec![false, false, true]);
    (0..2_usize, any::<bool>(), recipients, any::<bool>(), class, time_to_live_ms, any::<bool>(), in_pieces).prop_map(
        |(app, custom, recipients, endpoint, class, time_to_live_ms, asked, in_pieces)| Accept {
            app,
            custom,
            recipients,
            endpoint,
            class,
            time_to_live_ms,
            asked,
            in_pieces,
        },
    )
}

/// Of the bodies that messages are accepted with, both pieces; now and then one too many.
fn put_piece() -> impl Strategy<Value = Action> {
    let number = select(vec![0, 0, 0, 1, 1, 1, 2]);
    (1..=PARTITIONS, 0..2_usize, 0..12_u128, number)
        .prop_map(|(group, app, body, number)| Action::PutPiece(group, app, body, number))
}

fn sending() -> impl Strategy<Value = Action> {
    let result = prop_oneof![
        Just(delivered()),
        (0..100_000_u64).prop_map(|later| retry(START + 2 * later)),
        (0..100_000_u64).prop_map(|later| unknown(START + later)),
        Just(SendResult::Failed { detail: "no".into() }),
        Just(SendResult::Forbidden),
    ];
    let kind = select(vec![
        EventKind::Delivered,
        EventKind::HardBounce,
        EventKind::SoftBounce,
        EventKind::Complaint,
        EventKind::Unsubscribed,
        EventKind::Undelivered,
        EventKind::Sent,
    ]);
    let resolution = select(vec![Resolution::Resend, Resolution::GiveUp, Resolution::Delivered]);
    prop_oneof![
        8 => (claim(), its_region(), 0..20_usize)
            .prop_map(|(claim, region, message)| Action::Claim(claim, region, message)),
        2 => (claim(), 0..20_usize).prop_map(|(claim, message)| Action::Release(claim, message)),
        6 => (its_region(), 0..20_usize, select(vec![THE_NEXT, THE_NEXT, THE_NEXT, 1, 2, 3]), result)
            .prop_map(|(region, message, attempt, result)| Action::Settle(region, message, attempt, result)),
        2 => (0..20_usize, kind).prop_map(|(message, kind)| Action::Report(message, kind)),
        2 => (0..20_usize, resolution).prop_map(|(message, resolution)| Action::Resolve(message, resolution)),
    ]
}

fn upkeep() -> impl Strategy<Value = Action> {
    prop_oneof![
        5 => (1..=PARTITIONS, select(REGIONS.to_vec()), select(vec![0, 0, 0, 1]), 1..4_u32)
            .prop_map(|(group, region, back, limit)| Action::Takeover(group, region, back, limit)),
        4 => (1..=PARTITIONS, 1..3_u64, 1..4_u64).prop_map(|(group, node, incarnation)| Action::BeginIncarnation(group, node, incarnation)),
        1 => (1..=PARTITIONS, 0..4_u32).prop_map(|(group, limit)| Action::Expire(group, limit)),
        2 => (0..=PARTITIONS, 0..9_u32).prop_map(|(group, limit)| Action::Retire(group, limit)),
        1 => (1..=PARTITIONS, 0..6_u128, 0..4_u32).prop_map(|(group, back, endpoint)| Action::Close(group, back, endpoint)),
        1 => (0..=PARTITIONS, select(vec![0, 1, 1, APPLY_VERSION])).prop_map(|(group, version)| Action::SetApplyVersion(group, version)),
        1 => (0..=PARTITIONS).prop_map(Action::Fence),
    ]
}

fn class() -> impl Strategy<Value = Class> {
    select(vec![Class::AtLeastOnce, Class::AtMostOnce])
}

fn its_region() -> impl Strategy<Value = &'static str> {
    select(vec![ITS_OWN, ITS_OWN, ITS_OWN, ITS_OWN, "a", "b", "c"])
}

fn claim() -> impl Strategy<Value = Claim> {
    (1..3_u64, 1..4_u64).prop_map(|(node, incarnation)| super::world::claim(node, incarnation))
}

fn option<S: Strategy>(strategy: S) -> impl Strategy<Value = Option<S::Value>>
where
    S::Value: Clone,
{
    prop::option::of(strategy)
}
