//! Proposals: every command, with the request that caused it. The messages that commands are made of are in
//! `command_parts`.

use std::collections::BTreeMap;

use model::body::PutPiece;
use model::command::{AcceptMessages, FollowUpAction, OutboxCursor, Resolution, Settlement, UpsertEndpoint};
use model::event::ProviderEvent;
use model::message::Claim;
use model::opt_out::OptOutList;
use model::plan::PlanChange;
use model::request::RecipientName;
use model::{
    AddressKey, AppId, Channel, Command, EndpointId, Epoch, GroupId, Incarnation, MessageId, NodeId, Proposal,
    RegionId, RequestId, TrafficPlan,
};

use super::{Form, Writer, app};
use crate::error::InvalidField;
use crate::read::{Within as _, code, code_if_given, endpoint, group, list, region, required, text};
use crate::state;
use crate::state::proposal::Command as Generated;

impl Form for Proposal {
    type Generated = state::Proposal;

    fn write(&self, writer: &mut Writer<'_>) {
        if let Some(request) = self.request {
            writer.id(1, request.0);
        }
        write(writer, &self.command);
    }

    fn read(proposal: state::Proposal) -> Result<Proposal, InvalidField> {
        let command = required(proposal.command, "command")?;
        Ok(Proposal { request: proposal.request.map(RequestId::from), command: read(command)? })
    }
}

fn write(writer: &mut Writer<'_>, command: &Command) {
    match command {
        Command::CreateApp { app, name, tags } => write_create_app(writer, *app, name, tags),
        Command::DeleteApp { app } => writer.nested(11, |delete| delete.id(1, app.0)),
        Command::PutChannel { app, channel, enabled, class, detail } => writer.nested(12, |put| {
            write_app_channel(put, *app, *channel);
            put.flag_if_given(3, *enabled);
            put.code_if_given(4, *class);
            put.message(5, detail);
        }),
        Command::DeleteChannel { app, channel } => {
            writer.nested(13, |delete| write_app_channel(delete, *app, *channel))
        }
        Command::CommitPlan { change } => writer.message(14, change),
        Command::UpsertEndpoint(upsert) => writer.message(20, upsert.as_ref()),
        Command::DeleteEndpoint { app, endpoint } => write_delete_endpoint(writer, *app, endpoint),
        Command::PutOptOut { app, key, channel, source } => writer.nested(22, |put| {
            write_recipient(put, *app, key, *channel);
            put.code(4, *source);
        }),
        Command::PutListedOptOut { list, key, source } => writer.nested(34, |put| {
            put.text(1, list.as_str());
            put.text(2, key.as_str());
            put.code(3, *source);
        }),
        Command::DeleteListedOptOut { list, key } => writer.nested(35, |delete| {
            delete.text(1, list.as_str());
            delete.text(2, key.as_str());
        }),
        Command::DeleteOptOut { app, key, channel } => {
            writer.nested(23, |delete| write_recipient(delete, *app, key, *channel));
        }
        Command::PutPiece(put) => writer.message(37, put),
        Command::AcceptMessages(accept) => writer.message(24, accept.as_ref()),
        Command::CloseRequest { request, recipients } => write_close_request(writer, *request, recipients),
        Command::Claim { claim, region, messages } => write_claim(writer, claim, region, messages),
        Command::ReleaseClaims { claim, messages } => write_release(writer, claim, messages),
        Command::Settle { region, results } => write_settle(writer, region, results),
        Command::RecordEvents { events } => writer.nested(28, |record| record.messages(1, events)),
        Command::ResolveHeld { messages, resolution } => write_resolve(writer, messages, *resolution),
        Command::AdoptPlan { plan } => writer.message(30, plan.as_ref()),
        Command::Takeover { region, epoch, cursor, limit } => writer.nested(31, |takeover| {
            takeover.text(1, region.as_str());
            takeover.uint(2, epoch.0);
            takeover.message_if_given(3, cursor.as_ref());
            takeover.uint(4, u64::from(*limit));
        }),
        Command::BeginIncarnation { node, incarnation, limit } => {
            write_begin_incarnation(writer, *node, *incarnation, *limit)
        }
        Command::Expire { limit } => writer.uint_given(33, u64::from(*limit)),
        Command::FollowUp { source, number, action } => write_follow_up(writer, *source, *number, action),
        Command::FollowUpsDone { target, through } => write_follow_ups_done(writer, *target, *through),
        Command::Retire { limit } => writer.uint_given(42, u64::from(*limit)),
        Command::SetApplyVersion { version } => writer.uint_given(43, u64::from(*version)),
        Command::Fence => writer.nothing(44),
    }
}

