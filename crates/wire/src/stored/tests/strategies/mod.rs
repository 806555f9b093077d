//! Any value of the model, for property tests: the nouns here and in `endpoints`, what a log carries in `proposals`.

mod endpoints;
mod proposals;

use std::collections::BTreeMap;

use model::accounting::Accounting;
use model::app::ChannelDetail;
use model::channel::CHANNELS;
use model::cluster::{NodeInfo, RegionKind};
use model::content::{Purpose, Substitutions};
use model::event::EVENT_KINDS;
use model::message::{Body, Claim, EventRef, STATUSES};
use model::opt_out::{Block, BlockReason, OptOut, OptOutSource};
use model::plan::{Author, Mode, PlanChange, RegionState, Weights};
use model::rows::{GroupMeta, OutboxRow};
use model::*;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) use endpoints::endpoint;
use endpoints::patch;
pub(crate) use proposals::{follow_up_action, outcome, proposal, request_row};

pub(crate) fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof![Just(String::new()), "\\PC{1,12}", "x{120,140}"]
}

fn given_text() -> impl Strategy<Value = String> + Clone {
    "\\PC{1,12}"
}

pub(super) fn some_text() -> impl Strategy<Value = Option<String>> {
    of(text())
}

pub(crate) fn tags() -> BoxedStrategy<BTreeMap<String, String>> {
    btree_map(text(), text(), 0..4).boxed()
}

pub(crate) fn lists() -> BoxedStrategy<Substitutions> {
    btree_map(text(), vec(text(), 0..3), 0..3).boxed()
}

pub(super) fn bits() -> impl Strategy<Value = u128> {
    prop_oneof![
        Just(0),
        any::<u128>(),
        any::<u64>().prop_map(u128::from),
        any::<u64>().prop_map(|n| u128::from(n) << 64)
    ]
}

pub(super) fn app_id() -> impl Strategy<Value = AppId> {
    bits().prop_map(AppId)
}

pub(super) fn message_id() -> impl Strategy<Value = MessageId> {
    bits().prop_map(MessageId)
}

pub(super) fn request_id() -> impl Strategy<Value = RequestId> {
    bits().prop_map(RequestId)
}

pub(super) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..300_u64, any::<u64>()]
}

pub(super) fn small() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), 0..300_u32, any::<u32>()]
}

pub(super) fn time() -> impl Strategy<Value = Timestamp> {
    number().prop_map(Timestamp)
}

pub(super) fn epoch() -> impl Strategy<Value = Epoch> {
    number().prop_map(Epoch)
}

fn revision() -> impl Strategy<Value = Revision> {
    number().prop_map(Revision)
}

pub(super) fn group() -> impl Strategy<Value = GroupId> {
    any::<u16>().prop_map(GroupId)
}

pub(crate) fn region() -> impl Strategy<Value = RegionId> {
    "[a-z0-9-]{1,32}".prop_map(|text| RegionId::new(&text).unwrap())
}

pub(super) fn endpoint_id() -> impl Strategy<Value = EndpointId> {
    // 256 of the letter whose lower case is two characters: the longest stored id.
    let longest = "\u{130}".repeat(256);
    prop_oneof!["[a-zA-Z0-9/ .@-]{1,20}", Just(longest)].prop_map(|text| EndpointId::new(&text).unwrap())
}

fn user_id() -> impl Strategy<Value = UserId> {
    given_text().prop_map(|text| UserId::new(&text).unwrap())
}

pub(super) fn address() -> impl Strategy<Value = Address> {
    text().prop_map(Address::from_stored)
}

pub(super) fn key() -> impl Strategy<Value = AddressKey> {
    given_text().prop_map(AddressKey::from_stored)
}

pub(crate) fn channel() -> impl Strategy<Value = Channel> {
    select(CHANNELS.as_slice())
}

pub(crate) fn class() -> impl Strategy<Value = Class> {
    select(vec![Class::AtLeastOnce, Class::AtMostOnce])
}

