//! The running hash of a group's changes, by which replicas find out that they differ.
//!
//! It finds faults of programs and disks, not forgeries. It is frozen: all replicas must compute the same.

use model::address::mix;

/// Mixed into a change, so that a removal never looks like an empty row.
const PUT: u64 = 1;
const DELETE: u64 = 2;
const ENTRY: u64 = 3;
/// An odd number without structure (the fraction of the golden ratio).
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// A running hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain(pub u64);

impl Chain {
    /// Adds a stored row.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.word(PUT);
        self.bytes(key);
        self.bytes(value);
    }

    /// Adds a removed row.
    pub fn delete(&mut self, key: &[u8]) {
        self.word(DELETE);
        self.bytes(key);
    }

    /// Adds the end of a log entry.
    pub fn entry(&mut self, last: &[u8], membership: Option<&[u8]>) {
        self.word(ENTRY);
        self.bytes(last);
        self.bytes(membership.unwrap_or_default());
        self.0 = mix(self.0);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last));
    }

    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(FACTOR).rotate_left(29);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(change: impl Fn(&mut Chain)) -> u64 {
        let mut chain = Chain(0);
        change(&mut chain);
        chain.entry(b"1", None);
        chain.0
    }

    #[test]
    fn the_hash_is_frozen() {
        assert_eq!(chain(|chain| chain.put(b"key", b"a longer value")), FROZEN);
    }

    /// What the first version computed.
    const FROZEN: u64 = 3_907_002_008_002_296_166;

    #[test]
    fn different_changes_differ() {
        let all = [
            chain(|_| ()),
            chain(|chain| chain.put(b"a", b"")),
            chain(|chain| chain.put(b"", b"a")),
            chain(|chain| chain.put(b"a", b"\0")),
            chain(|chain| chain.put(b"a", &[0; 8])),
            chain(|chain| chain.delete(b"a")),
            chain(|chain| [chain.put(b"a", b""), chain.put(b"b", b"")].into_iter().collect()),
            chain(|chain| [chain.put(b"b", b""), chain.put(b"a", b"")].into_iter().collect()),
        ];
        let different: std::collections::BTreeSet<u64> = all.into_iter().collect();
        assert_eq!(different.len(), all.len());
    }
}
