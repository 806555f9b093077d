//! Any proposal and outcome, for property tests.

use model::body::PutPiece;
use model::command::{AcceptMessages, FollowUpAction, OutboxCursor, Recipient, Resolution, Settlement, UpsertEndpoint};
use model::event::ProviderEvent;
use model::message::SendResult;
use model::outcome::Acceptance;
use model::request::RecipientName;
use model::rows::{RequestAnswer, RequestRow};
use model::*;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::endpoints::{endpoint, patch};
use super::nouns::{
    app, app_send_state, block, body_content, channel_detail, channel_settings, claim, kind, listed_opt_out, opt_out,
    opt_out_list, piece, plan, plan_change, source,
};
use super::values::{
    address, app_id, bits, channel, class, endpoint_id, epoch, group, key, lists, message_id, number, region,
    request_id, small, some_text, tags, text, time,
};

pub(crate) fn request_row() -> BoxedStrategy<RequestRow> {
    let answer = prop_oneof![
        outcome().prop_map(RequestAnswer::Whole),
        btree_map(number().prop_map(RecipientName), acceptance(), 0..4).prop_map(RequestAnswer::Recipients),
    ];
    (answer, time()).prop_map(|(answer, time)| RequestRow { answer, time }).boxed()
}

pub(crate) fn follow_up_action() -> BoxedStrategy<FollowUpAction> {
    let remove = (app_id(), key(), endpoint_id()).prop_map(|(app, key, endpoint)| FollowUpAction::RemoveBlock {
        app,
        key,
        endpoint,
    });
    prop_oneof![
        app_send_state().prop_map(FollowUpAction::AdoptApp),
        block().prop_map(FollowUpAction::PutBlock),
        remove,
        app_id().prop_map(|app| FollowUpAction::EndApp { app }),
    ]
    .boxed()
}

pub(crate) fn proposal() -> BoxedStrategy<Proposal> {
    (of(request_id()), command()).prop_map(|(request, command)| Proposal { request, command }).boxed()
}

fn command() -> BoxedStrategy<Command> {
    prop_oneof![control_command(), recipient_command(), sending_command(), common_command()].boxed()
}

fn control_command() -> BoxedStrategy<Command> {
    let put = (app_id(), channel(), of(any::<bool>()), of(class()), channel_detail()).prop_map(
        |(app, channel, enabled, class, detail)| Command::PutChannel { app, channel, enabled, class, detail },
    );
    prop_oneof![
        (app_id(), text(), tags()).prop_map(|(app, name, tags)| Command::CreateApp { app, name, tags }),
        app_id().prop_map(|app| Command::DeleteApp { app }),
        put,
        (app_id(), channel()).prop_map(|(app, channel)| Command::DeleteChannel { app, channel }),
        plan_change().prop_map(|change| Command::CommitPlan { change }),
    ]
    .boxed()
}

fn recipient_command() -> BoxedStrategy<Command> {
    let put = (app_id(), key(), channel(), source()).prop_map(|(app, key, channel, source)| Command::PutOptOut {
        app,
        key,
        channel,
        source,
    });
    prop_oneof![
        upsert_endpoint().prop_map(|upsert| Command::UpsertEndpoint(Box::new(upsert))),
        (app_id(), endpoint_id()).prop_map(|(app, endpoint)| Command::DeleteEndpoint { app, endpoint }),
        put,
        (app_id(), key(), channel()).prop_map(|(app, key, channel)| Command::DeleteOptOut { app, key, channel }),
        (opt_out_list(), key(), source()).prop_map(|(list, key, source)| Command::PutListedOptOut {
            list,
            key,
            source
        }),
        (opt_out_list(), key()).prop_map(|(list, key)| Command::DeleteListedOptOut { list, key }),
        (request_id(), vec(number().prop_map(RecipientName), 0..4))
            .prop_map(|(request, recipients)| Command::CloseRequest { request, recipients }),
        put_piece().prop_map(Command::PutPiece),
        accept_messages().prop_map(|accept| Command::AcceptMessages(Box::new(accept))),
    ]
    .boxed()
}

