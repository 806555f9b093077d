//! What an operator is told without asking.

use model::alarm::Alarm;

/// The alarms of a node, as it sees itself and the cluster.
pub trait Alarms: Send + Sync {
    /// Returns what is raised now, the most severe first; each condition once.
    fn raised(&self) -> Vec<Alarm>;
}
