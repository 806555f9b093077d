//! What goes wrong in a run.

use serde::{Deserialize, Serialize};

use super::{Micros, Region};

/// A fault that was injected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Fault {
    pub kind: FaultKind,
    /// The region that it hits first; of a cut line, one of its ends, and of one that is cut one way, the end that
    /// isn't heard any more.
    pub region: Region,
    /// Of a cut line, its other end.
    pub other: Option<Region>,
    pub begun_us: Micros,
    /// When it was over: the line mended, the process started again or continued.
    pub ended_us: Micros,
}

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// `kill -9` of the region's node; it is started again on its data.
    Kill,
    /// As [`FaultKind::Kill`], and what it had not synced is gone.
    PowerCut,
    /// The region hears no other one and isn't heard by any; clients and the provider still reach it.
    Isolation,
    /// Two regions don't hear each other; all others hear both.
    CutLine,
    /// One region isn't heard by another one, in this direction only.
    CutOneWay,
    /// The node is stopped (SIGSTOP) and continued.
    Pause,
    /// The node's wall clock jumps, and back.
    ClockJump,
    /// The node is stopped in order, and started again as another build.
    Replacement,
    /// Every sync of the node's disk takes much longer.
    SlowDisk,
    /// The node's disk has no room; when it has again, the node is started again on its data.
    FullDisk,
    /// As [`FaultKind::Kill`], and the node starts with an empty folder.
    LostDisk,
}