fn sending_command() -> BoxedStrategy<Command> {
    let ids = || vec(message_id(), 0..4);
    let resolution = select(vec![Resolution::Resend, Resolution::GiveUp, Resolution::Delivered]);
    let provider_event =
        (message_id(), kind(), some_text()).prop_map(|(message, kind, detail)| ProviderEvent { message, kind, detail });
    let takeover = (region(), epoch(), of(cursor()), small())
        .prop_map(|(region, epoch, cursor, limit)| Command::Takeover { region, epoch, cursor, limit });
    let begin_incarnation = (number(), number(), small()).prop_map(|(node, incarnation, limit)| {
        Command::BeginIncarnation { node: NodeId(node), incarnation: Incarnation(incarnation), limit }
    });
    prop_oneof![
        (claim(), region(), ids()).prop_map(|(claim, region, messages)| Command::Claim { claim, region, messages }),
        (claim(), ids()).prop_map(|(claim, messages)| Command::ReleaseClaims { claim, messages }),
        (region(), vec(settlement(), 0..4)).prop_map(|(region, results)| Command::Settle { region, results }),
        vec(provider_event, 0..4).prop_map(|events| Command::RecordEvents { events }),
        (ids(), resolution).prop_map(|(messages, resolution)| Command::ResolveHeld { messages, resolution }),
        plan().prop_map(|plan| Command::AdoptPlan { plan: Box::new(plan) }),
        takeover,
        begin_incarnation,
        small().prop_map(|limit| Command::Expire { limit }),
    ]
    .boxed()
}

fn common_command() -> BoxedStrategy<Command> {
    let follow_up = (group(), number(), follow_up_action()).prop_map(|(source, number, action)| Command::FollowUp {
        source,
        number,
        action: Box::new(action),
    });
    prop_oneof![
        follow_up,
        (group(), number()).prop_map(|(target, through)| Command::FollowUpsDone { target, through }),
        small().prop_map(|limit| Command::Retire { limit }),
        small().prop_map(|version| Command::SetApplyVersion { version }),
        Just(Command::Fence),
    ]
    .boxed()
}

fn upsert_endpoint() -> BoxedStrategy<UpsertEndpoint> {
    (app_id(), endpoint_id(), text(), patch(), request_id(), number())
        .prop_map(|(app, endpoint, display_id, patch, request, seed)| UpsertEndpoint {
            app,
            endpoint,
            display_id,
            patch,
            request,
            seed,
        })
        .boxed()
}

fn put_piece() -> BoxedStrategy<PutPiece> {
    (app_id(), bits().prop_map(BodyId), small(), small(), piece())
        .prop_map(|(app, body, number, count, piece)| PutPiece { app, body, number, count, piece })
        .boxed()
}

fn accept_messages() -> BoxedStrategy<AcceptMessages> {
    let recipient = (message_id(), address(), key(), of(endpoint_id()), lists(), tags(), number()).prop_map(
        |(message, address, key, endpoint, substitutions, context, name)| Recipient {
            message,
            address,
            key,
            endpoint,
            substitutions,
            context,
            name: RecipientName(name),
        },
    );
    let ids = (app_id(), channel(), bits().prop_map(BodyId));
    let shared = (lists(), some_text(), tags());
    (ids, body_content(), shared, of(class()), number(), vec(recipient, 0..4))
        .prop_map(
            |((app, channel, body), content, (substitutions, trace, context), class, time_to_live_ms, recipients)| {
                AcceptMessages {
                    app,
                    channel,
                    body,
                    content,
                    substitutions,
                    class,
                    time_to_live_ms,
                    trace,
                    context,
                    recipients,
                }
            },
        )
        .boxed()
}