fn write_create_app(writer: &mut Writer<'_>, app: AppId, name: &str, tags: &BTreeMap<String, String>) {
    writer.nested(10, |create| {
        create.id(1, app.0);
        create.text(2, name);
        create.tags(3, tags);
    });
}

fn write_delete_endpoint(writer: &mut Writer<'_>, app: AppId, endpoint: &EndpointId) {
    writer.nested(21, |delete| {
        delete.id(1, app.0);
        delete.text(2, endpoint.as_str());
    });
}

fn write_close_request(writer: &mut Writer<'_>, request: RequestId, recipients: &[RecipientName]) {
    writer.nested(36, |close| {
        close.id(1, request.0);
        close.fixed_list(2, recipients.iter().map(|name| name.0));
    });
}

fn write_claim(writer: &mut Writer<'_>, claim: &Claim, region: &RegionId, messages: &[MessageId]) {
    writer.nested(25, |taken| {
        taken.message(1, claim);
        taken.text(2, region.as_str());
        write_messages(taken, 3, messages);
    });
}

fn write_release(writer: &mut Writer<'_>, claim: &Claim, messages: &[MessageId]) {
    writer.nested(26, |release| {
        release.message(1, claim);
        write_messages(release, 2, messages);
    });
}

fn write_settle(writer: &mut Writer<'_>, region: &RegionId, results: &[Settlement]) {
    writer.nested(27, |settle| {
        settle.text(1, region.as_str());
        settle.messages(2, results);
    });
}

fn write_resolve(writer: &mut Writer<'_>, messages: &[MessageId], resolution: Resolution) {
    writer.nested(29, |resolve| {
        write_messages(resolve, 1, messages);
        resolve.code(2, resolution);
    });
}

fn write_begin_incarnation(writer: &mut Writer<'_>, node: NodeId, incarnation: Incarnation, limit: u32) {
    writer.nested(32, |begin_incarnation| {
        begin_incarnation.uint(1, node.0);
        begin_incarnation.uint(2, incarnation.0);
        begin_incarnation.uint(3, u64::from(limit));
    });
}

fn write_follow_up(writer: &mut Writer<'_>, source: GroupId, number: u64, action: &FollowUpAction) {
    writer.nested(40, |follow_up| {
        follow_up.uint(1, u64::from(source.0));
        follow_up.uint(2, number);
        follow_up.message(3, action);
    });
}

fn write_follow_ups_done(writer: &mut Writer<'_>, target: GroupId, through: u64) {
    writer.nested(41, |done| {
        done.uint(1, u64::from(target.0));
        done.uint(2, through);
    });
}

fn write_app_channel(writer: &mut Writer<'_>, app: AppId, channel: Channel) {
    writer.id(1, app.0);
    writer.code(2, channel);
}

fn write_recipient(writer: &mut Writer<'_>, app: AppId, key: &AddressKey, channel: Channel) {
    writer.id(1, app.0);
    writer.text(2, key.as_str());
    writer.code(3, channel);
}

fn write_messages(writer: &mut Writer<'_>, field: u32, messages: &[MessageId]) {
    writer.ids(field, messages.iter().map(|message| message.0));
}

