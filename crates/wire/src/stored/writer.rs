//! Writes protobuf from borrowed values, in the canonical form of prost: fields in the order of the calls, defaults
//! left out unless the field says whether it is given.

use std::collections::BTreeMap;

use model::content::Substitutions;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::codes::Coded;

/// Appends the fields of one message to a buffer.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Writes to the end of `out`.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Writer<'a> {
        Writer { out }
    }

    /// Writes a number; not 0.
    pub(crate) fn uint(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.uint_given(field, value);
        }
    }

    /// Writes a number of a field that says whether it is given.
    pub(crate) fn uint_given(&mut self, field: u32, value: u64) {
        encode_key(field, WireType::Varint, self.out);
        encode_varint(value, self.out);
    }

    /// Writes a number of 8 bytes; not 0.
    pub(crate) fn fixed(&mut self, field: u32, value: u64) {
        if value != 0 {
            encode_key(field, WireType::SixtyFourBit, self.out);
            self.out.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// Writes numbers of 8 bytes, packed.
    pub(crate) fn fixed_list(&mut self, field: u32, values: impl ExactSizeIterator<Item = u64>) {
        if values.len() > 0 {
            encode_key(field, WireType::LengthDelimited, self.out);
            encode_varint(8 * values.len() as u64, self.out);
            values.for_each(|value| self.out.extend_from_slice(&value.to_le_bytes()));
        }
    }

    /// Writes a signed number if it is given.
    pub(crate) fn sint_if_given(&mut self, field: u32, value: Option<i32>) {
        if let Some(value) = value {
            let zigzag = (value.cast_unsigned() << 1) ^ (value >> 31).cast_unsigned();
            self.uint_given(field, u64::from(zigzag));
        }
    }

    /// Writes a truth value; not `false`.
    pub(crate) fn flag(&mut self, field: u32, value: bool) {
        self.uint(field, u64::from(value));
    }

    /// Writes a truth value if it is given.
    pub(crate) fn flag_if_given(&mut self, field: u32, value: Option<bool>) {
        if let Some(value) = value {
            self.uint_given(field, u64::from(value));
        }
    }

    /// Writes an enum.
    pub(crate) fn code<T: Coded>(&mut self, field: u32, value: T) {
        self.uint_given(field, u64::from(value.wire_code().unsigned_abs()));
    }

    /// Writes an enum if it is given.
    pub(crate) fn code_if_given<T: Coded>(&mut self, field: u32, value: Option<T>) {
        if let Some(value) = value {
            self.code(field, value);
        }
    }

    /// Writes a text; not the empty one.
    pub(crate) fn text(&mut self, field: u32, value: &str) {
        if !value.is_empty() {
            self.text_given(field, value);
        }
    }

    /// Writes a text of a field that says whether it is given.
    pub(crate) fn text_given(&mut self, field: u32, value: &str) {
        self.bytes_given(field, value.as_bytes());
    }

    /// Writes a text if it is given.
    pub(crate) fn text_if_given(&mut self, field: u32, value: Option<&str>) {
        if let Some(value) = value {
            self.text_given(field, value);
        }
    }

    /// Writes bytes; not none.
    pub(crate) fn bytes(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.bytes_given(field, value);
        }
    }

    fn bytes_given(&mut self, field: u32, value: &[u8]) {
        encode_key(field, WireType::LengthDelimited, self.out);
        encode_varint(value.len() as u64, self.out);
        self.out.extend_from_slice(value);
    }

    /// Writes 128 bits as an `Id`.
    pub(crate) fn id(&mut self, field: u32, value: u128) {
        self.nested(field, |writer| {
            writer.fixed(1, (value >> 64) as u64);
            writer.fixed(2, value as u64);
        });
    }

    /// Writes each of several ids.
    pub(crate) fn ids(&mut self, field: u32, values: impl Iterator<Item = u128>) {
        values.for_each(|value| self.id(field, value));
    }

    /// Writes that something is so.
    pub(crate) fn nothing(&mut self, field: u32) {
        self.nested(field, |_| ());
    }

    /// Writes a map of texts.
    pub(crate) fn tags(&mut self, field: u32, map: &BTreeMap<String, String>) {
        for (name, value) in map {
            self.nested(field, |entry| {
                entry.text(1, name);
                entry.text(2, value);
            });
        }
    }

    /// Writes a map of lists of texts.
    pub(crate) fn lists(&mut self, field: u32, map: &Substitutions) {
        for (name, values) in map {
            self.nested(field, |entry| {
                entry.text(1, name);
                entry.nested_unless_empty(2, |texts| values.iter().for_each(|value| texts.text_given(1, value)));
            });
        }
    }

    /// Writes the message that `write` writes.
    pub(crate) fn nested(&mut self, field: u32, write: impl FnOnce(&mut Writer<'_>)) {
        encode_key(field, WireType::LengthDelimited, self.out);
        let start = self.out.len();
        // One byte is enough for the length of nearly every message; a longer one is moved to make place.
        self.out.push(0);
        write(&mut Writer { out: self.out });
        let length = self.out.len() - start - 1;
        match u8::try_from(length) {
            Ok(byte) if byte < 0x80 => self.out[start] = byte,
            _ => self.insert_length(start, length),
        }
    }

    /// Writes the message that `write` writes, unless it has no fields: so the value of a map's entry.
    pub(crate) fn nested_unless_empty(&mut self, field: u32, write: impl FnOnce(&mut Writer<'_>)) {
        let start = self.out.len();
        self.nested(field, write);
        if self.out.last() == Some(&0) && self.out.len() == start + encoded_len_varint(u64::from(field) << 3) + 1 {
            self.out.truncate(start);
        }
    }

    fn insert_length(&mut self, start: usize, length: usize) {
        let width = encoded_len_varint(length as u64);
        let end = self.out.len();
        self.out.resize(end + width - 1, 0);
        self.out.copy_within(start + 1..end, start + width);
        encode_varint(length as u64, &mut &mut self.out[start..start + width]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested_text(length: usize) -> Vec<u8> {
        let mut out = vec![0xff];
        Writer::new(&mut out).nested(1, |writer| writer.text(2, &"x".repeat(length)));
        out
    }

    #[test]
    fn the_length_of_a_nested_message_takes_the_bytes_it_needs() {
        assert_eq!(nested_text(1), [0xff, 0x0a, 3, 0x12, 1, b'x']);
        assert_eq!(nested_text(125)[..5], [0xff, 0x0a, 127, 0x12, 125]);
        assert_eq!(nested_text(126)[..6], [0xff, 0x0a, 0x80, 1, 0x12, 126]);
        let long = nested_text(100_000);
        assert_eq!(long[..9], [0xff, 0x0a, 0xa4, 0x8d, 6, 0x12, 0xa0, 0x8d, 6]);
        assert!(long[9..].iter().all(|byte| *byte == b'x') && long.len() == 100_009);
    }

    #[test]
    fn an_empty_value_of_a_map_is_left_out() {
        let mut out = Vec::new();
        Writer::new(&mut out).lists(3, &Substitutions::from([("a".into(), vec![]), ("b".into(), vec![String::new()])]));
        assert_eq!(out, [0x1a, 3, 0x0a, 1, b'a', 0x1a, 7, 0x0a, 1, b'b', 0x12, 2, 0x0a, 0]);
    }
}