fn settlement() -> impl Strategy<Value = Settlement> {
    let result = prop_oneof![
        some_text().prop_map(|provider_id| SendResult::Delivered { provider_id }),
        (time(), text()).prop_map(|(due, detail)| SendResult::Retry { due, detail }),
        text().prop_map(|detail| SendResult::Failed { detail }),
        (time(), text()).prop_map(|(due, detail)| SendResult::Unknown { due, detail }),
        Just(SendResult::Forbidden),
    ];
    (message_id(), small(), result).prop_map(|(message, attempt, result)| Settlement { message, attempt, result })
}

fn cursor() -> impl Strategy<Value = OutboxCursor> {
    (time(), message_id()).prop_map(|(due, message)| OutboxCursor { due, message })
}

pub(crate) fn outcome() -> BoxedStrategy<Outcome> {
    let follow_ups = || vec((group(), number()), 0..3);
    let endpoint = (endpoint(), any::<bool>(), follow_ups()).prop_map(|(endpoint, created, follow_ups)| {
        Outcome::Endpoint { endpoint: Box::new(endpoint), created, follow_ups }
    });
    let deleted =
        (super::endpoints::endpoint(), lists(), follow_ups()).prop_map(|(endpoint, user_attributes, follow_ups)| {
            Outcome::EndpointDeleted { endpoint: Box::new(endpoint), user_attributes, follow_ups }
        });
    let plain = prop_oneof![
        refusal().prop_map(Outcome::Refused),
        Just(Outcome::Done),
        app().prop_map(Outcome::App),
        channel_settings().prop_map(Outcome::Channel),
        plan().prop_map(|plan| Outcome::Plan(Box::new(plan))),
        endpoint,
        deleted,
        vec(acceptance(), 0..4).prop_map(Outcome::Accepted),
        vec(message_id(), 0..4).prop_map(Outcome::Claimed),
        (small(), of(cursor()), any::<bool>()).prop_map(|(touched, next, more)| Outcome::Chunk { touched, next, more }),
        opt_out().prop_map(Outcome::OptOut),
        listed_opt_out().prop_map(Outcome::ListedOptOut),
        small().prop_map(|changed| Outcome::Recorded { changed }),
    ];
    (plain, of(follow_ups()))
        .prop_map(|(outcome, follow_ups)| match follow_ups {
            Some(follow_ups) => Outcome::Carried { outcome: Box::new(outcome), follow_ups },
            None => outcome,
        })
        .boxed()
}

fn acceptance() -> BoxedStrategy<Acceptance> {
    prop_oneof![
        message_id().prop_map(Acceptance::Accepted),
        Just(Acceptance::OptedOut),
        Just(Acceptance::Inactive),
        refusal().prop_map(Acceptance::Refused),
        Just(Acceptance::Closed),
    ]
    .boxed()
}

fn refusal() -> BoxedStrategy<Refusal> {
    let without_values = vec![
        Refusal::AppNotFound,
        Refusal::ChannelNotFound,
        Refusal::ChannelDisabled,
        Refusal::EndpointNotFound,
        Refusal::OptOutNotFound,
        Refusal::NoPlan,
        Refusal::NoRegion,
        Refusal::BodyIncomplete,
        Refusal::WrongGroup,
        Refusal::ChannelTypeMissing,
        Refusal::AddressMissing,
    ];
    prop_oneof![
        select(without_values),
        any::<usize>().prop_map(Refusal::TooManyApps),
        any::<usize>().prop_map(Refusal::RequestReused),
        text().prop_map(Refusal::EndpointLimit),
        text().prop_map(Refusal::PieceInvalid),
        text().prop_map(Refusal::AddressInvalid),
        (epoch(), epoch()).prop_map(|(current, parent)| Refusal::PlanConflict { current, parent }),
        text().prop_map(Refusal::PlanInvalid),
        (number(), number()).prop_map(|(number, expected)| Refusal::FollowUpGap { number, expected }),
        number().prop_map(|known| Refusal::IncarnationOutdated { known: Incarnation(known) }),
        (any::<u16>(), number())
            .prop_map(|(target, limit)| Refusal::TooManyFollowUps { target: GroupId(target), limit }),
    ]
    .boxed()
}