pub(super) fn channel_detail() -> impl Strategy<Value = ChannelDetail> {
    let email =
        (text(), text(), some_text(), some_text()).prop_map(|(from_address, identity, configuration_set, role_arn)| {
            ChannelDetail::Email { from_address, identity, configuration_set, role_arn }
        });
    let sms =
        (some_text(), some_text()).prop_map(|(sender_id, short_code)| ChannelDetail::Sms { sender_id, short_code });
    prop_oneof![email, sms, Just(ChannelDetail::Custom)]
}

pub(crate) fn app() -> BoxedStrategy<App> {
    (app_id(), text(), tags(), time(), revision())
        .prop_map(|(id, name, tags, created, revision)| App { id, name, tags, created, revision })
        .boxed()
}

pub(crate) fn channel_settings() -> BoxedStrategy<ChannelSettings> {
    (channel(), any::<bool>(), of(class()), channel_detail(), time(), time(), revision())
        .prop_map(|(channel, enabled, class, detail, created, modified, revision)| ChannelSettings {
            channel,
            enabled,
            class,
            detail,
            created,
            modified,
            revision,
        })
        .boxed()
}

pub(crate) fn app_send_state() -> BoxedStrategy<AppSendState> {
    let send_state = (any::<bool>(), of(class()), channel_detail())
        .prop_map(|(enabled, class, detail)| ChannelSendState { enabled, class, detail });
    (app_id(), btree_map(channel(), send_state, 0..4), revision(), any::<bool>())
        .prop_map(|(app, channels, revision, deleted)| AppSendState { app, channels, revision, deleted })
        .boxed()
}

fn weights() -> impl Strategy<Value = Weights> {
    btree_map(region(), small(), 0..4)
}

fn mode() -> impl Strategy<Value = Mode> {
    select(vec![Mode::ActiveActive, Mode::WarmStandby])
}

fn regions() -> impl Strategy<Value = BTreeMap<RegionId, RegionState>> {
    btree_map(region(), select(vec![RegionState::Active, RegionState::Standby, RegionState::Evacuated]), 0..4)
}

fn author() -> impl Strategy<Value = Author> {
    prop_oneof![Just(Author::Automatic), text().prop_map(Author::Principal)]
}

pub(super) fn plan_change() -> BoxedStrategy<PlanChange> {
    let shares = (weights(), btree_map(channel(), weights(), 0..3));
    (epoch(), mode(), regions(), shares, text(), tags(), author())
        .prop_map(|(parent, mode, regions, (weights, channel_weights), reason, evidence, author)| PlanChange {
            parent,
            mode,
            regions,
            weights,
            channel_weights,
            reason,
            evidence,
            author,
        })
        .boxed()
}

pub(crate) fn plan() -> BoxedStrategy<TrafficPlan> {
    (plan_change(), epoch(), time())
        .prop_map(|(change, epoch, time)| TrafficPlan {
            epoch,
            parent: change.parent,
            mode: change.mode,
            regions: change.regions,
            weights: change.weights,
            channel_weights: change.channel_weights,
            reason: change.reason,
            evidence: change.evidence,
            author: change.author,
            time,
        })
        .boxed()
}

pub(crate) fn node() -> impl Strategy<Value = NodeInfo> {
    let kind = select(vec![RegionKind::Serving, RegionKind::Witness]);
    (number(), region(), kind, text(), text(), text()).prop_map(|(id, region, kind, peer, grpc, rest_url)| NodeInfo {
        id: NodeId(id),
        region,
        kind,
        peer,
        grpc,
        rest_url,
    })
}

pub(super) fn source() -> impl Strategy<Value = OptOutSource> {
    use OptOutSource::{Complaint, HardBounce, Reply, Request, Unsubscribe};
    select(vec![Request, Reply, Unsubscribe, Complaint, HardBounce])
}

pub(crate) fn opt_out() -> impl Strategy<Value = OptOut> {
    (app_id(), key(), channel(), source(), time()).prop_map(|(app, key, channel, source, time)| OptOut {
        app,
        key,
        channel,
        source,
        time,
    })
}

pub(crate) fn block() -> BoxedStrategy<Block> {
    let reason = select(vec![BlockReason::OptedOut, BlockReason::Inactive, BlockReason::Deleted]);
    (app_id(), key(), endpoint_id(), channel(), reason, revision())
        .prop_map(|(app, key, endpoint, channel, reason, revision)| Block {
            app,
            key,
            endpoint,
            channel,
            reason,
            revision,
        })
        .boxed()
}

