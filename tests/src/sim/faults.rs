//! What may go wrong in a run, as data.

use std::fmt;

use model::id::NodeId;

use super::layout::{name, region};

/// Simulated time in milliseconds since the start: the number of the tick.
pub type Tick = u64;

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A node reaches no other and is reached by none.
    Isolate(NodeId),
    /// What two nodes send each other is lost.
    Cut(NodeId, NodeId),
    /// What the first sends to the second is lost.
    OneWay(NodeId, NodeId),
    /// What two nodes send each other is held back, and arrives at the end.
    Hold(NodeId, NodeId),
    /// A node loses power.
    Crash(NodeId),
    /// A node is asked to stop, and starts again. One that doesn't stop in time crashes.
    Stop(NodeId),
    /// A node loses power between two operations on its disk, while it takes in a snapshot. Not of the schedule.
    LosePower(NodeId),
    /// A node stops, and starts again with an empty disk.
    LoseDisk(NodeId),
    /// A node stops and its disk is lost; it starts again outside the cluster, once it is removed. Not of the schedule.
    Lose(NodeId),
    /// A node is removed from the cluster, and starts again outside it, with an empty disk. Not of the schedule.
    Remove(NodeId),
    /// A node is added: partitions of its region move to it. Not of the schedule.
    Join(NodeId),
    /// All nodes lose power at once.
    CrashAll,
    /// A node is isolated, and loses power and starts again meanwhile.
    RestartIsolated(NodeId),
    /// Every sync of a node takes up to seconds.
    SlowDisk(NodeId),
    /// There is no room on a node's disk. The node stops by itself, and starts again when there is room.
    FullDisk(NodeId),
    /// A process is stopped and continued: its tasks stand still while time passes.
    Pause(NodeId),
    /// A machine sleeps: its tasks stand still and its network is down, its monotonic clock stands, and its clock that
    /// runs in suspend goes on.
    Suspend(NodeId),
    /// All machines sleep for so many hours, in which nothing happens.
    SleepAll(u64),
    /// A node's wall clock is ahead by so many milliseconds; behind, when that is negative.
    WallClock(NodeId, i64),
}

/// How long a fault lasts that is never over.
pub const FOR_GOOD: u64 = u64::MAX;

/// A fault with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// When it begins.
    pub from: Tick,
    /// How many milliseconds it lasts; [`FOR_GOOD`] when it isn't healed at the end either.
    pub lasts: u64,
    /// What it is.
    pub fault: Fault,
}

/// A stretch of time in which something was wrong.
#[derive(Debug, Clone)]
pub struct Span {
    /// From when.
    pub from: Tick,
    /// Until when; nothing while it lasts.
    pub to: Option<Tick>,
    /// What.
    pub fault: Fault,
}

impl Fault {
    /// Returns the ends of the one line that this cuts, the lower first; nothing when it is another kind of fault.
    pub fn line(&self) -> Option<(NodeId, NodeId)> {
        match self {
            Fault::Cut(a, b) | Fault::OneWay(a, b) | Fault::Hold(a, b) => Some((*a.min(b), *a.max(b))),
            _ => None,
        }
    }

    /// Says whether a node was stopped, stood still or was cut off from somebody.
    pub fn cuts_off(&self, node: NodeId) -> bool {
        match self {
            Fault::Isolate(hit)
            | Fault::Crash(hit)
            | Fault::LosePower(hit)
            | Fault::LoseDisk(hit)
            | Fault::Lose(hit)
            | Fault::Remove(hit)
            | Fault::SlowDisk(hit)
            | Fault::FullDisk(hit)
            | Fault::Pause(hit)
            | Fault::Suspend(hit)
            | Fault::RestartIsolated(hit) => *hit == node,
            Fault::Cut(from, to) | Fault::OneWay(from, to) | Fault::Hold(from, to) => *from == node || *to == node,
            // Who had them isn't asked what it has begun.
            Fault::Join(joining) => region(*joining) == region(node),
            Fault::CrashAll | Fault::SleepAll(_) => true,
            // Whoever stops in order records first what it began.
            Fault::Stop(_) | Fault::WallClock(..) => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Isolate(node) => write!(f, "isolate {}", name(*node)),
            Fault::Cut(a, b) => write!(f, "cut {} and {}", name(*a), name(*b)),
            Fault::OneWay(from, to) => write!(f, "lose {} to {}", name(*from), name(*to)),
            Fault::Hold(a, b) => write!(f, "hold {} and {}", name(*a), name(*b)),
            Fault::Crash(node) => write!(f, "crash {}", name(*node)),
            Fault::Stop(node) => write!(f, "stop {}", name(*node)),
            Fault::LosePower(node) => write!(f, "lose the power of {}", name(*node)),
            Fault::LoseDisk(node) => write!(f, "lose the disk of {}", name(*node)),
            Fault::Lose(node) => write!(f, "lose {} for good", name(*node)),
            Fault::Remove(node) => write!(f, "remove {}", name(*node)),
            Fault::Join(node) => write!(f, "add {}", name(*node)),
            Fault::CrashAll => f.write_str("crash all"),
            Fault::RestartIsolated(node) => write!(f, "isolate and restart {}", name(*node)),
            Fault::SlowDisk(node) => write!(f, "slow the disk of {}", name(*node)),
            Fault::FullDisk(node) => write!(f, "fill the disk of {}", name(*node)),
            Fault::Pause(node) => write!(f, "pause {}", name(*node)),
            Fault::Suspend(node) => write!(f, "suspend the machine of {}", name(*node)),
            Fault::SleepAll(hours) => write!(f, "let all machines sleep for {hours} hours"),
            Fault::WallClock(node, ahead) => write!(f, "set the wall clock of {} off by {ahead} ms", name(*node)),
        }
    }
}
