//! What holders and leaders say to each other about the lease. Plain values; the wire has its own forms of them.

use model::{BootTime, Epoch, Incarnation, LogIndex, NodeId, RegionId, Term};

/// A holder: one incarnation of one node. A node that restarts is another holder, and its restart proves that the
/// earlier one sends no more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct HolderId {
    /// The node.
    pub node: NodeId,
    pub incarnation: Incarnation,
    /// The region that the node belongs to.
    pub region: RegionId,
}

/// A node of a serving region that hosts a replica of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Host {
    pub region: RegionId,
    /// Whether it is the one of its region that may hold the lease, as far as the group's members go (R14).
    pub holds: bool,
}

/// How far a holder is. Pushed whenever it changes, and part of every renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Who reports.
    pub holder: HolderId,
    /// All entries up to this one are applied, and no check from before that has yet to begin (R10).
    pub fenced: LogIndex,
    /// The plan for which the holder is drained, if it is: it applied that plan, and everything that it began of what
    /// the plan takes from it is settled (R11).
    pub drained: Option<Epoch>,
}

/// A request for the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// How far the holder is.
    pub report: Report,
    /// When the request was made, on the holder's clock. The leader gives it back and does nothing else with it.
    pub sent: BootTime,
}

/// A lease: valid for D from `sent`, on the holder's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The incarnation whose request is answered.
    pub incarnation: Incarnation,
    /// When that request was made, on the holder's clock.
    pub sent: BootTime,
    /// The term of the leader that grants.
    pub term: Term,
    /// What a holder without a usable, valid lease must apply before it uses this one (R4).
    pub need: LogIndex,
}

/// The beginning of a leadership: an election won, or a process that starts as leader (R6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenure {
    /// The leader's term.
    pub term: Term,
    /// When it began, on the leader's clock: not before the last vote was counted.
    pub began: BootTime,
    /// The last index of the leader's log then, committed or not.
    pub log_end: LogIndex,
}
