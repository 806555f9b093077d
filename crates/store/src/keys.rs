//! Keys as bytes: the order of the bytes is the order of the typed keys, so that a table's scan is a range of the
//! engine.
//!
//! Numbers are big-endian. A text ends with `00 01`, and a NUL inside it becomes `00 FF`: the end sorts before anything
//! that could follow, so no text is mistaken for the beginning of a longer one. What is written here is stored for
//! years: change it only together with a migration.

use model::address::AddressKey;
use model::channel::Channel;
use model::id::{
    AppId, BodyId, EndpointId, Epoch, GroupId, Incarnation, MessageId, NodeId, RegionId, RequestId, UserId,
};
use model::opt_out::OptOutList;
use model::time::Timestamp;

/// The byte that begins an escape or the end of a text.
const MARK: u8 = 0;
/// After [`MARK`]: the text ends.
const END: u8 = 1;
/// After [`MARK`]: the text goes on, with a NUL here.
const NUL: u8 = 0xff;

/// Says that stored bytes are no key of the type that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key ends in the middle of a part.
    #[error("the key ends too early")]
    Short,
    /// Bytes follow the last part.
    #[error("the key is too long")]
    Long,
    /// A text is not UTF-8, or holds an unknown escape.
    #[error("a text in the key is malformed")]
    Text,
    /// No channel has this code.
    #[error("channel code {0} in the key is unknown")]
    Channel(u8),
}

/// A key, or a part of one, that can be stored in order.
pub trait StoredKey: Sized {
    /// Appends the key's bytes.
    fn write(&self, out: &mut Vec<u8>);

    /// Takes a key from the front of `input`.
    ///
    /// # Errors
    /// When the bytes are no such key.
    fn read(input: &mut &[u8]) -> Result<Self, KeyError>;
}

/// Returns a key of exactly these bytes.
///
/// # Errors
/// When the bytes are no such key, or more follow.
pub fn decode<K: StoredKey>(mut bytes: &[u8]) -> Result<K, KeyError> {
    let key = K::read(&mut bytes)?;
    if bytes.is_empty() { Ok(key) } else { Err(KeyError::Long) }
}

/// Returns the beginning of the keys of a group: two bytes.
pub fn group_prefix(group: GroupId) -> Vec<u8> {
    group.0.to_be_bytes().to_vec()
}

/// Returns the beginning of the keys of a group's table: three bytes.
pub fn table_prefix(group: GroupId, table: u8) -> Vec<u8> {
    let [high, low] = group.0.to_be_bytes();
    vec![high, low, table]
}

/// Returns the key at which a group's keys end (exclusive). Table 255 is not used, so that the last group has an end.
pub fn group_end(group: GroupId) -> Vec<u8> {
    table_prefix(group, u8::MAX)
}

/// Returns the first bytes that sort after every key that begins with `prefix`, which must hold a byte below `FF`.
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return end;
        }
    }
    end
}

fn take<const N: usize>(input: &mut &[u8]) -> Result<[u8; N], KeyError> {
    let (first, rest) = input.split_first_chunk::<N>().ok_or(KeyError::Short)?;
    *input = rest;
    Ok(*first)
}

impl StoredKey for () {
    fn write(&self, _out: &mut Vec<u8>) {}

    fn read(_input: &mut &[u8]) -> Result<(), KeyError> {
        Ok(())
    }
}

impl StoredKey for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn read(input: &mut &[u8]) -> Result<u64, KeyError> {
        take(input).map(u64::from_be_bytes)
    }
}

impl StoredKey for u32 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn read(input: &mut &[u8]) -> Result<u32, KeyError> {
        take(input).map(u32::from_be_bytes)
    }
}

macro_rules! number_keys {
    ($($name:ident: $number:ty),*) => {
        $(impl StoredKey for $name {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0.to_be_bytes());
            }

            fn read(input: &mut &[u8]) -> Result<$name, KeyError> {
                take(input).map(<$number>::from_be_bytes).map($name)
            }
        })*
    };
}

number_keys!(
    NodeId: u64, Incarnation: u64, Epoch: u64, Timestamp: u64, GroupId: u16,
    AppId: u128, BodyId: u128, RequestId: u128, MessageId: u128
);

macro_rules! text_keys {
    ($($name:ident),*) => {
        $(impl StoredKey for $name {
            fn write(&self, out: &mut Vec<u8>) {
                write_text(self.as_str(), out);
            }

            fn read(input: &mut &[u8]) -> Result<$name, KeyError> {
                read_text(input).map($name::from_stored)
            }
        })*
    };
}

text_keys!(RegionId, EndpointId, UserId, AddressKey, OptOutList);

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    for byte in text.bytes() {
        out.push(byte);
        if byte == MARK {
            out.push(NUL);
        }
    }
    out.extend_from_slice(&[MARK, END]);
}

fn read_text(input: &mut &[u8]) -> Result<String, KeyError> {
    let mut text = Vec::new();
    loop {
        let [byte] = take::<1>(input)?;
        if byte != MARK {
            text.push(byte);
            continue;
        }
        match take::<1>(input)? {
            [END] => return String::from_utf8(text).map_err(|_| KeyError::Text),
            [NUL] => text.push(MARK),
            _ => return Err(KeyError::Text),
        }
    }
}

impl StoredKey for Channel {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.code());
    }

    fn read(input: &mut &[u8]) -> Result<Channel, KeyError> {
        let [code] = take::<1>(input)?;
        Channel::from_code(code).ok_or(KeyError::Channel(code))
    }
}

impl<A: StoredKey, B: StoredKey> StoredKey for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(input: &mut &[u8]) -> Result<(A, B), KeyError> {
        Ok((A::read(input)?, B::read(input)?))
    }
}

impl<A: StoredKey, B: StoredKey, C: StoredKey> StoredKey for (A, B, C) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
        self.2.write(out);
    }

    fn read(input: &mut &[u8]) -> Result<(A, B, C), KeyError> {
        Ok((A::read(input)?, B::read(input)?, C::read(input)?))
    }
}
