//! The messages that commands are made of: acceptances with their recipients, endpoint changes, results of dispatches.

use model::command::{AcceptMessages, OutboxCursor, Recipient, Settlement, UpsertEndpoint};
use model::event::ProviderEvent;
use model::message::SendResult;
use model::request::RecipientName;
use model::{Address, AddressKey, AppId, BodyId, EndpointId, EndpointPatch, MessageId, RequestId, Timestamp};

use super::body;
use super::content::lists;
use super::{Form, Writer};
use crate::error::InvalidField;
use crate::read::{Within as _, code, code_if_given, endpoint, list, required, text};
use crate::state;

impl Form for AcceptMessages {
    type Generated = state::AcceptMessages;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.app.0);
        writer.code(2, self.channel);
        writer.id(3, self.body.0);
        body::write_content(writer, (4, 11), &self.content);
        writer.lists(5, &self.substitutions);
        writer.code_if_given(6, self.class);
        writer.uint(7, self.time_to_live_ms);
        writer.tags(8, &self.context);
        writer.messages(9, &self.recipients);
        writer.text_if_given(10, self.trace.as_deref());
    }

    fn read(accept: state::AcceptMessages) -> Result<AcceptMessages, InvalidField> {
        Ok(AcceptMessages {
            app: required(accept.app, "app").map(AppId::from)?,
            channel: code(accept.channel, "channel")?,
            body: required(accept.body, "body").map(BodyId::from)?,
            content: body::content_of_command(accept.body_content)?,
            substitutions: lists(accept.substitutions),
            class: code_if_given(accept.class, "class")?,
            time_to_live_ms: accept.time_to_live_ms,
            trace: accept.trace,
            context: accept.context,
            recipients: list(accept.recipients, "recipients", Recipient::read)?,
        })
    }
}

impl Form for Recipient {
    type Generated = state::Recipient;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.message.0);
        writer.text(2, self.address.as_str());
        writer.text(3, self.key.as_str());
        writer.text_if_given(4, self.endpoint.as_ref().map(EndpointId::as_str));
        writer.lists(5, &self.substitutions);
        writer.tags(6, &self.context);
        writer.fixed(7, self.name.0);
    }

    fn read(recipient: state::Recipient) -> Result<Recipient, InvalidField> {
        Ok(Recipient {
            message: required(recipient.message, "message").map(MessageId::from)?,
            address: Address::from_stored(recipient.address),
            key: text(recipient.key, "key").map(AddressKey::from_stored)?,
            endpoint: recipient.endpoint.map(|id| endpoint(id, "endpoint")).transpose()?,
            substitutions: lists(recipient.substitutions),
            context: recipient.context,
            name: RecipientName(recipient.name),
        })
    }
}

impl Form for UpsertEndpoint {
    type Generated = state::UpsertEndpoint;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.app.0);
        writer.text(2, self.endpoint.as_str());
        writer.text(3, &self.display_id);
        writer.message(4, &self.patch);
        writer.id(5, self.request.0);
        writer.fixed(6, self.seed);
    }

    fn read(upsert: state::UpsertEndpoint) -> Result<UpsertEndpoint, InvalidField> {
        let patch = required(upsert.patch, "patch")?;
        Ok(UpsertEndpoint {
            app: required(upsert.app, "app").map(AppId::from)?,
            endpoint: endpoint(upsert.endpoint, "endpoint")?,
            display_id: upsert.display_id,
            patch: EndpointPatch::read(patch).within("patch")?,
            request: required(upsert.request, "request").map(RequestId::from)?,
            seed: upsert.seed,
        })
    }
}

impl Form for Settlement {
    type Generated = state::Settlement;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.message.0);
        writer.uint(2, u64::from(self.attempt));
        match &self.result {
            SendResult::Delivered { provider_id } => {
                writer.nested(3, |delivered| delivered.text_if_given(1, provider_id.as_deref()));
            }
            SendResult::Retry { due, detail } => writer.nested(4, |retry| write_later(retry, *due, detail)),
            SendResult::Failed { detail } => writer.text_given(5, detail),
            SendResult::Unknown { due, detail } => writer.nested(6, |unknown| write_later(unknown, *due, detail)),
            SendResult::Forbidden => writer.nothing(7),
        }
    }

    fn read(settlement: state::Settlement) -> Result<Settlement, InvalidField> {
        use state::settlement::Result as Kind;
        let result = match required(settlement.result, "result")? {
            Kind::Delivered(delivered) => SendResult::Delivered { provider_id: delivered.provider_id },
            Kind::Retry(later) => SendResult::Retry { due: Timestamp(later.due_ms), detail: later.detail },
            Kind::Failed(detail) => SendResult::Failed { detail },
            Kind::Unknown(later) => SendResult::Unknown { due: Timestamp(later.due_ms), detail: later.detail },
            Kind::Forbidden(state::Nothing {}) => SendResult::Forbidden,
        };
        let message = required(settlement.message, "message").map(MessageId::from)?;
        Ok(Settlement { message, attempt: settlement.attempt, result })
    }
}

fn write_later(writer: &mut Writer<'_>, due: Timestamp, detail: &str) {
    writer.uint(1, due.0);
    writer.text(2, detail);
}

impl Form for ProviderEvent {
    type Generated = state::ProviderEvent;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.message.0);
        writer.code(2, self.kind);
        writer.text_if_given(3, self.detail.as_deref());
    }

    fn read(event: state::ProviderEvent) -> Result<ProviderEvent, InvalidField> {
        Ok(ProviderEvent {
            message: required(event.message, "message").map(MessageId::from)?,
            kind: code(event.kind, "kind")?,
            detail: event.detail,
        })
    }
}

impl Form for OutboxCursor {
    type Generated = state::OutboxCursor;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.uint(1, self.due.0);
        writer.id(2, self.message.0);
    }

    fn read(cursor: state::OutboxCursor) -> Result<OutboxCursor, InvalidField> {
        let message = required(cursor.message, "message").map(MessageId::from)?;
        Ok(OutboxCursor { due: Timestamp(cursor.due_ms), message })
    }
}
