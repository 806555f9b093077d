//! Faults that can be built into what a group's lease is told of openraft, one for each link of the argument in
//! docs/lease.md ("Why this suffices"). The simulation builds them in, so that its checks can be seen to fail; a node
//! has none.

/// A link that is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeaseBreak {
    /// R1: a quorum always has just answered.
    FreshEvidence,
    /// R2: a voter takes no note of a leader's heartbeats.
    UnnotedHeartbeats,
    /// R2: a voter refuses no vote because of a leader that it hears.
    GrantedVotes,
    /// R2: a node that starts doesn't wait before it votes.
    VotesAtStart,
    /// R4: what is committed isn't needed.
    NeedsNoCommit,
    /// R4: a takeover isn't needed.
    NeedsNoTakeover,
    /// R4: the log that a tenure began with isn't needed.
    NeedsNoTenureStart,
    /// R6: at the beginning of a tenure nobody counts as granted.
    NoTenureWait,
    /// R8: granting goes on while leadership is transferred.
    GrantsInTransfer,
}
