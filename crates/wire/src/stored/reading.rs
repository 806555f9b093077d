//! Addresses that a change names before its channel is known.

use model::reading::{GivenAddress, Reading};

use super::{Form, Writer};
use crate::error::InvalidField;
use crate::read::{list, required};
use crate::state;

impl Form for GivenAddress {
    type Generated = state::GivenAddress;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.text(1, &self.written);
        writer.messages(2, &self.readings);
    }

    fn read(row: state::GivenAddress) -> Result<GivenAddress, InvalidField> {
        Ok(GivenAddress { written: row.written, readings: list(row.readings, "readings", Reading::read)? })
    }
}

impl Form for Reading {
    type Generated = state::Reading;

    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Reading::Telephone(number) => writer.text_given(1, number),
            Reading::Mailbox { local, folded, domain } => writer.nested(2, |mailbox| {
                mailbox.text(1, local);
                mailbox.text(2, folded);
                mailbox.text(3, domain);
            }),
            Reading::Token(token) => writer.text_given(3, token),
            Reading::Custom(text) => writer.text_given(4, text),
        }
    }

    fn read(row: state::Reading) -> Result<Reading, InvalidField> {
        use state::reading::Family;
        Ok(match required(row.family, "family")? {
            Family::Telephone(number) => Reading::Telephone(number),
            Family::Mailbox(mailbox) => {
                Reading::Mailbox { local: mailbox.local, folded: mailbox.folded, domain: mailbox.domain }
            }
            Family::Token(token) => Reading::Token(token),
            Family::Custom(text) => Reading::Custom(text),
        })
    }
}
