//! How far a group's state got: a row that every commit writes with its changes.

use bytes::Bytes;
use model::id::GroupId;

use crate::engine::EngineView;
use crate::error::StoreError;
use crate::keys::table_prefix;

/// The table number of rows that the store keeps about a group; no typed table has it.
pub(super) const OWN_TABLE: u8 = 0;
/// The first byte of a stored row; another one is not understood.
const FORMAT: u8 = 1;

/// How far a group's state got. Empty for a group that never applied anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppliedRow {
    /// The log id of the last entry applied, as its caller wrote it.
    pub last: Option<Bytes>,
    /// The membership last applied, as its caller wrote it.
    pub membership: Option<Bytes>,
    /// A hash over every change since the group began. Replicas that applied the same entries have the same.
    pub chain: u64,
}

impl AppliedRow {
    /// Returns the row's bytes: format, chain, last and membership, each of them after its presence and length.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        out.extend_from_slice(&self.chain.to_be_bytes());
        for part in [&self.last, &self.membership] {
            match part {
                None => out.push(0),
                Some(bytes) => {
                    out.push(1);
                    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
                    out.extend_from_slice(bytes);
                }
            }
        }
        out
    }

    /// Parses exactly the bytes of one row; nothing when they are none.
    pub fn decode(bytes: &[u8]) -> Option<AppliedRow> {
        let rest = bytes.strip_prefix(&[FORMAT])?;
        let (chain, rest) = rest.split_first_chunk::<8>()?;
        let (last, rest) = part(rest)?;
        let (membership, rest) = part(rest)?;
        rest.is_empty().then_some(AppliedRow { last, membership, chain: u64::from_be_bytes(*chain) })
    }
}

fn part(bytes: &[u8]) -> Option<(Option<Bytes>, &[u8])> {
    match bytes.split_first()? {
        (0, rest) => Some((None, rest)),
        (1, rest) => {
            let (len, rest) = rest.split_first_chunk::<8>()?;
            let (part, rest) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*len)).ok()?)?;
            Some((Some(Bytes::copy_from_slice(part)), rest))
        }
        _ => None,
    }
}

/// Returns the key of a group's applied row.
pub(super) fn applied_key(group: GroupId) -> Vec<u8> {
    own_key(group, b'a')
}

/// Returns the key of the marker that a group's rows are being replaced; it names the staged parts that hold the new
/// ones.
pub(super) fn marker_key(group: GroupId) -> Vec<u8> {
    own_key(group, b'i')
}

/// Returns the key of the row that says up to where the snapshot went that began the group's state here.
pub(super) fn installed_key(group: GroupId) -> Vec<u8> {
    own_key(group, b's')
}

/// Reads a group's applied row.
pub(super) fn read_applied(view: &dyn EngineView, group: GroupId) -> Result<AppliedRow, StoreError> {
    match view.get(&applied_key(group))? {
        None => Ok(AppliedRow::default()),
        Some(bytes) => AppliedRow::decode(&bytes).ok_or(StoreError::Malformed { group, what: "applied row" }),
    }
}

fn own_key(group: GroupId, letter: u8) -> Vec<u8> {
    let mut key = table_prefix(group, OWN_TABLE);
    key.push(letter);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_their_bytes_and_others_are_refused() {
        for (last, membership) in [(None, None), (Some("a"), None), (None, Some("")), (Some("a"), Some("bc"))] {
            let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
            let row = AppliedRow { last: last.map(bytes), membership: membership.map(bytes), chain: 7 };
            let stored = row.encode();
            assert_eq!(AppliedRow::decode(&stored), Some(row));
            assert_eq!(AppliedRow::decode(&stored[..stored.len() - 1]), None);
            assert_eq!(AppliedRow::decode(&[&stored[..], b"x"].concat()), None);
        }
        assert_eq!(AppliedRow::decode(b"\x02"), None);
    }
}
