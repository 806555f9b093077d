//! Model types as generated messages.

use std::any::type_name;

use prost::Message as _;

use super::bytes::Stored;
use super::writer::Writer;
use crate::error::{InvalidField, WireError};

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

impl Writer<'_> {
    /// Writes a message.
    pub(crate) fn message<T: Form>(&mut self, field: u32, value: &T) {
        self.nested(field, |writer| value.write(writer));
    }

    /// Writes a message if it is given.
    pub(crate) fn message_if_given<T: Form>(&mut self, field: u32, value: Option<&T>) {
        if let Some(value) = value {
            self.message(field, value);
        }
    }

    /// Writes each of several messages.
    pub(crate) fn messages<T: Form>(&mut self, field: u32, values: &[T]) {
        values.iter().for_each(|value| self.message(field, value));
    }
}