pub(crate) fn content() -> BoxedStrategy<Content> {
    let purpose = select(vec![Purpose::Transactional, Purpose::Promotional]);
    let sms = (text(), purpose, some_text(), some_text()).prop_map(|(text, purpose, origination_number, sender_id)| {
        Content::Sms { text, purpose, origination_number, sender_id }
    });
    let email = (text(), some_text(), some_text(), some_text(), vec(text(), 0..3))
        .prop_map(|(subject, html, text, from, reply_to)| Content::Email { subject, html, text, from, reply_to });
    let raw = (vec(any::<u8>(), 0..300), some_text()).prop_map(|(data, from)| Content::RawEmail { data, from });
    prop_oneof![sms, email, raw, text().prop_map(|data| Content::Custom { data })].boxed()
}

pub(crate) fn body() -> BoxedStrategy<Body> {
    (content(), lists(), number())
        .prop_map(|(content, substitutions, references)| Body { content, substitutions, references })
        .boxed()
}

pub(crate) fn message() -> BoxedStrategy<Message> {
    let ids = (message_id(), app_id(), address(), key(), of(endpoint_id()), bits().prop_map(BodyId));
    (ids, channel(), lists(), tags(), class(), time(), time())
        .prop_map(
            |((id, app, address, key, endpoint, body), channel, substitutions, context, class, accepted, expires)| {
                Message {
                    id,
                    app,
                    channel,
                    address,
                    key,
                    endpoint,
                    body,
                    substitutions,
                    context,
                    class,
                    accepted,
                    expires,
                }
            },
        )
        .boxed()
}

pub(super) fn claim() -> impl Strategy<Value = Claim> {
    (number(), number())
        .prop_map(|(node, incarnation)| Claim { node: NodeId(node), incarnation: Incarnation(incarnation) })
}

pub(crate) fn progress() -> BoxedStrategy<Progress> {
    let said = (some_text(), some_text(), vec(event_ref(), 0..3));
    (select(STATUSES.as_slice()), region(), epoch(), small(), time(), of(claim()), said, time())
        .prop_map(|(status, region, epoch, attempts, due, claim, (provider_id, detail, events), changed)| Progress {
            status,
            region,
            epoch,
            attempts,
            due,
            claim,
            provider_id,
            detail,
            changed,
            events,
        })
        .boxed()
}

fn event_ref() -> impl Strategy<Value = EventRef> {
    (number(), kind()).prop_map(|(number, kind)| EventRef { number, kind })
}

pub(crate) fn outbox_row() -> impl Strategy<Value = OutboxRow> {
    (channel(), class(), small(), time()).prop_map(|(channel, class, attempts, expires)| OutboxRow {
        channel,
        class,
        attempts,
        expires,
    })
}

pub(super) fn kind() -> impl Strategy<Value = EventKind> {
    select(EVENT_KINDS.iter().map(|(kind, ..)| *kind).collect::<Vec<_>>())
}

pub(crate) fn event() -> BoxedStrategy<Event> {
    let what = (channel(), kind(), region(), epoch(), small());
    (app_id(), message_id(), of(endpoint_id()), what, time(), some_text(), tags())
        .prop_map(|(app, message, endpoint, (channel, kind, region, epoch, attempt), time, detail, context)| Event {
            app,
            message,
            endpoint,
            channel,
            kind,
            region,
            epoch,
            attempt,
            time,
            detail,
            context,
        })
        .boxed()
}

pub(crate) fn accounting() -> impl Strategy<Value = Accounting> {
    proptest::array::uniform7(number()).prop_map(|[accepted, delivered, failed, opted_out, expired, held, pending]| {
        Accounting { accepted, delivered, failed, opted_out, expired, held, pending }
    })
}

pub(crate) fn group_meta() -> impl Strategy<Value = GroupMeta> {
    (time(), small(), number(), epoch()).prop_map(|(clock, apply_version, events, epoch)| GroupMeta {
        clock,
        apply_version,
        events,
        epoch,
    })
}
