//! An entry of a group's log: a stamp and the proposals that were merged into it, each as its proposer encoded it.

use bytes::Bytes;
use model::{Proposal, Timestamp};
use prost::Message as _;

use crate::error::WireError;
use crate::state;
use crate::stored::Stored as _;

/// An entry of a group's log that holds commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The leader's wall clock when it made the entry; apply clamps it so that it never decreases.
    pub stamp: Timestamp,
    /// Encoded proposals, in the order in which they are applied. They are opaque: what a proposer encoded is what
    /// every replica decodes.
    pub proposals: Vec<Bytes>,
}

impl Entry {
    /// Returns the bytes of the entry: the payload of `LogEntry.commands`.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.encoded_len());
        self.encode_into(&mut out);
        out.into()
    }

    /// Returns the number of bytes of [`Entry::encode`].
    pub fn encoded_len(&self) -> usize {
        let proposals: usize = self.proposals.iter().map(|bytes| proposal_len(bytes.len())).sum();
        prost::encoding::uint64::encoded_len(1, &self.stamp.0) * usize::from(self.stamp.0 != 0) + proposals
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        if self.stamp.0 != 0 {
            prost::encoding::uint64::encode(1, &self.stamp.0, out);
        }
        prost::encoding::bytes::encode_repeated(2, &self.proposals, out);
    }

    /// Parses an entry; its proposals share the memory of `bytes`.
    ///
    /// # Errors
    /// When the bytes are no entry.
    pub fn decode(bytes: Bytes) -> Result<Entry, WireError> {
        let generated =
            state::Entry::decode(bytes).map_err(|source| WireError::Malformed { of: "a log entry", source })?;
        Ok(Entry { stamp: Timestamp(generated.stamp_ms), proposals: generated.proposals })
    }

    /// Parses the proposals in order.
    ///
    /// # Errors
    /// Each item by itself: when it is no proposal that this program knows.
    pub fn decode_proposals(&self) -> impl Iterator<Item = Result<Proposal, WireError>> {
        self.proposals.iter().map(|bytes| Proposal::decode(bytes))
    }
}

/// Returns how many bytes an encoded proposal of `length` bytes takes in an entry.
pub fn proposal_len(length: usize) -> usize {
    prost::encoding::key_len(2) + prost::encoding::encoded_len_varint(length as u64) + length
}

#[cfg(test)]
mod tests {
    use model::{Command, RequestId};

    use super::*;

    fn expire(limit: u32) -> Proposal {
        Proposal { request: Some(RequestId(u128::from(limit))), command: Command::Expire { limit } }
    }

    fn entry(stamp: u64, limits: &[u32]) -> Entry {
        let proposals = limits.iter().map(|limit| expire(*limit).encoded().into()).collect();
        Entry { stamp: Timestamp(stamp), proposals }
    }

    #[test]
    fn an_entry_comes_back_with_its_proposals_untouched() {
        for (stamp, limits) in [(0, &[][..]), (1, &[7]), (1_790_000_000_000, &[1, 300, 70_000])] {
            let entry = entry(stamp, limits);
            let bytes = entry.encode();
            assert_eq!(bytes.len(), entry.encoded_len());
            let decoded = Entry::decode(bytes.clone()).unwrap();
            assert_eq!(decoded, entry);
            let proposals: Vec<Proposal> = decoded.decode_proposals().collect::<Result<_, _>>().unwrap();
            assert_eq!(proposals, limits.iter().map(|limit| expire(*limit)).collect::<Vec<_>>());
            for proposal in &decoded.proposals {
                assert!(bytes.as_ptr_range().contains(&proposal.as_ptr()), "shares the memory of the entry");
            }
        }
    }

    #[test]
    fn an_entry_is_what_the_generated_encoder_would_write() {
        let entry = entry(5, &[1, 2]);
        let generated = state::Entry { stamp_ms: 5, proposals: entry.proposals.clone() };
        assert_eq!(entry.encode(), generated.encode_to_vec());
        let growth = entry.encoded_len() - self::entry(5, &[1]).encoded_len();
        assert_eq!(growth, proposal_len(entry.proposals[1].len()));
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        assert!(matches!(Entry::decode(Bytes::from_static(&[0x12, 9, 1])), Err(WireError::Malformed { .. })));
        let opaque = Entry { stamp: Timestamp(1), proposals: vec![Bytes::from_static(&[0xff])] };
        let decoded = Entry::decode(opaque.encode()).unwrap();
        assert!(decoded.decode_proposals().next().unwrap().is_err());
    }
}
