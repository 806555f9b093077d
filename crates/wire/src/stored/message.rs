//! Messages, how far they got, and what happened to them.

use model::event::EVENT_KINDS;
use model::message::{Claim, EventRef, Trace};
use model::rows::OutboxRow;
use model::{
    Address, AddressKey, AppId, BodyId, EndpointId, Epoch, Event, Incarnation, Message, MessageId, NodeId, Progress,
    Timestamp,
};

use super::content::lists;
use super::{Form, Writer};
use crate::error::InvalidField;
use crate::read::{Within as _, code, endpoint, region, required, text};
use crate::state;

impl Form for Message {
    type Generated = state::Message;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.id.0);
        writer.id(2, self.app.0);
        writer.code(3, self.channel);
        writer.text(4, self.address.as_str());
        writer.text(5, self.key.as_str());
        writer.text_if_given(6, self.endpoint.as_ref().map(EndpointId::as_str));
        writer.id(7, self.body.0);
        writer.lists(8, &self.substitutions);
        writer.tags(9, &self.context);
        writer.code(10, self.class);
        writer.uint(11, self.accepted.0);
        writer.uint(12, self.expires.0);
    }

    fn read(row: state::Message) -> Result<Message, InvalidField> {
        Ok(Message {
            id: required(row.id, "id").map(MessageId::from)?,
            app: required(row.app, "app").map(AppId::from)?,
            channel: code(row.channel, "channel")?,
            address: Address::from_stored(row.address),
            key: text(row.key, "key").map(AddressKey::from_stored)?,
            endpoint: row.endpoint.map(|id| endpoint(id, "endpoint")).transpose()?,
            body: required(row.body, "body").map(BodyId::from)?,
            substitutions: lists(row.substitutions),
            context: row.context,
            class: code(row.class, "class")?,
            accepted: Timestamp(row.accepted_ms),
            expires: Timestamp(row.expires_ms),
        })
    }
}

impl Form for Trace {
    type Generated = state::Trace;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.app.0);
        writer.code(2, self.channel);
        writer.text(3, self.key.as_str());
        writer.uint(4, self.heard.iter().fold(0, |bits, kind| bits | 1 << kind.code()));
    }

    fn read(row: state::Trace) -> Result<Trace, InvalidField> {
        let kinds = EVENT_KINDS.into_iter().filter(|(_, code, _)| row.heard & (1 << code) != 0);
        Ok(Trace {
            app: required(row.app, "app").map(AppId::from)?,
            channel: code(row.channel, "channel")?,
            key: text(row.key, "key").map(AddressKey::from_stored)?,
            heard: kinds.map(|(kind, ..)| kind).collect(),
        })
    }
}

impl Form for Claim {
    type Generated = state::Claim;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.uint(1, self.node.0);
        writer.uint(2, self.incarnation.0);
    }

    fn read(row: state::Claim) -> Result<Claim, InvalidField> {
        Ok(Claim { node: NodeId(row.node), incarnation: Incarnation(row.incarnation) })
    }
}

impl Form for Progress {
    type Generated = state::Progress;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.code(1, self.status);
        writer.text(2, self.region.as_str());
        writer.uint(3, self.epoch.0);
        writer.uint(4, u64::from(self.attempts));
        writer.uint(5, self.due.0);
        writer.message_if_given(6, self.claim.as_ref());
        writer.text_if_given(7, self.provider_id.as_deref());
        writer.text_if_given(8, self.detail.as_deref());
        writer.uint(9, self.changed.0);
        writer.messages(10, &self.events);
    }

    fn read(row: state::Progress) -> Result<Progress, InvalidField> {
        Ok(Progress {
            status: code(row.status, "status")?,
            region: region(&row.region, "region")?,
            epoch: Epoch(row.epoch),
            attempts: row.attempts,
            due: Timestamp(row.due_ms),
            claim: row.claim.map(Claim::read).transpose().within("claim")?,
            provider_id: row.provider_id,
            detail: row.detail,
            changed: Timestamp(row.changed_ms),
            events: row.events.into_iter().map(EventRef::read).collect::<Result<_, _>>().within("events")?,
        })
    }
}

impl Form for EventRef {
    type Generated = state::EventRef;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.uint(1, self.number);
        writer.code(2, self.kind);
    }

    fn read(row: state::EventRef) -> Result<EventRef, InvalidField> {
        Ok(EventRef { number: row.number, kind: code(row.kind, "kind")? })
    }
}

impl Form for OutboxRow {
    type Generated = state::OutboxRow;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.code(1, self.channel);
        writer.code(2, self.class);
        writer.uint(3, u64::from(self.attempts));
        writer.uint(4, self.expires.0);
    }

    fn read(row: state::OutboxRow) -> Result<OutboxRow, InvalidField> {
        Ok(OutboxRow {
            channel: code(row.channel, "channel")?,
            class: code(row.class, "class")?,
            attempts: row.attempts,
            expires: Timestamp(row.expires_ms),
        })
    }
}

impl Form for Event {
    type Generated = state::Event;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.app.0);
        writer.id(2, self.message.0);
        writer.text_if_given(3, self.endpoint.as_ref().map(EndpointId::as_str));
        writer.code(4, self.channel);
        writer.code(5, self.kind);
        writer.text(6, self.region.as_str());
        writer.uint(7, self.epoch.0);
        writer.uint(8, u64::from(self.attempt));
        writer.uint(9, self.time.0);
        writer.text_if_given(10, self.detail.as_deref());
        writer.tags(11, &self.context);
    }

    fn read(row: state::Event) -> Result<Event, InvalidField> {
        Ok(Event {
            app: required(row.app, "app").map(AppId::from)?,
            message: required(row.message, "message").map(MessageId::from)?,
            endpoint: row.endpoint.map(|id| endpoint(id, "endpoint")).transpose()?,
            channel: code(row.channel, "channel")?,
            kind: code(row.kind, "kind")?,
            region: region(&row.region, "region")?,
            epoch: Epoch(row.epoch),
            attempt: row.attempt,
            time: Timestamp(row.time_ms),
            detail: row.detail,
            context: row.context,
        })
    }
}
