//! What other nodes ask of this one: Raft's messages, proposals, leases and reads, answered by the rooms above.

pub(crate) mod callers;
pub(crate) mod lease_calls;
pub(crate) mod peer_server;
pub(crate) mod propose_calls;
pub(crate) mod read_calls;
