//! What a sender is told at its start. Holds no defaults for what an operator must decide.

use std::collections::BTreeMap;
use std::time::Duration;

use delivery::pacing::Rate;
use model::message::Claim;
use model::{Channel, Incarnation, NodeId, RegionId};

/// Who sends, what, and how fast.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// The region of this node: its outboxes are sent from.
    pub region: RegionId,
    /// This node.
    pub node: NodeId,
    /// This start of the node.
    pub incarnation: Incarnation,
    /// How fast the region's identities may send together, by channel; a channel that isn't named isn't paced.
    pub rates: BTreeMap<Channel, Rate>,
    /// Among how many nodes of the region the rates are divided; at least 1.
    pub region_nodes: u64,
    /// The bounds of memory and of what is under way.
    pub limits: Limits,
}

/// The bounds of one partition's sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest number of waiting messages kept in memory; more are read again from the outbox.
    pub schedule_len: usize,
    /// The largest number of messages in one dispatch or claim; at most 1,000.
    pub batch_len: usize,
    /// The largest number of batches of one channel and class that are with the provider.
    pub batches_in_flight: usize,
    /// The largest number of messages begun or refused and not settled; sending pauses there, so that results that
    /// can't be recorded don't pile up.
    pub unsettled_len: usize,
    /// The largest number of results in one Settle; at most 1,000.
    pub settle_len: usize,
    /// How long results wait for others while a Settle is under way.
    pub settle_linger: Duration,
    /// The largest number of Settles under way.
    pub settles_in_flight: usize,
    /// How long after a batch the next smaller one may begin while one is with the provider.
    pub dispatch_linger: Duration,
    /// How much of the critical-section limit (G, 50 ms) the pre-check of a batch uses before it leaves the rest for
    /// the next one. The same messages are checked again when the batch leaves, so that this bounds that critical
    /// section as well.
    pub pre_check_budget: Duration,
    /// How long a driver may take before the outcome of its batch counts as unknown.
    pub dispatch_timeout: Duration,
    /// How long one try to propose may take.
    pub proposal_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            schedule_len: 20_000,
            batch_len: 500,
            batches_in_flight: 8,
            unsettled_len: 20_000,
            settle_len: 1_000,
            settle_linger: Duration::from_millis(5),
            settles_in_flight: 4,
            dispatch_linger: Duration::from_millis(2),
            pre_check_budget: Duration::from_millis(20),
            dispatch_timeout: Duration::from_secs(30),
            proposal_deadline: Duration::from_secs(5),
        }
    }
}

impl SenderConfig {
    /// Returns the claim that this incarnation of the node puts on messages.
    pub fn claim(&self) -> Claim {
        Claim { node: self.node, incarnation: self.incarnation }
    }
}
