//! Marks, by which a node finds its own proposals again in a group's log.
//!
//! A mark stands in front of a proposal's bytes as two fields of it that say nothing of what is applied. So it passes
//! every node untouched, also one whose build knows no marks: proposals are opaque, and unknown fields are skipped.

use bytes::Buf as _;
use prost::encoding::{decode_varint, encode_varint};

/// The keys of the fields (number and wire type, as Protobuf has them): `Proposal.proposer` and `Proposal.number`.
const PROPOSER: u8 = 2 << 3 | 1;
const NUMBER: u8 = 3 << 3;

/// Whose a proposal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposalMark {
    /// Random bits of one start of one node.
    pub proposer: u64,
    /// What that counts its own by; proposals that were handed in together have the same.
    pub number: u64,
}

impl ProposalMark {
    /// Appends the mark to `out`; the proposal must follow.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.push(PROPOSER);
        out.extend(self.proposer.to_le_bytes());
        out.push(NUMBER);
        encode_varint(self.number, out);
    }

    /// Returns the mark in front of an encoded proposal; nothing when there is none.
    pub fn of(mut proposal: &[u8]) -> Option<ProposalMark> {
        if proposal.try_get_u8().ok()? != PROPOSER {
            return None;
        }
        let proposer = proposal.try_get_u64_le().ok()?;
        if proposal.try_get_u8().ok()? != NUMBER {
            return None;
        }
        Some(ProposalMark { proposer, number: decode_varint(&mut proposal).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use model::{Command, Proposal, RequestId};
    use prost::Message as _;

    use super::*;
    use crate::internal::v1::state;
    use crate::stored::Stored as _;

    #[test]
    fn a_marked_proposal_is_the_same_proposal_and_its_mark_is_found() {
        for (proposer, number) in [(0, 0), (1, 300), (u64::MAX, u64::MAX)] {
            let mark = ProposalMark { proposer, number };
            for request in [None, Some(RequestId(7))] {
                let proposal = Proposal { request, command: Command::Expire { limit: 5 } };
                let mut bytes = Vec::new();
                mark.encode(&mut bytes);
                proposal.encode(&mut bytes);
                assert_eq!(ProposalMark::of(&bytes), Some(mark));
                assert_eq!(Proposal::decode(&bytes).unwrap(), proposal);
                let generated = state::Proposal::decode(&*bytes).unwrap();
                assert_eq!((generated.proposer, generated.number), (proposer, number));
            }
        }
    }

    #[test]
    fn what_has_no_mark_has_none() {
        let plain = Proposal { request: Some(RequestId(7)), command: Command::Fence }.encoded();
        let mut cut = Vec::new();
        ProposalMark { proposer: 1, number: 300 }.encode(&mut cut);
        cut.pop();
        for bytes in [&[][..], &plain, &cut[..9], &cut] {
            assert_eq!(ProposalMark::of(bytes), None, "{bytes:?}");
        }
    }
}