fn read(command: Generated) -> Result<Command, InvalidField> {
    match command {
        Generated::CreateApp(create) => read_create_app(create).within("create_app"),
        Generated::DeleteApp(delete) => app_id(delete.app).map(|app| Command::DeleteApp { app }).within("delete_app"),
        Generated::PutChannel(put) => read_put_channel(put).within("put_channel"),
        Generated::DeleteChannel(delete) => read_delete_channel(delete).within("delete_channel"),
        Generated::CommitPlan(change) => {
            PlanChange::read(change).map(|change| Command::CommitPlan { change }).within("commit_plan")
        }
        Generated::UpsertEndpoint(upsert) => {
            UpsertEndpoint::read(upsert).map(Box::new).map(Command::UpsertEndpoint).within("upsert_endpoint")
        }
        Generated::DeleteEndpoint(delete) => read_delete_endpoint(delete).within("delete_endpoint"),
        Generated::PutOptOut(put) => read_put_opt_out(put).within("put_opt_out"),
        Generated::DeleteOptOut(delete) => read_delete_opt_out(delete).within("delete_opt_out"),
        Generated::PutListedOptOut(put) => read_put_listed_opt_out(put).within("put_listed_opt_out"),
        Generated::DeleteListedOptOut(delete) => read_delete_listed_opt_out(delete).within("delete_listed_opt_out"),
        Generated::AcceptMessages(accept) => {
            AcceptMessages::read(accept).map(Box::new).map(Command::AcceptMessages).within("accept_messages")
        }
        Generated::PutPiece(put) => PutPiece::read(put).map(Command::PutPiece).within("put_piece"),
        Generated::CloseRequest(close) => read_close_request(close).within("close_request"),
        Generated::Claim(claim) => read_claim(claim).within("claim"),
        Generated::ReleaseClaims(release) => read_release(release).within("release_claims"),
        Generated::Settle(settle) => read_settle(settle).within("settle"),
        Generated::RecordEvents(record) => list(record.events, "events", ProviderEvent::read)
            .map(|events| Command::RecordEvents { events })
            .within("record_events"),
        Generated::ResolveHeld(resolve) => read_resolve(resolve).within("resolve_held"),
        Generated::AdoptPlan(plan) => {
            TrafficPlan::read(plan).map(|plan| Command::AdoptPlan { plan: Box::new(plan) }).within("adopt_plan")
        }
        Generated::Takeover(takeover) => read_takeover(takeover).within("takeover"),
        Generated::BeginIncarnation(begin_incarnation) => Ok(read_begin_incarnation(&begin_incarnation)),
        Generated::Expire(limit) => Ok(Command::Expire { limit }),
        Generated::FollowUp(follow_up) => read_follow_up(follow_up).within("follow_up"),
        Generated::FollowUpsDone(done) => read_follow_ups_done(&done).within("follow_ups_done"),
        Generated::Retire(limit) => Ok(Command::Retire { limit }),
        Generated::SetApplyVersion(version) => Ok(Command::SetApplyVersion { version }),
        Generated::Fence(_) => Ok(Command::Fence),
    }
}

fn read_create_app(create: state::CreateApp) -> Result<Command, InvalidField> {
    Ok(Command::CreateApp { app: app_id(create.app)?, name: create.name, tags: create.tags })
}

fn read_put_channel(put: state::PutChannel) -> Result<Command, InvalidField> {
    Ok(Command::PutChannel {
        app: app_id(put.app)?,
        channel: code(put.channel, "channel")?,
        enabled: put.enabled,
        class: code_if_given(put.class, "class")?,
        detail: app::detail(put.detail)?,
    })
}

fn read_delete_channel(delete: state::DeleteChannel) -> Result<Command, InvalidField> {
    Ok(Command::DeleteChannel { app: app_id(delete.app)?, channel: code(delete.channel, "channel")? })
}

fn read_delete_endpoint(delete: state::DeleteEndpoint) -> Result<Command, InvalidField> {
    Ok(Command::DeleteEndpoint { app: app_id(delete.app)?, endpoint: endpoint(delete.endpoint, "endpoint")? })
}

