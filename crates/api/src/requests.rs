//! Request ids that callers choose, kept apart by caller.

use model::id::RequestId;
use sha2::{Digest, Sha256};

/// Makes the id under which the groups know a request from what tells it from all others: its caller first, so that no
/// caller is answered with another's answer.
pub(crate) fn scoped_request_id(parts: &[&[u8]]) -> RequestId {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let (first, _) = hash.split_at(16);
    RequestId(first.iter().fold(0, |id, byte| (id << 8) | u128::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_differs_makes_another_id() {
        let ids = [
            scoped_request_id(&[b"a", b"bc"]),
            scoped_request_id(&[b"ab", b"c"]),
            scoped_request_id(&[b"abc"]),
            scoped_request_id(&[b"abc", b""]),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.into_iter().collect();
        assert_eq!(distinct.len(), 4);
        assert_eq!(scoped_request_id(&[b"a"]), scoped_request_id(&[b"a"]));
    }
}
