//! What nodes tell each other of their sending, so that each can judge all regions.

use traffic::observed::{NodeSecond, ReplicaProgress, Reporter};

/// The exchange of counts with the other nodes. Never blocks; what is told is told again until it arrives, for a few
/// seconds.
pub trait CountExchange: Send + Sync {
    /// Tells the others what this node counted in a second. Seconds rise.
    fn tell(&self, second: NodeSecond);

    /// Returns what arrived since the last time: each second of each node once, in the order of their arrival.
    fn heard(&self) -> Vec<(Reporter, NodeSecond)>;

    /// Returns how far the replicas of partitions here are: what is counted from apply comes as late as they lag.
    fn replicas(&self) -> Vec<ReplicaProgress>;
}
