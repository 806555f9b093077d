//! Any noun of the model but endpoints, for property tests.

use std::collections::BTreeMap;

use model::accounting::Accounting;
use model::app::{ChannelDetail, FormerCountry};
use model::body::{BodyContent, OpenBody, Piece, Pieces};
use model::cluster::{NodeInfo, RegionKind};
use model::content::{HeaderField, Purpose, SmsRegistration};
use model::endpoint::FormerPlace;
use model::event::EVENT_KINDS;
use model::message::{Body, Claim, EventRef, STATUSES, Trace};
use model::opt_out::{Block, BlockReason, ListedOptOut, OptOut, OptOutList, OptOutSource};
use model::plan::{Author, Frozen, Mode, PlanChange, RegionState, Scope, Weights};
use model::rows::{Deletion, GroupMeta, OutboxRow};
use model::*;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::values::{
    address, app_id, bits, channel, class, endpoint_id, epoch, key, lists, message_id, number, region, revision, small,
    some_text, tags, text, time,
};

fn country() -> impl Strategy<Value = Country> {
    "[A-Z]{2}".prop_map(|text| text.parse().unwrap())
}

pub(crate) fn channel_detail() -> impl Strategy<Value = ChannelDetail> {
    let email =
        (text(), text(), some_text(), some_text()).prop_map(|(from_address, identity, configuration_set, role_arn)| {
            ChannelDetail::Email { from_address, identity, configuration_set, role_arn }
        });
    let sms = (some_text(), some_text(), of(country())).prop_map(|(sender_id, short_code, default_country)| {
        ChannelDetail::Sms { sender_id, short_code, default_country }
    });
    prop_oneof![email, sms, Just(ChannelDetail::Custom)]
}

pub(crate) fn app() -> BoxedStrategy<App> {
    let former = (country(), time()).prop_map(|(country, left)| FormerCountry { country, left });
    (app_id(), text(), tags(), time(), revision(), vec(former, 0..3))
        .prop_map(|(id, name, tags, created, revision, former_countries)| App {
            id,
            name,
            tags,
            created,
            revision,
            former_countries,
        })
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

fn destination() -> impl Strategy<Value = Destination> {
    select(vec!["+44", "example.com", "-", "other"]).prop_map(Destination::named)
}

fn scope() -> impl Strategy<Value = Scope> {
    let of_app = app_id().prop_map(Scope::App);
    prop_oneof![of_app, (channel(), destination()).prop_map(|(channel, to)| Scope::Destination(channel, to))]
}

fn frozen() -> impl Strategy<Value = Frozen> {
    let of_region = region().prop_map(Frozen::Region);
    prop_oneof![Just(Frozen::Everything), of_region, channel().prop_map(Frozen::Channel)]
}

fn author() -> impl Strategy<Value = Author> {
    prop_oneof![Just(Author::Automatic), text().prop_map(Author::Principal)]
}

pub(crate) fn plan_change() -> BoxedStrategy<PlanChange> {
    let diverted = btree_map((channel(), destination()), weights(), 0..3);
    let shares = (weights(), btree_map(channel(), weights(), 0..3), btree_map(scope(), weights(), 0..3), diverted);
    (epoch(), mode(), (regions(), btree_set(frozen(), 0..3)), shares, text(), tags(), author())
        .prop_map(|(parent, mode, (regions, frozen), shares, reason, evidence, author)| {
            let (weights, channel_weights, scopes, diverted) = shares;
            PlanChange {
                parent,
                mode,
                regions,
                weights,
                channel_weights,
                scopes,
                diverted,
                frozen,
                reason,
                evidence,
                author,
            }
        })
        .boxed()
}

pub(crate) fn plan() -> BoxedStrategy<TrafficPlan> {
    (plan_change(), epoch(), time())
        .prop_map(|(change, epoch, time)| TrafficPlan { epoch, ..change.into_plan(time) })
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

pub(crate) fn source() -> impl Strategy<Value = OptOutSource> {
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

pub(crate) fn opt_out_list() -> impl Strategy<Value = OptOutList> {
    key().prop_map(|key| OptOutList::from_stored(key.as_str().to_owned()))
}

pub(crate) fn listed_opt_out() -> impl Strategy<Value = ListedOptOut> {
    (opt_out_list(), key(), source(), time()).prop_map(|(list, key, source, time)| ListedOptOut {
        list,
        key,
        source,
        time,
    })
}

pub(crate) fn trace() -> impl Strategy<Value = Trace> {
    let heard = proptest::collection::btree_set(kind(), 0..3);
    (app_id(), channel(), key(), heard).prop_map(|(app, channel, key, heard)| Trace { app, channel, key, heard })
}

pub(crate) fn deletion() -> impl Strategy<Value = Deletion> {
    (any::<bool>(), any::<bool>()).prop_map(|(known, ended)| Deletion { known, ended })
}

pub(crate) fn former_place() -> impl Strategy<Value = FormerPlace> {
    (channel(), revision()).prop_map(|(channel, left)| FormerPlace { channel, left })
}

pub(crate) fn content() -> BoxedStrategy<Content> {
    let purpose = select(vec![Purpose::Transactional, Purpose::Promotional]);
    let registration = (some_text(), some_text(), some_text())
        .prop_map(|(keyword, entity_id, template_id)| SmsRegistration { keyword, entity_id, template_id });
    let sms = (text(), purpose, some_text(), some_text(), registration).prop_map(
        |(text, purpose, origination_number, sender_id, registration)| Content::Sms {
            text,
            purpose,
            origination_number,
            sender_id,
            registration,
        },
    );
    let header = (text(), text()).prop_map(|(name, value)| HeaderField { name, value });
    let email = (text(), some_text(), some_text(), some_text(), vec(text(), 0..3), vec(header, 0..3)).prop_map(
        |(subject, html, text, from, reply_to, headers)| Content::Email {
            subject,
            html,
            text,
            from,
            reply_to,
            headers,
        },
    );
    let raw = (vec(any::<u8>(), 0..300), some_text()).prop_map(|(data, from)| Content::RawEmail { data, from });
    prop_oneof![sms, email, raw, text().prop_map(|data| Content::Custom { data })].boxed()
}

pub(crate) fn body_content() -> BoxedStrategy<BodyContent> {
    let purpose = select(vec![Purpose::Transactional, Purpose::Promotional]);
    let pieces = (small(), number(), purpose).prop_map(|(count, bytes, purpose)| Pieces { count, bytes, purpose });
    prop_oneof![3 => content().prop_map(BodyContent::Whole), 1 => pieces.prop_map(BodyContent::Pieces)].boxed()
}

pub(crate) fn piece() -> BoxedStrategy<Piece> {
    vec(any::<u8>(), 0..300).prop_map(Piece).boxed()
}

pub(crate) fn open_body() -> impl Strategy<Value = OpenBody> {
    (small(), btree_map(small(), small(), 0..4), time()).prop_map(|(count, sizes, since)| OpenBody {
        count,
        sizes,
        since,
    })
}

pub(crate) fn body() -> BoxedStrategy<Body> {
    (body_content(), lists(), some_text(), number())
        .prop_map(|(content, substitutions, trace, references)| Body { content, substitutions, trace, references })
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

pub(crate) fn claim() -> impl Strategy<Value = Claim> {
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

pub(crate) fn kind() -> impl Strategy<Value = EventKind> {
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
    (time(), small(), time(), number(), epoch()).prop_map(|(clock, apply_version, version_since, events, epoch)| {
        GroupMeta { clock, apply_version, version_since, events, epoch }
    })
}