fn read_put_opt_out(put: state::PutOptOut) -> Result<Command, InvalidField> {
    Ok(Command::PutOptOut {
        app: app_id(put.app)?,
        key: text(put.key, "key").map(AddressKey::from_stored)?,
        channel: code(put.channel, "channel")?,
        source: code(put.source, "source")?,
    })
}

fn read_delete_opt_out(delete: state::DeleteOptOut) -> Result<Command, InvalidField> {
    Ok(Command::DeleteOptOut {
        app: app_id(delete.app)?,
        key: text(delete.key, "key").map(AddressKey::from_stored)?,
        channel: code(delete.channel, "channel")?,
    })
}

fn read_put_listed_opt_out(put: state::PutListedOptOut) -> Result<Command, InvalidField> {
    Ok(Command::PutListedOptOut {
        list: text(put.list, "list").map(OptOutList::from_stored)?,
        key: text(put.key, "key").map(AddressKey::from_stored)?,
        source: code(put.source, "source")?,
    })
}

fn read_delete_listed_opt_out(delete: state::DeleteListedOptOut) -> Result<Command, InvalidField> {
    Ok(Command::DeleteListedOptOut {
        list: text(delete.list, "list").map(OptOutList::from_stored)?,
        key: text(delete.key, "key").map(AddressKey::from_stored)?,
    })
}

fn read_close_request(close: state::CloseRequest) -> Result<Command, InvalidField> {
    Ok(Command::CloseRequest {
        request: required(close.request, "request").map(RequestId::from)?,
        recipients: close.recipients.into_iter().map(RecipientName).collect(),
    })
}

fn read_claim(taken: state::ClaimMessages) -> Result<Command, InvalidField> {
    Ok(Command::Claim {
        claim: claim(taken.claim)?,
        region: region(&taken.region, "region")?,
        messages: message_ids(taken.messages),
    })
}

fn read_release(release: state::ReleaseClaims) -> Result<Command, InvalidField> {
    Ok(Command::ReleaseClaims { claim: claim(release.claim)?, messages: message_ids(release.messages) })
}

fn read_settle(settle: state::Settle) -> Result<Command, InvalidField> {
    Ok(Command::Settle {
        region: region(&settle.region, "region")?,
        results: list(settle.results, "results", Settlement::read)?,
    })
}

fn read_resolve(resolve: state::ResolveHeld) -> Result<Command, InvalidField> {
    Ok(Command::ResolveHeld {
        messages: message_ids(resolve.messages),
        resolution: code(resolve.resolution, "resolution")?,
    })
}

fn read_takeover(takeover: state::Takeover) -> Result<Command, InvalidField> {
    Ok(Command::Takeover {
        region: region(&takeover.region, "region")?,
        epoch: Epoch(takeover.epoch),
        cursor: takeover.cursor.map(OutboxCursor::read).transpose().within("cursor")?,
        limit: takeover.limit,
    })
}

fn read_begin_incarnation(begin_incarnation: &state::BeginIncarnation) -> Command {
    Command::BeginIncarnation {
        node: NodeId(begin_incarnation.node),
        incarnation: Incarnation(begin_incarnation.incarnation),
        limit: begin_incarnation.limit,
    }
}

fn read_follow_up(follow_up: state::FollowUp) -> Result<Command, InvalidField> {
    let action = required(follow_up.action, "action")?;
    Ok(Command::FollowUp {
        source: group(follow_up.source, "source")?,
        number: follow_up.number,
        action: Box::new(FollowUpAction::read(action).within("action")?),
    })
}

fn read_follow_ups_done(done: &state::FollowUpsDone) -> Result<Command, InvalidField> {
    Ok(Command::FollowUpsDone { target: group(done.target, "target")?, through: done.through })
}

fn app_id(id: Option<state::Id>) -> Result<AppId, InvalidField> {
    required(id, "app").map(AppId::from)
}

fn claim(claim: Option<state::Claim>) -> Result<Claim, InvalidField> {
    required(claim, "claim").and_then(Claim::read)
}

fn message_ids(ids: Vec<state::Id>) -> Vec<MessageId> {
    ids.into_iter().map(MessageId::from).collect()
}
