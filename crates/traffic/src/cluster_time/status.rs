//! What a node says about the cluster's time and its own clock.

use std::collections::BTreeMap;

use model::id::NodeId;
use model::time::Timestamp;

/// What the time that a node goes by rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A majority of the regions, or what was known before.
    Line,
    /// The lower one of the clocks that are known, because they don't agree or too few answer.
    Lower,
    /// Nothing: no entry is stamped here.
    Unknown,
}

/// How a node stands with the cluster's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeStatus {
    /// The cluster's time, if it is known here.
    pub time: Option<Timestamp>,
    /// What it rests on.
    pub source: Source,
    /// The median of the regions' wall clocks, when a majority agrees with it.
    pub median: Option<Timestamp>,
    /// A leap of the median that isn't followed.
    pub leap: Option<Leap>,
    /// How far this node's wall clock is ahead of the cluster's time, in milliseconds; negative when it is behind.
    pub ahead_ms: Option<i64>,
    /// The same, while that is more than is allowed.
    pub off_ms: Option<i64>,
    /// The same of the other nodes that were heard of lately and are off.
    pub others_off_ms: BTreeMap<NodeId, i64>,
}

/// The median of the wall clocks moved although no downtime explains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leap {
    /// How far the median is ahead of the cluster's time, in milliseconds; negative when it is behind.
    pub ahead_ms: i64,
}

/// What a node tells others: its cluster's time, and how often an operator accepted a leap before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnTime {
    /// The cluster's time as the node has it, at the moment of its telling.
    pub time: Timestamp,
    /// Leaps accepted so far. Who knows of more is right about the time.
    pub era: u64,
}
