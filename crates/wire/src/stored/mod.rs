//! The bytes of rows, proposals and outcomes.
//!
//! Encoding writes straight from the borrowed model value, so that nothing is cloned on the hot way; decoding goes
//! through the generated types and moves what they own. The two agree: a property test checks that every encoding is
//! byte for byte what the generated encoder would write.

mod ids;
mod writer;

mod app;
mod plan;

mod content;
mod endpoint;
mod message;
mod opt_out;
mod rows;

mod command;
mod command_parts;
mod outcome;

#[cfg(test)]
pub(crate) mod tests;

use std::any::type_name;

use model::EndpointId;
use prost::Message as _;

use crate::error::{InvalidField, WireError};
use writer::Writer;

/// A value that is kept in a log or a state database. Implemented for the rows of every table, and for
/// [`model::Proposal`], [`model::Outcome`] and [`model::cluster::NodeInfo`].
///
/// Encoding is deterministic: equal values have equal bytes on every node. Decoding what was encoded gives the value
/// back.
pub trait Stored: Sized {
    /// Appends the bytes of the value to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// Parses exactly the bytes of one value.
    ///
    /// # Errors
    /// When the bytes are no encoding of such a value, or hold something that this program doesn't know: an enum value,
    /// a command. The node that stored them must stop.
    fn decode(bytes: &[u8]) -> Result<Self, WireError>;

    /// Returns the bytes of the value.
    fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// How a model type looks as a generated message.
pub(crate) trait Form: Sized {
    /// The generated message.
    type Generated: prost::Message + Default;

    /// Writes the fields in the order of their numbers.
    fn write(&self, writer: &mut Writer<'_>);

    /// Parses what the generated decoder found.
    fn read(generated: Self::Generated) -> Result<Self, InvalidField>;
}

impl<T: Form> Stored for T {
    fn encode(&self, out: &mut Vec<u8>) {
        self.write(&mut Writer::new(out));
    }

    fn decode(bytes: &[u8]) -> Result<T, WireError> {
        let of = type_name::<T>();
        let generated = T::Generated::decode(bytes).map_err(|source| WireError::Malformed { of, source })?;
        T::read(generated).map_err(|source| WireError::Field { of, source })
    }
}

/// A number: 8 bytes, the highest first.
impl Stored for u64 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<u64, WireError> {
        let found = bytes.len();
        let wrong = |_| WireError::Plain { of: "a number", wanted: "8 bytes", found };
        bytes.try_into().map(u64::from_be_bytes).map_err(wrong)
    }
}

/// An incarnation: its number.
impl Stored for model::Incarnation {
    fn encode(&self, out: &mut Vec<u8>) {
        Stored::encode(&self.0, out);
    }

    fn decode(bytes: &[u8]) -> Result<model::Incarnation, WireError> {
        <u64 as Stored>::decode(bytes).map(model::Incarnation)
    }
}

/// A row whose key says everything: no bytes.
impl Stored for () {
    fn encode(&self, _out: &mut Vec<u8>) {}

    fn decode(bytes: &[u8]) -> Result<(), WireError> {
        let found = bytes.len();
        if found == 0 { Ok(()) } else { Err(WireError::Plain { of: "a row without value", wanted: "no bytes", found }) }
    }
}

/// An endpoint's id: its text.
impl Stored for EndpointId {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<EndpointId, WireError> {
        let of = "an endpoint id";
        let found = bytes.len();
        let text = std::str::from_utf8(bytes).map_err(|_| WireError::Plain { of, wanted: "UTF-8 text", found })?;
        crate::read::endpoint(text.to_owned(), "id").map_err(|source| WireError::Field { of, source })
    }
}
