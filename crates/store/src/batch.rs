//! Changes that an engine makes visible together. What is written in place lies in one buffer, one after the other:
//! rows are encoded by the thousand, and a buffer for each of them would cost more than the encoding.

use std::ops::Range;

use bytes::Bytes;

/// One change of a [`Batch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchOp<'a> {
    /// Stores a value at a key.
    Put(&'a [u8], &'a [u8]),
    /// Removes a key.
    Delete(&'a [u8]),
    /// Removes the keys from the first (inclusive) to the second (exclusive).
    DeleteRange(&'a [u8], &'a [u8]),
}

/// Changes that become visible together, in order: a later one wins over an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Keys, and the values that were written in place.
    bytes: Vec<u8>,
    changes: Vec<Change>,
}

/// A change; stretches are of the batch's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Put(Range<usize>, Value),
    Delete(Range<usize>),
    DeleteRange(Range<usize>, Range<usize>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Here(Range<usize>),
    Shared(Bytes),
}

impl Batch {
    /// Returns a batch without changes.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Adds a value at a key. The value is not copied.
    pub fn put(&mut self, key: impl AsRef<[u8]>, value: impl Into<Bytes>) {
        let key = self.append(|bytes| bytes.extend_from_slice(key.as_ref()));
        self.changes.push(Change::Put(key, Value::Shared(value.into())));
    }

    /// Adds a value at a key, each appended by a function, and returns both.
    pub fn put_in_place(&mut self, key: impl FnOnce(&mut Vec<u8>), value: impl FnOnce(&mut Vec<u8>)) -> (&[u8], &[u8]) {
        let (key, value) = (self.append(key), self.append(value));
        self.changes.push(Change::Put(key.clone(), Value::Here(value.clone())));
        (&self.bytes[key], &self.bytes[value])
    }

    /// Adds the removal of a key.
    pub fn delete(&mut self, key: impl AsRef<[u8]>) {
        self.delete_in_place(|bytes| bytes.extend_from_slice(key.as_ref()));
    }

    /// Adds the removal of a key that a function appends, and returns the key.
    pub fn delete_in_place(&mut self, key: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        let key = self.append(key);
        self.changes.push(Change::Delete(key.clone()));
        &self.bytes[key]
    }

    /// Adds the removal of the keys from `from` (inclusive) to `to` (exclusive). An empty stretch changes nothing.
    pub fn delete_range(&mut self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) {
        let (from, to) = (from.as_ref(), to.as_ref());
        if from < to {
            let from = self.append(|bytes| bytes.extend_from_slice(from));
            let to = self.append(|bytes| bytes.extend_from_slice(to));
            self.changes.push(Change::DeleteRange(from, to));
        }
    }

    /// Returns the changes, in order.
    pub fn ops(&self) -> impl ExactSizeIterator<Item = BatchOp<'_>> {
        self.changes.iter().map(|change| match change {
            Change::Put(key, Value::Here(value)) => BatchOp::Put(self.slice(key), self.slice(value)),
            Change::Put(key, Value::Shared(value)) => BatchOp::Put(self.slice(key), value),
            Change::Delete(key) => BatchOp::Delete(self.slice(key)),
            Change::DeleteRange(from, to) => BatchOp::DeleteRange(self.slice(from), self.slice(to)),
        })
    }

    /// Returns true when there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.bytes.len();
        write(&mut self.bytes);
        start..self.bytes.len()
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_back_in_order_however_they_were_added() {
        let mut batch = Batch::new();
        batch.put(b"a", b"1".to_vec());
        let written = batch.put_in_place(|key| key.extend_from_slice(b"b"), |value| value.extend_from_slice(b"22"));
        assert_eq!(written, (&b"b"[..], &b"22"[..]));
        assert_eq!(batch.delete_in_place(|key| key.extend_from_slice(b"ccc")), b"ccc");
        batch.delete_range(b"d", b"e");
        batch.delete_range(b"e", b"e");
        batch.delete(b"f");
        let ops: Vec<_> = batch.ops().collect();
        assert_eq!(
            ops,
            [
                BatchOp::Put(b"a", b"1"),
                BatchOp::Put(b"b", b"22"),
                BatchOp::Delete(b"ccc"),
                BatchOp::DeleteRange(b"d", b"e"),
                BatchOp::Delete(b"f"),
            ]
        );
    }
}
