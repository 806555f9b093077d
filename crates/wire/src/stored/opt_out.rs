//! Opt-outs and blocks.

use model::opt_out::{Block, ListedOptOut, OptOut, OptOutList};
use model::{AddressKey, AppId, Revision, Timestamp};

use super::{Form, Writer};
use crate::error::InvalidField;
use crate::read::{code, endpoint, required, text};
use crate::state;

impl Form for OptOut {
    type Generated = state::OptOut;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.app.0);
        writer.text(2, self.key.as_str());
        writer.code(3, self.channel);
        writer.code(4, self.source);
        writer.uint(5, self.time.0);
    }

    fn read(row: state::OptOut) -> Result<OptOut, InvalidField> {
        Ok(OptOut {
            app: required(row.app, "app").map(AppId::from)?,
            key: text(row.key, "key").map(AddressKey::from_stored)?,
            channel: code(row.channel, "channel")?,
            source: code(row.source, "source")?,
            time: Timestamp(row.time_ms),
        })
    }
}

impl Form for ListedOptOut {
    type Generated = state::ListedOptOut;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.text(1, self.list.as_str());
        writer.text(2, self.key.as_str());
        writer.code(3, self.source);
        writer.uint(4, self.time.0);
    }

    fn read(row: state::ListedOptOut) -> Result<ListedOptOut, InvalidField> {
        Ok(ListedOptOut {
            list: text(row.list, "list").map(OptOutList::from_stored)?,
            key: text(row.key, "key").map(AddressKey::from_stored)?,
            source: code(row.source, "source")?,
            time: Timestamp(row.time_ms),
        })
    }
}

impl Form for Block {
    type Generated = state::Block;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.app.0);
        writer.text(2, self.key.as_str());
        writer.text(3, self.endpoint.as_str());
        writer.code(4, self.channel);
        writer.code(5, self.reason);
        writer.uint(6, self.revision.0);
    }

    fn read(row: state::Block) -> Result<Block, InvalidField> {
        Ok(Block {
            app: required(row.app, "app").map(AppId::from)?,
            key: text(row.key, "key").map(AddressKey::from_stored)?,
            endpoint: endpoint(row.endpoint, "endpoint")?,
            channel: code(row.channel, "channel")?,
            reason: code(row.reason, "reason")?,
            revision: Revision(row.revision),
        })
    }
}
